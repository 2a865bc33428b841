"""Compare a rebuilt model's figures on the test images with those of the pretrained model."""

import json
from pathlib import Path

from fetal_biometry import job
from fetal_biometry.frames import write_frame
from fetal_biometry.report.card_comparison import compare_to_card

if __name__ == "__main__":
    with job.start(snakemake):
        files = (snakemake.input.metrics, snakemake.input.pretrained)
        table = compare_to_card(*(json.loads(Path(path).read_text(encoding="utf-8")) for path in files))
        write_frame(table, snakemake.output.table)
        print(table.round(3).to_string(index=False, na_rep=""), flush=True)
