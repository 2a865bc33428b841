"""Write the report of a run: the errors of a model where images have labels, else what was measured."""

from datetime import date
from pathlib import Path

import pandas as pd

from fetal_biometry import __version__, job
from fetal_biometry.digests import sha256_of
from fetal_biometry.frames import read_frame
from fetal_biometry.report.measuring_page import GivenModel, MeasuringInputs, render_measuring_page
from fetal_biometry.report.pages import write_page
from fetal_biometry.report.pictures import picture_addresses
from fetal_biometry.report.report import ReportInputs, installed_versions, render_report

if __name__ == "__main__":
    with job.start(snakemake):
        source, params = snakemake.input, snakemake.params
        tables = {name: read_frame(source[name]) for name in ("images", "quarantine", "predictions", "errors")}
        large, small = {}, {}
        if params.settings["overlays"]:
            rows = tables["predictions"].join(tables["images"][["path", "frame"]])
            whole = params.settings["show_whole_frames"]
            large, small = picture_addresses(rows, Path(params.pictures), whole, snakemake.threads)
        inputs = ReportInputs(
            run=params.run,
            recipe=params.recipe,
            **tables,
            metrics=job.read_json(source.metrics),
            history=pd.read_csv(source.history) if source.get("history") else None,
            comparison=pd.read_csv(source.comparison) if source.get("comparison") else None,
            settings=params.settings,
            versions=installed_versions(),
            overlays=large,
        )
        if inputs.metrics["labels"]["labelled"]:
            page = render_report(inputs)
        else:
            figures = job.read_json(source.figures) if source.get("figures") else {}
            model = GivenModel(Path(source.model).name, sha256_of(source.model)[:12], figures)
            page = render_measuring_page(MeasuringInputs(inputs, model, small, f"{date.today()}", __version__))
        write_page(page, snakemake.output.html)
