"""Write the page that sets two experiments at a time side by side."""

import pandas as pd

from fetal_biometry import job
from fetal_biometry.frames import read_frame
from fetal_biometry.report.comparison import comparison_page

if __name__ == "__main__":
    with job.start(snakemake):
        source, params = snakemake.input, snakemake.params
        table = pd.read_csv(source.table)
        unit = "mm" if "hc_mae_mm" in table else "px"
        page = comparison_page(
            list(table["experiment"]), params.against, list(map(read_frame, source.errors)),
            list(map(read_frame, source.predictions)), read_frame(source.manifest), params.run, unit,
        )  # fmt: skip
        with job.atomic_path(snakemake.output.html) as temporary:
            temporary.write_text(page, encoding="utf-8")
