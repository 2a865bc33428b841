"""Write the benchmarks of this processor as JSON, beside other processors' as a table, and as a figure."""

import json
from dataclasses import asdict
from pathlib import Path

from fetal_biometry import job
from fetal_biometry.bench.report import draw, tabulate
from fetal_biometry.processor import read_processor

if __name__ == "__main__":
    with job.start(snakemake):
        source, output = snakemake.input, snakemake.output
        parts = ("training", "inference", "workflow")
        bench = {part: json.loads(Path(source[part]).read_text(encoding="utf-8")) for part in parts}
        bench = {"machine": asdict(read_processor())} | bench
        job.write_json(bench, output.bench)
        paths = sorted(map(Path, [*source.others, output.bench]))
        benches = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}
        with job.atomic_path(output.table) as temporary:
            temporary.write_text(tabulate(benches), encoding="utf-8")
        draw(bench, output.figure)
