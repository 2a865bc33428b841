"""Write the report of a run: one self-contained HTML page."""

import json
import os
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from fetal_biometry import job
from fetal_biometry.frames import read_frame
from fetal_biometry.report import report
from fetal_biometry.report.overlays import overlay_name

PACKAGES = ("torch", "onnxruntime", "opencv-python-headless", "numpy", "pandas", "pydicom", "snakemake")


def installed_versions() -> dict[str, str]:
    """Versions of the packages a result can depend on, where installed, without importing them."""
    installed = {dist.metadata["Name"].lower() for dist in metadata.distributions()}
    return {name: metadata.version(name) for name in PACKAGES if name in installed}


def overlay_addresses(names, folders: list[str], page: str) -> dict[str, str]:
    """Where each image's overlay lies, seen from the page, by image name; of the images that have one."""
    files = {file.name: file for folder in folders for file in Path(folder).iterdir()}
    drawn = {name: files[overlay_name(name)] for name in names if overlay_name(name) in files}
    return {name: quote(os.path.relpath(file, Path(page).parent)) for name, file in drawn.items()}


def mean_history(paths: list[str]) -> pd.DataFrame:
    """What each epoch gave, the mean over an ensemble's trainings."""
    return pd.concat(map(pd.read_csv, paths)).groupby("epoch", as_index=False).mean()


if __name__ == "__main__":
    with job.start(snakemake):
        source, params = snakemake.input, snakemake.params
        predictions = read_frame(source.predictions)
        inputs = report.ReportInputs(
            run=params.run,
            experiment=params.experiment,
            manifest=read_frame(source.manifest),
            quarantine=read_frame(source.quarantine),
            predictions=predictions,
            metrics=json.loads(Path(source.metrics).read_text(encoding="utf-8")),
            audit=read_frame(source.audit) if source.get("audit") else None,
            split=read_frame(source.errors) if source.get("split") else None,  # with images that the model has seen
            history=mean_history(source.history) if source.get("history") else None,
            comparison=pd.read_csv(source.comparison) if source.get("comparison") else None,
            settings=params.settings,
            versions=installed_versions(),
            overlays=overlay_addresses(predictions.index, source.get("overlays", []), snakemake.output.html),
        )
        with job.atomic_path(snakemake.output.html) as temporary:
            temporary.write_text(report.render_report(inputs), encoding="utf-8")
