"""Compare the audit's verdicts with the independent reference."""

from fetal_biometry import job
from fetal_biometry.frames import read_frame, read_frames
from fetal_biometry.report.audit_benchmark import benchmark_audit

if __name__ == "__main__":
    with job.start(snakemake):
        source, output = snakemake.input, snakemake.output
        job.write_json(benchmark_audit(read_frame(source.images), read_frames(source.geometry)), output.metrics)
