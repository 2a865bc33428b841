"""Write the benchmarks as one JSON file, a table and a figure."""

import json
from pathlib import Path

from fetal_biometry import job
from fetal_biometry.bench.report import describe_machine, draw, tabulate

if __name__ == "__main__":
    with job.start(snakemake):
        parts = ("training", "inference", "workflow")
        bench = {part: json.loads(Path(snakemake.input[part]).read_text(encoding="utf-8")) for part in parts}
        bench = {"machine": describe_machine()} | bench
        job.write_json(bench, snakemake.output.bench)
        with job.atomic_path(snakemake.output.table) as temporary:
            temporary.write_text(tabulate(bench), encoding="utf-8")
        draw(bench, snakemake.output.figure)
