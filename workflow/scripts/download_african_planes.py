"""Fetch planes of the fetus from five African countries from Zenodo, and list them in index.csv."""

from pathlib import Path

from fetal_biometry import job
from fetal_biometry.data.archives import AFRICAN_PLANES
from fetal_biometry.data.download import download

if __name__ == "__main__":
    with job.start(snakemake):
        download(AFRICAN_PLANES, snakemake.params.url, Path(snakemake.output.licence).parent)
