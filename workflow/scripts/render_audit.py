"""Write the audit's page, and a table of every label for the annotator."""

from fetal_biometry import job
from fetal_biometry.frames import read_frame, write_frame
from fetal_biometry.limits import ReviewLimits, read_limits
from fetal_biometry.report.audit_page import annotator_table, audit_page, audited_rows
from fetal_biometry.report.pages import write_page

if __name__ == "__main__":
    with job.start(snakemake):
        source, params, output = snakemake.input, snakemake.params, snakemake.output
        limits = read_limits(source.limits, ReviewLimits)
        rows = audited_rows(read_frame(source.images), limits)
        write_frame(annotator_table(rows), output.annotator)
        write_page(audit_page(rows, params.run, params.method, limits, output.annotator), output.html)
