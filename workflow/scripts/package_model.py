"""Put what the intervals rest on into the network's file, so that one file measures new images."""

import json
from pathlib import Path

import onnx

from fetal_biometry import job
from fetal_biometry.model.onnx_file import METADATA, open_model

if __name__ == "__main__":
    with job.start(snakemake):
        calibration = json.loads(Path(snakemake.input.calibration).read_text())
        calibration.pop("without", None)  # is for the images of this run
        metadata = open_model(snakemake.input.network)[1] | {"calibration": calibration}
        model = onnx.load(snakemake.input.network)
        onnx.helper.set_model_props(model, {METADATA: json.dumps(metadata)})
        with job.atomic_path(snakemake.output.model) as temporary:
            onnx.save(model, temporary)
