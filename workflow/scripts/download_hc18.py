"""Fetch the public HC18 images, their annotations and their table from Zenodo."""

from pathlib import Path

from fetal_biometry import job
from fetal_biometry.data.download import download_hc18

if __name__ == "__main__":
    with job.start(snakemake):
        folder = Path(snakemake.output[0]).parent
        download_hc18(snakemake.params.url, folder, snakemake.params.test_set)
