"""Fetch a public archive from Zenodo."""

from pathlib import Path

from fetal_biometry import job
from fetal_biometry.data.archives import ARCHIVES
from fetal_biometry.data.download import download

if __name__ == "__main__":
    with job.start(snakemake):
        params = snakemake.params
        download(ARCHIVES[params.archive], params.url, Path(snakemake.output.licence).parent)
