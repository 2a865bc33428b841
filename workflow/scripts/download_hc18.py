"""Fetch the public HC18 images, their annotations and their table from Zenodo."""

from pathlib import Path

from fetal_biometry import job
from fetal_biometry.data.archives import HC18, HC18_WITH_TEST_SET
from fetal_biometry.data.download import download

if __name__ == "__main__":
    with job.start(snakemake):
        archive = HC18_WITH_TEST_SET if snakemake.params.test_set else HC18
        download(archive, snakemake.params.url, Path(snakemake.output.licence).parent)
