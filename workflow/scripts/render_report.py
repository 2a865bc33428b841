"""Write the report of a run: one self-contained HTML page."""

import json
from importlib import metadata
from pathlib import Path

from fetal_biometry import job, report

PACKAGES = ("torch", "onnxruntime", "opencv-python-headless", "numpy", "pandas", "pydicom", "snakemake")


def installed_versions() -> dict[str, str]:
    """Versions of the packages a result can depend on, where installed, without importing them."""
    installed = {dist.metadata["Name"].lower() for dist in metadata.distributions()}
    return {name: metadata.version(name) for name in PACKAGES if name in installed}


def optional_table(path):
    """The table at path; None where the rule has no such input."""
    return report.read_table(path) if path else None


if __name__ == "__main__":
    with job.start(snakemake):
        source, params = snakemake.input, snakemake.params
        inputs = report.ReportInputs(
            run=params.run,
            experiment=params.experiment,
            manifest=report.read_table(source.manifest),
            predictions=report.read_table(source.predictions),
            metrics=json.loads(Path(source.metrics).read_text(encoding="utf-8")),
            audit=optional_table(source.get("audit")),
            split=optional_table(source.get("split")),
            history=optional_table(source.get("history")),
            settings=params.settings,
            versions=installed_versions(),
            image_root=Path(params.get("image_root", ".")),
        )
        Path(snakemake.output.html).write_text(report.render_report(inputs), encoding="utf-8")
