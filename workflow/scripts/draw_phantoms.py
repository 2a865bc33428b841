"""Draw the phantom images of the embedded dataset."""

import logging

from fetal_biometry import job
from fetal_biometry.data.phantom import plan_phantoms
from fetal_biometry.data.phantom_files import write_phantoms

if __name__ == "__main__":
    with job.start(snakemake):
        phantoms = plan_phantoms(snakemake.params.phantom_count, snakemake.params.seed)
        write_phantoms(phantoms, snakemake.output.folder, snakemake.threads)
        examinations = {phantom.examination for phantom in phantoms}
        logging.info("%d phantoms of %d examinations", len(phantoms), len(examinations))
