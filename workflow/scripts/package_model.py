"""Put what the intervals rest on into the network's file, so that one file measures new images."""

import json
from pathlib import Path

import onnx

from fetal_biometry import job
from fetal_biometry.inference import METADATA

if __name__ == "__main__":
    with job.start(snakemake):
        model = onnx.load(snakemake.input.network)
        properties = {entry.key: entry.value for entry in model.metadata_props}
        calibration = json.loads(Path(snakemake.input.calibration).read_text())
        metadata = json.loads(properties[METADATA]) | {"calibration": calibration}
        onnx.helper.set_model_props(model, properties | {METADATA: json.dumps(metadata)})
        with job.atomic_path(snakemake.output.model) as temporary:
            onnx.save(model, temporary)
