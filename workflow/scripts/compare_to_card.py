"""Compare a rebuilt model's figures on the test images with those of the pretrained model."""

from fetal_biometry import job
from fetal_biometry.frames import write_frame
from fetal_biometry.report.card_comparison import compare_to_card

if __name__ == "__main__":
    with job.start(snakemake):
        source = snakemake.input
        table = compare_to_card(job.read_json(source.metrics), job.read_json(source.pretrained))
        write_frame(table, snakemake.output.table)
        print(table.round(3).to_string(index=False, na_rep=""), flush=True)
