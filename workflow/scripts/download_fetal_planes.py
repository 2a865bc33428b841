"""Fetch FETAL_PLANES_DB, planes of the fetus from Barcelona, from Zenodo, and list them in index.csv."""

from pathlib import Path

from fetal_biometry import job
from fetal_biometry.data.archives import FETAL_PLANES
from fetal_biometry.data.download import download

if __name__ == "__main__":
    with job.start(snakemake):
        download(FETAL_PLANES, snakemake.params.url, Path(snakemake.output.licence).parent)
