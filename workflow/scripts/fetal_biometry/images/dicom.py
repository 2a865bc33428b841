"""Ultrasound DICOM files: frames as grey images, and how many millimetres a pixel is in which part of them.

Only what concerns the picture is read, no patient's data, and nothing of a file but its name stands in messages.
"""

from contextlib import contextmanager

import numpy as np
from pydicom import Dataset, config, dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.pixels import apply_color_lut, apply_rescale, apply_voi_lut, pixel_array

from fetal_biometry.errors import InputError

config.settings.reading_validation_mode = config.IGNORE  # its warnings quote the values of tags

_CENTIMETRES, _TWO_DIMENSIONAL = 3, 1  # of PhysicalUnitsXDirection, of RegionSpatialFormat (PS3.3, C.8.5.5)
_COLOURS = ("MONOCHROME1", "MONOCHROME2", "RGB", "YBR", "PALETTE COLOR")
_PICTURE = [tag_for_keyword(keyword) for keyword in (
    "Rows", "Columns", "NumberOfFrames", "PixelSpacing", "SequenceOfUltrasoundRegions",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
)]  # fmt: skip
_GREYS = [tag_for_keyword(keyword) for keyword in (
    "WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence", "RescaleSlope", "RescaleIntercept",
)]  # fmt: skip


def frame_sizes(path) -> tuple[int, int, int]:
    """``(width, height, frames)`` of a file, without decoding it."""
    facts = _read_facts(path)
    with _refusal(path, "a DICOM file without an image", "remove it"):
        return int(facts.Columns), int(facts.Rows), int(facts.get("NumberOfFrames") or 1)


def read_frame(path, frame: int) -> np.ndarray:
    """A frame, counted from 0, as a viewer shows it at first: uint8, grey (H, W) or red, green and blue (H, W, 3).

    Raises
    ------
    InputError
        When the file cannot be read, or its compression not be undone by what is installed.
    """
    facts = Dataset()
    with _refusal(path, "the DICOM image cannot be decoded", "export it uncompressed or as PNG"):
        values = pixel_array(path, index=frame, ds_out=facts, specific_tags=_GREYS)
        if facts.PhotometricInterpretation.partition("_")[0] not in _COLOURS:
            raise ValueError
        if facts.PhotometricInterpretation == "PALETTE COLOR":
            values = apply_color_lut(values, facts)
            values = (values / (1 << 8 * (values.itemsize - 1))).astype(np.uint8)
        if values.ndim == 2:
            return _to_grey(values, facts)
        if values.dtype != np.uint8:
            raise ValueError
        return np.ascontiguousarray(values)


def calibrated_regions(path, frame: int) -> np.ndarray:
    """Where in a frame a pixel's size is known.

    The file's two-dimensional ultrasound regions in centimetres; where it has none, its PixelSpacing, for the whole
    frame. Nothing is guessed.

    Returns
    -------
    ndarray of shape (R, 6)
        First and last column and row of each region, and the size of its pixels across and down in mm, as columns
        ``left, top, right, bottom, across, down``. R is 0 where the file is silent.
    """
    facts = _read_facts(path)
    with _refusal(path, "the calibration of a DICOM file cannot be read", "replace or remove it"):
        regions = np.array(_stated_regions(facts, frame), dtype=float).reshape(-1, 6)
        return regions[(regions[:, 4:] > 0).all(axis=1) & np.isfinite(regions).all(axis=1)]


def _stated_regions(facts: Dataset, frame: int) -> list[list]:
    found = []
    for region in facts.get("SequenceOfUltrasoundRegions") or []:
        units = [region.get("PhysicalUnitsXDirection"), region.get("PhysicalUnitsYDirection")]
        if region.get("RegionSpatialFormat") == _TWO_DIMENSIONAL and units == [_CENTIMETRES, _CENTIMETRES]:
            place = [region.RegionLocationMinX0, region.RegionLocationMinY0, region.RegionLocationMaxX1,
                     region.RegionLocationMaxY1]  # fmt: skip
            found.append([*place, 10 * abs(region.PhysicalDeltaX), 10 * abs(region.PhysicalDeltaY)])
    if not found:
        spacing = _pixel_spacing(facts, frame)
        if spacing is not None:
            down, across = map(float, spacing)
            found.append([0, 0, facts.Columns - 1, facts.Rows - 1, across, down])
    return found


def _pixel_spacing(facts: Dataset, frame: int):
    """Millimetres down and across of an enhanced file's frame, or of the whole file."""
    per_frame = facts.get("PerFrameFunctionalGroupsSequence") or []
    for groups in (*per_frame[frame : frame + 1], *(facts.get("SharedFunctionalGroupsSequence") or [])):
        for measures in groups.get("PixelMeasuresSequence") or []:
            if measures.get("PixelSpacing"):
                return measures.PixelSpacing
    return facts.get("PixelSpacing") or None


def _to_grey(values: np.ndarray, facts: Dataset) -> np.ndarray:
    """8-bit grey values of stored ones, by the file's own window where it has one."""
    bits, signed = int(facts.BitsStored), bool(facts.PixelRepresentation)
    ends = np.array([-(1 << bits - 1), (1 << bits - 1) - 1] if signed else [0, (1 << bits) - 1])
    low, high = np.sort(apply_rescale(ends, facts).astype(float))
    shown = apply_voi_lut(apply_rescale(values, facts), facts).astype(float)
    grey = np.clip(np.round(255 * (shown - low) / (high - low)), 0, 255).astype(np.uint8)
    return 255 - grey if facts.PhotometricInterpretation == "MONOCHROME1" else grey


def _read_facts(path) -> Dataset:
    with _refusal(path, "not a readable DICOM file", "replace or remove it"):
        return dcmread(path, stop_before_pixels=True, specific_tags=_PICTURE)


@contextmanager
def _refusal(path, what: str, remedy: str):
    """Make an `InputError` that quotes nothing of the file out of whatever pydicom raises, which is of many kinds."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: the image does not exist; correct its name or path.") from None
    except Exception as error:
        raise InputError(f"{path}: {what} ({type(error).__name__}); {remedy}.") from None
