"""Put what the intervals rest on into the network's file, so that one file measures new images."""

import json
from pathlib import Path

from fetal_biometry import job
from fetal_biometry.model.export import package

if __name__ == "__main__":
    with job.start(snakemake):
        calibration = json.loads(Path(snakemake.input.calibration).read_text())
        calibration.pop("without", None)  # is for the images of this run
        package(snakemake.input.network, calibration, snakemake.output.model)
