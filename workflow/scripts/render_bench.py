"""Write the benchmarks of this processor as JSON, and beside other processors' as a table."""

from dataclasses import asdict
from pathlib import Path

from fetal_biometry import job
from fetal_biometry.bench.report import join_figures, tabulate
from fetal_biometry.processor import read_processor

if __name__ == "__main__":
    with job.start(snakemake):
        source, output = snakemake.input, snakemake.output
        figures = join_figures(*map(job.read_json, (source.training, source.inference, source.commands)))
        job.write_json({"machine": asdict(read_processor()), "figures": figures}, output.bench)
        benches = {Path(path).stem: job.read_json(path) for path in sorted([*source.others, output.bench])}
        with job.atomic_path(output.table) as temporary:
            temporary.write_text(tabulate(benches), encoding="utf-8")
