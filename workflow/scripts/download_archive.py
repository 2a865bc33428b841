"""Fetch a public archive from Zenodo; of planes, list them in index.csv."""

from pathlib import Path

from fetal_biometry import job
from fetal_biometry.data.archives import ARCHIVES
from fetal_biometry.data.download import download

if __name__ == "__main__":
    with job.start(snakemake):
        archive = ARCHIVES[snakemake.params.archive]
        download(archive, snakemake.params.url, Path(snakemake.output.licence).parent)
