"""Images measured from Python or the terminal, without a run of the workflow."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from fetal_biometry.digests import check_model
from fetal_biometry.images.image_ref import ImageRef, file_of, list_folder, list_frames
from fetal_biometry.images.raster import Prepared, prepare_images
from fetal_biometry.images.regions import format_regions
from fetal_biometry.limits import read_limits
from fetal_biometry.measure import growth
from fetal_biometry.measure.biometry import measure
from fetal_biometry.measure.site import read_site, refuse_other_calliper
from fetal_biometry.measure.site_lengths import in_site_convention
from fetal_biometry.model.geometry import fit_square
from fetal_biometry.model.inference import Predictor, locate_all
from fetal_biometry.processor import usable_cores
from fetal_biometry.terms import Calliper

HOME = Path(__file__).resolve().parents[4]
PRETRAINED = HOME / "resources" / "models" / "hc18.onnx"


def measure_images(
    images,
    pixel_size_mm: float = np.nan,
    model=PRETRAINED,
    growth_chart: str = "none",
    weeks: float = np.nan,
    recursive: bool = False,
    site="",
) -> pd.DataFrame:
    """Lengths of heads in images, as `predictions.csv` of a run has them.

    Parameters
    ----------
    images : list of paths, or of ndarray of shape (H, W), uint8
        Image files, of which a DICOM file may hold several (``cine.dcm#2`` is one frame of it), folders of such, or
        grey arrays. What a folder holds beside images is logged as a warning.
    pixel_size_mm : float
        Of all images. Without one lengths are in mm where a DICOM file states its own, and elsewhere in pixels.
    model : path
        A ``model.onnx`` of a run.
    growth_chart : str
        ``none`` or a name of `growth.CHARTS`, whose ages and centiles stand beside the
        lengths, see `growth.read_lengths`. For research.
    weeks : float
        Gestational age by dates of all images, from which their centiles follow.
    recursive : bool
        Whether subfolders of folders are read, too.
    site : path or str
        A ``site.json``, or a convention of `site.CONVENTIONS`, whose callipers points and lengths follow.

    Returns
    -------
    DataFrame
        A row an image, named by its file or, where names repeat, by its path as given: landmarks in original pixels,
        ``bpd_px`` to ``hc_mm`` with 90 % intervals, ``confidence`` and ``flags``; see `biometry.measure`. With a chart
        also `growth.read_lengths`.

    Raises
    ------
    InputError
        When a file cannot be read, or the model is not the one of the card beside it, or of the site, or takes BPD
        otherwise than the convention.

    Examples
    --------
    >>> from fetal_biometry.data.phantom import draw_phantom, plan_phantoms
    >>> (phantom,) = plan_phantoms(1, seed=3)
    >>> table = measure_images([draw_phantom(phantom)], phantom.pixel_size_mm)
    >>> bool(table["ofd_mm"].between(15, 130).all())
    True
    """
    check_model(model)
    convention = read_site(site, model)
    predictor = Predictor(model, usable_cores())
    refuse_other_calliper(convention, Calliper(predictor.calibration.get("calliper", Calliper.OUTER_TO_OUTER)))
    names, prepared = _prepare(images, predictor, recursive)
    facts = pd.DataFrame({"image_name": names, "pixel_size_mm": pixel_size_mm})
    sizes = np.array([(one.width, one.height) for one in prepared], dtype=int).reshape(-1, 2)
    facts[["width_px", "height_px"]] = sizes
    facts["calibrated_regions"] = [format_regions(one.calibration.regions) for one in prepared]
    facts["calibration_problem"] = [one.calibration.problem for one in prepared]
    found = locate_all(predictor, names, (one.pixels for one in prepared), sizes)
    limits = read_limits(HOME / "limits.yaml").flags
    table = measure(found, facts, predictor.calibration, limits, Calliper.OUTER_TO_OUTER)
    table = table.join(growth.read_lengths(table, np.full(len(table), weeks), growth_chart))
    return in_site_convention(table, convention)


def _prepare(images, predictor: Predictor, recursive: bool) -> tuple[list[str], list[Prepared]]:
    size = predictor.prepared_size
    if all(isinstance(image, np.ndarray) for image in images):
        prepared = [Prepared(fit_square(one, size), *one.shape[::-1]) for one in images]
        return [f"image {number}" for number in range(1, len(images) + 1)], prepared
    named = [(f"{name}{frame.suffix}", frame) for path in images for name, frame in _frames(Path(path), recursive)]
    prepared = list(prepare_images([frame for _, frame in named], size))
    for one in prepared:
        if isinstance(one, Exception):
            raise one
    times = Counter(name for name, _ in named)
    return [name if times[name] == 1 else str(frame) for name, frame in named], prepared


def _frames(path: Path, recursive: bool) -> Iterator[tuple[str, ImageRef]]:
    """The images that a path names, a file's or a folder's, each with its file's name, in a folder its path there."""
    if not path.is_dir():
        yield from ((file_of(path)[0].name, frame) for frame in list_frames(path))
        return
    listing = list_folder(path, recursive)
    if not listing.images:
        raise listing.without_image(path)
    for other, reason in listing.passed_over.items():
        logging.warning("%s: not measured: %s.", other, reason)
    for file in listing.images:
        yield from ((file.relative_to(path).as_posix(), frame) for frame in list_frames(file))
