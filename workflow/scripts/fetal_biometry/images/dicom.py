"""Ultrasound DICOM files: frames as grey images, and how many millimetres a pixel is in which part of them.

Only what concerns the picture is read, no patient's data, and nothing of a file but its name and codes of the standard
stands in messages.
"""

from contextlib import contextmanager, suppress

import numpy as np
from pydicom import Dataset, config, dcmread
from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.pixels import apply_color_lut, apply_rescale, apply_voi_lut, pixel_array
from pydicom.tag import Tag
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

from fetal_biometry.errors import InputError
from fetal_biometry.images.regions import Calibration

config.settings.reading_validation_mode = config.IGNORE  # its warnings quote the values of tags

_CENTIMETRES, _TWO_DIMENSIONAL = 3, 1  # of PhysicalUnitsXDirection, of RegionSpatialFormat (PS3.3, C.8.5.5)
_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")  # of a window
_COLOURS = ("MONOCHROME1", "MONOCHROME2", "RGB", "YBR", "PALETTE COLOR")
_PALETTE = "RedPaletteColorLookupTableDescriptor"
_PICTURE = [tag_for_keyword(keyword) for keyword in (
    "SOPClassUID", "Rows", "Columns", "NumberOfFrames", "PixelSpacing", "SequenceOfUltrasoundRegions",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    "PhotometricInterpretation", "SamplesPerPixel", "BitsAllocated", "BitsStored", "PixelRepresentation",
    _PALETTE,
)]  # fmt: skip
_GREYS = [tag_for_keyword(keyword) for keyword in (
    "WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence", "RescaleSlope", "RescaleIntercept",
)]  # fmt: skip
_NEEDED = ("Rows", "Columns", "PhotometricInterpretation", "SamplesPerPixel", "BitsAllocated", "BitsStored",
           "PixelRepresentation")  # fmt: skip
_FEWEST_GREYS = 16  # of a window; with fewer a picture is black and white
# Another decoder, which pydicom would try, ends the process or takes minutes where one of these is damaged.
_DECODERS = {
    **dict.fromkeys((JPEGBaseline8Bit, JPEGExtended12Bit, JPEG2000Lossless, JPEG2000), "pillow"),
    **dict.fromkeys((JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEGLSNearLossless), "gdcm"),
}
SAME_SIZE = 0.02  # two statements of a pixel's size that differ by less, as a share, are one


def frame_sizes(path) -> tuple[int, int, int]:
    """``(width, height, frames)`` of a file, without decoding it."""
    facts = _read_facts(path)
    with _refusal(path, "a DICOM file without an image", "remove it"):
        return int(facts.Columns), int(facts.Rows), int(facts.get("NumberOfFrames") or 1)


def kind_without_image(path) -> str:
    """What kind of object a file holds that is no image by its kind, such as a directory or a report; else empty."""
    try:
        facts = _read_facts(path)
    except InputError:
        return ""  # a damaged file, which is refused when it is read
    kind = facts.get("SOPClassUID") or facts.file_meta.get("MediaStorageSOPClassUID")
    if "Rows" in facts or not kind or "Image Storage" in kind.name:
        return ""
    return kind.name if kind.name != kind else "of an unknown kind"  # pydicom names what the standard does


def read_frame(path, frame: int) -> np.ndarray:
    """A frame, counted from 0, as a viewer shows it at first: uint8, grey (H, W) or red, green and blue (H, W, 3).

    Raises
    ------
    InputError
        When the file cannot be read, or its compression not be undone by what is installed.
    """
    head = _read_facts(path)
    with _refusal(path, "the DICOM image cannot be decoded", "export it uncompressed or as PNG", head):
        source = _source(path, head)
        facts = source if isinstance(source, Dataset) else Dataset()
        plugin = _DECODERS.get(head.file_meta.TransferSyntaxUID, "")
        values = pixel_array(source, index=frame, ds_out=facts, specific_tags=_GREYS, decoding_plugin=plugin)
        if facts.PhotometricInterpretation.partition("_")[0] not in _COLOURS:
            raise ValueError
        if facts.PhotometricInterpretation == "PALETTE COLOR":
            values = apply_color_lut(values, facts)
            values = (values / (1 << 8 * (values.itemsize - 1))).astype(np.uint8)
        if values.ndim == 2:
            return _to_grey(values, _possible(facts))
        if values.dtype != np.uint8:
            raise ValueError
        return np.ascontiguousarray(values)


