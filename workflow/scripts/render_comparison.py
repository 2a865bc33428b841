"""Write the page that shows two recipes at a time side by side."""

import pandas as pd

from fetal_biometry import job
from fetal_biometry.frames import read_frame
from fetal_biometry.report.comparison_page import comparison_page
from fetal_biometry.report.pages import write_page

if __name__ == "__main__":
    with job.start(snakemake):
        source, params = snakemake.input, snakemake.params
        table = pd.read_csv(source.table)
        unit = "mm" if "hc_mae_mm" in table else "px"
        tables = [[read_frame(path) for path in files] for files in (source.errors, source.predictions)]
        names, images = list(table["recipe"]), read_frame(source.images)
        page = comparison_page(names, params.against, *tables, images, params.run, unit)
        write_page(page, snakemake.output.html)
