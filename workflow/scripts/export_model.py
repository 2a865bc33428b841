"""Export trained weights to ONNX, with all that reading their output takes."""

import logging
from pathlib import Path

import numpy as np
import torch

from fetal_biometry import job
from fetal_biometry.errors import InputError
from fetal_biometry.frames import read_frame, sizes_of
from fetal_biometry.images.cache import Arrays
from fetal_biometry.model.export import export
from fetal_biometry.model.quantise import IMAGES, MOST_CHANGE, quantise
from fetal_biometry.recipe import read_reading

if __name__ == "__main__":
    with job.start(snakemake):
        torch.set_num_threads(snakemake.threads)
        source, network = snakemake.input, snakemake.output.network
        reading = read_reading(source.recipe)
        with job.atomic_path(network) as temporary:
            export(torch.load(source.model, weights_only=True, map_location="cpu"), reading, temporary)
            if reading.arithmetic == "int8":
                array, index = source.images[0], read_frame(source.images[1])
                some = index.iloc[np.linspace(0, len(index) - 1, min(len(index), IMAGES)).astype(int)]
                change = quantise(temporary, Arrays([array]).gather(some.index), sizes_of(some))
                logging.info("8-bit integers change a length by %.2g of it, the median", change)
                if change > MOST_CHANGE:
                    raise InputError(
                        f"8-bit integers change lengths by {change:.1%}; set reading.arithmetic: float32 in the recipe."
                    )
        Path(source.model).with_name("checkpoint.pt").unlink(missing_ok=True)
