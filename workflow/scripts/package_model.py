"""Put what the intervals rest on into the network's file, so that one file measures new images."""

from fetal_biometry import job
from fetal_biometry.model.export import package

if __name__ == "__main__":
    with job.start(snakemake):
        calibration = job.read_json(snakemake.input.calibration)
        calibration.pop("without", None)  # is for the images of this run
        package(snakemake.input.network, calibration, snakemake.output.model)