def _source(path, head: Dataset):
    """What pydicom decodes a file from: its path or, where that would mislead it, the whole dataset."""
    syntax = head.file_meta.TransferSyntaxUID
    subsampled = head.get("PhotometricInterpretation") == "YBR_FULL_422" and not syntax.is_encapsulated
    if syntax != DeflatedExplicitVRLittleEndian and not subsampled:
        return path
    dataset = dcmread(path)
    if subsampled:
        width, height, frames = int(head.Columns), int(head.Rows), int(head.get("NumberOfFrames") or 1)
        if len(dataset.PixelData) >= 3 * width * height * frames:  # not two bytes a pixel, as the tag says
            pixels = np.frombuffer(dataset.PixelData, np.uint8)[: 3 * width * height * frames].reshape(-1, 3)
            chroma = np.abs(pixels[:: 1 + len(pixels) // 100_000, 1:].astype(int) - 128)
            # Grey has its chroma at 128 throughout; three equal colours are hardly ever all that.
            dataset.PhotometricInterpretation = "YBR_FULL" if np.median(chroma) <= 8 else "RGB"
    return dataset


def calibration(path, frame: int) -> Calibration:
    """Where in a frame a pixel's size is known, and what in the file contradicts that.

    The size is that of the file's two-dimensional ultrasound regions in centimetres; where it has none, its
    PixelSpacing, for the whole frame. A region that reaches beyond the frame was stated for another picture and is left
    out. Nothing is guessed.

    Raises
    ------
    InputError
        When the file cannot be read.
    """
    facts = _read_facts(path)
    with _refusal(path, "the calibration of a DICOM file cannot be read", "replace or remove it"):
        width, height, problem = int(facts.Columns), int(facts.Rows), ""
        stated = _stated_regions(facts)
        inside = stated[(stated[:, 2] <= width) & (stated[:, 3] <= height)]  # some count the last column from 1
        if len(inside) < len(stated):
            right, bottom = stated[:, 2].max(), stated[:, 3].max()
            problem = f"its region reaches to {right:g}, {bottom:g} in a frame of {width}x{height} pixels"
        spacing = _pixel_spacing(facts, frame)
        if not problem and len(stated) and len(spacing) and not _stated_by(stated, spacing):
            problem = (
                f"a pixel is {_millimetres(stated[0, 4:])} in its region and {_millimetres(spacing)} as PixelSpacing"
            )
        if not len(stated) and len(spacing):
            inside = np.array([[0, 0, width - 1, height - 1, *spacing]])
        return Calibration(np.minimum(inside, [np.inf, np.inf, width - 1, height - 1, np.inf, np.inf]), problem)


def _stated_by(regions: np.ndarray, spacing: np.ndarray) -> bool:
    """Whether any region has that spacing."""
    return bool((np.abs(regions[:, 4:] / spacing - 1) <= SAME_SIZE).all(axis=1).any())


def _millimetres(size) -> str:
    """A pixel's width and height: one number where they are alike."""
    across, down = (f"{side:.4g}" for side in size)
    return f"{across} mm" if across == down else f"{across} x {down} mm"


def _stated_regions(facts: Dataset) -> np.ndarray:
    """Regions with a size in centimetres, (R, 6), as the file states them; incomplete ones are left out."""
    found = []
    for region in facts.get("SequenceOfUltrasoundRegions") or []:
        units = [region.get("PhysicalUnitsXDirection"), region.get("PhysicalUnitsYDirection")]
        if region.get("RegionSpatialFormat") == _TWO_DIMENSIONAL and units == [_CENTIMETRES, _CENTIMETRES]:
            with suppress(AttributeError, TypeError):
                place = [region.RegionLocationMinX0, region.RegionLocationMinY0, region.RegionLocationMaxX1,
                         region.RegionLocationMaxY1]  # fmt: skip
                found.append([*place, 10 * abs(region.PhysicalDeltaX), 10 * abs(region.PhysicalDeltaY)])
    regions = np.array(found, dtype=float).reshape(-1, 6)
    return regions[(regions[:, 4:] > 0).all(axis=1) & np.isfinite(regions).all(axis=1)]


def _pixel_spacing(facts: Dataset, frame: int) -> np.ndarray:
    """Millimetres across and down, (2,), of an enhanced file's frame, or of the whole file; (0,) without any."""
    per_frame = facts.get("PerFrameFunctionalGroupsSequence") or []
    spacing = facts.get("PixelSpacing") or None
    for groups in (*(facts.get("SharedFunctionalGroupsSequence") or []), *per_frame[frame : frame + 1]):
        for measures in groups.get("PixelMeasuresSequence") or []:
            spacing = measures.get("PixelSpacing") or spacing
    sizes = np.ravel(np.array(spacing if spacing is not None else [], dtype=float))[::-1]  # the file says rows first
    return sizes if sizes.size == 2 and np.isfinite(sizes).all() and (sizes > 0).all() else np.zeros(0)


def full_scale(values: np.ndarray) -> int:
    """White of whole numbers of unknown range: what as many bits hold as the brightest one needs, 8 at least.

    Examples
    --------
    >>> [full_scale(np.array([brightest])) for brightest in (3, 200, 256, 4000)]
    [255, 255, 511, 4095]
    """
    return (1 << max(8, int(values.max()).bit_length())) - 1


def _possible(facts: Dataset) -> Dataset:
    """Facts without a window or a rescaling that would leave nothing of the picture, as viewers pass them over."""
    impossible = [] if facts.get("RescaleSlope", 1) else ["RescaleSlope", "RescaleIntercept"]
    width = facts.get("WindowWidth")
    first = next(iter(width), None) if hasattr(width, "append") else width
    greys = 0 if first is None else first / abs(facts.get("RescaleSlope") or 1)
    if not greys >= _FEWEST_GREYS or (facts.get("VOILUTFunction") or "LINEAR") not in _FUNCTIONS:
        impossible += ["WindowWidth", "WindowCenter"]
    for keyword in impossible:
        facts.pop(keyword, None)
    return facts


def _to_grey(values: np.ndarray, facts: Dataset) -> np.ndarray:
    """8-bit grey values of stored ones, by the file's own window where it has one.

    Without a window more than 8 bits are scaled as those of a PNG, see `full_scale`: how many of the bits a picture
    uses is not told by their number.
    """
    bits, signed = int(facts.BitsStored), bool(facts.PixelRepresentation)
    if bits > 8 and not any(keyword in facts for keyword in ("WindowWidth", "VOILUTSequence")):
        ends = np.array([min(0, int(values.min())), full_scale(values)])
    else:
        ends = np.array([-(1 << bits - 1), (1 << bits - 1) - 1] if signed else [0, (1 << bits) - 1])
    low, high = np.sort(apply_rescale(ends, facts).astype(float))
    shown = apply_voi_lut(apply_rescale(values, facts), facts).astype(float)
    grey = np.clip(np.round(255 * (shown - low) / max(high - low, 1e-9)), 0, 255).astype(np.uint8)
    return 255 - grey if facts.PhotometricInterpretation == "MONOCHROME1" else grey


def _read_facts(path) -> Dataset:
    with _refusal(path, "not a readable DICOM file", "replace or remove it"):
        return dcmread(path, stop_before_pixels=True, specific_tags=_PICTURE)


@contextmanager
def _refusal(path, what: str, remedy: str, facts: Dataset | None = None):
    """Make an `InputError` that quotes nothing of the file out of whatever pydicom raises, which is of many kinds."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: the image does not exist; correct its name or path.") from None
    except Exception as error:
        cause = type(error).__name__ if facts is None else _cause(facts)
        raise InputError(f"{path}: {what} ({cause}); {remedy}.") from None


def _cause(facts: Dataset) -> str:
    """Which tag keeps a picture from being decoded, and the transfer syntax."""
    syntax = facts.file_meta.get("TransferSyntaxUID")
    known = syntax is not None and syntax.is_transfer_syntax
    stored = f"transfer syntax {Tag('TransferSyntaxUID')} {syntax.name if known else 'unknown'}"
    missing = [keyword for keyword in _NEEDED if keyword not in facts]
    if missing:
        return f"{_named(missing[0])} is missing; {stored}"
    if str(facts.PhotometricInterpretation).partition("_")[0] not in _COLOURS:
        return f"{_named('PhotometricInterpretation')} is no colour space that is read; {stored}"
    if facts.PhotometricInterpretation == "PALETTE COLOR" and _PALETTE not in facts:
        return f"{_named(_PALETTE)} is missing; {stored}"
    if facts.SamplesPerPixel == 3 and facts.BitsAllocated != 8:
        return f"{_named('BitsAllocated')} is {facts.BitsAllocated} for colours, not 8; {stored}"
    if known and not syntax.is_encapsulated:
        return f"{_named('PixelData')} is not what {_named('Rows')} and {_named('BitsAllocated')} ask for; {stored}"
    return f"{_named('PixelData')} is damaged, or compressed in a way that is not read; {stored}"


def _named(keyword: str) -> str:
    tag = Tag(keyword)
    return f"{keyword_for_tag(tag)} {tag}"
