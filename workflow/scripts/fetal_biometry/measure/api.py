"""Images measured from Python or the terminal, without a run of the workflow."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from fetal_biometry.data.sources import format_regions
from fetal_biometry.digests import check_model
from fetal_biometry.images.image_ref import list_frames
from fetal_biometry.images.raster import image_size, pixel_sizes_in, read_squeezed
from fetal_biometry.measure import growth
from fetal_biometry.measure.biometry import measure
from fetal_biometry.model.geometry import squeeze
from fetal_biometry.model.inference import Predictor, locate_all

HOME = Path(__file__).resolve().parents[4]
SHIPPED_MODEL = HOME / "resources" / "models" / "hc18.onnx"


def measure_images(
    images, pixel_size_mm: float = np.nan, model=SHIPPED_MODEL, growth_chart: str = "none", weeks: float = np.nan
) -> pd.DataFrame:
    """Lengths of heads in images, as `predictions.csv` of a run has them.

    Parameters
    ----------
    images : list of paths, or of ndarray of shape (H, W), uint8
        Image files, of which a DICOM file may hold several, or grey arrays.
    pixel_size_mm : float
        Of all images. Without one lengths are in mm where a DICOM file states its own, and elsewhere in pixels.
    model : path
        A ``model.onnx`` of a run.
    growth_chart : {'none', 'hadlock', 'intergrowth'}
        Whose gestational ages stand beside the lengths, see `growth.read_lengths`. For research.
    weeks : float
        Gestational age by dates of all images, from which their centiles follow.

    Returns
    -------
    DataFrame
        A row an image: `landmarks.COLUMNS` in original pixels, ``bpd_px`` to ``hc_mm``, 90 % intervals in mm where
        mm are known and else in pixels, ``confidence`` and ``flags``; see `biometry.tabulate`. With a chart
        also `growth.read_lengths`.

    Raises
    ------
    InputError
        When a file cannot be read, or the model is not the one of the card beside it.

    Examples
    --------
    >>> from fetal_biometry.data.phantom import draw_phantom, plan_phantoms
    >>> (phantom,) = plan_phantoms(1, seed=3)
    >>> table = measure_images([draw_phantom(phantom)], phantom.pixel_size_mm)
    >>> bool(table["ofd_mm"].between(15, 130).all())
    True
    """
    check_model(model)
    predictor = Predictor(model, os.cpu_count() or 1)
    if all(isinstance(image, np.ndarray) for image in images):
        names, sizes = [f"image {number}" for number in range(1, len(images) + 1)], [im.shape[::-1] for im in images]
        regions, squeezed = [""] * len(images), (squeeze(image, predictor.cache_size) for image in images)
    else:
        frames = [frame for path in images for frame in list_frames(path)]
        names, sizes = [Path(frame).name for frame in frames], [image_size(frame) for frame in frames]
        regions = [format_regions(pixel_sizes_in(frame)) for frame in frames]
        squeezed = (image for image, _ in read_squeezed(frames, predictor.cache_size))
    found = locate_all(predictor, names, squeezed, np.array(sizes))
    manifest = pd.DataFrame(sizes, columns=["width_px", "height_px"])
    manifest["calibrated_regions"], manifest["pixel_size_mm"] = regions, pixel_size_mm
    config = yaml.safe_load((HOME / "config.yaml").read_text(encoding="utf-8"))
    table, _ = measure(found, manifest, predictor.metadata.get("calibration", {}), config["flags"], config["calliper"])
    return table.join(growth.read_lengths(table, np.full(len(table), weeks), growth_chart))
