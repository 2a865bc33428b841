"""Write the report of a run: one self-contained HTML page."""

import json
from pathlib import Path

import pandas as pd

from fetal_biometry import job
from fetal_biometry.frames import read_frame
from fetal_biometry.report.overlays import overlay_addresses
from fetal_biometry.report.pages import write_page
from fetal_biometry.report.report import ReportInputs, installed_versions, render_report

if __name__ == "__main__":
    with job.start(snakemake):
        source, params, page = snakemake.input, snakemake.params, snakemake.output.html
        names = ("images", "quarantine", "predictions", "errors")
        tables = {name: read_frame(source[name]) for name in names}
        inputs = ReportInputs(
            run=params.run,
            recipe=params.recipe,
            **tables,
            metrics=json.loads(Path(source.metrics).read_text(encoding="utf-8")),
            history=pd.read_csv(source.history) if source.get("history") else None,
            comparison=pd.read_csv(source.comparison) if source.get("comparison") else None,
            settings=params.settings,
            versions=installed_versions(),
            overlays=overlay_addresses(tables["predictions"].index, source.get("overlays", []), page),
        )
        write_page(render_report(inputs), page)
