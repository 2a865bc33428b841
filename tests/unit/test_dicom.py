"""Ultrasound DICOM files, made here: what is read of them, in millimetres only where the file says how many."""

import io
from pathlib import Path

import cv2
import gdcm
import numpy as np
import pandas as pd
import pytest
from joined import join
from PIL import Image
from pydicom import Dataset, FileDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    UltrasoundMultiFrameImageStorage,
    generate_uid,
)

from fetal_biometry.configuration import Config
from fetal_biometry.data.sources import list_sources
from fetal_biometry.errors import InputError
from fetal_biometry.images import dicom
from fetal_biometry.images.header import image_size
from fetal_biometry.images.image_ref import ImageRef, list_folder, list_frames
from fetal_biometry.images.raster import calibration_of, prepare_image, read_grey
from fetal_biometry.images.regions import format_regions, parse_regions
from fetal_biometry.measure.lengths import head_pixel_sizes, outer_lengths
from fetal_biometry.model.geometry import ellipse_landmarks, head_circumference
from fetal_biometry.terms import Calliper

PATIENT = "Doe^Jane"
WIDE, HIGH = 60, 40


def speckle(frames=1, seed=1):
    """Smooth grey frames (F, 40, 60), uint8, which survive a lossy compression."""
    rng = np.random.default_rng(seed)
    rough = rng.integers(0, 256, (frames, 5, 7)).astype(np.uint8)
    return np.stack([cv2.resize(frame, (WIDE, HIGH), interpolation=cv2.INTER_CUBIC) for frame in rough])


def write(path, pixels, syntax=ExplicitVRLittleEndian, photometric="MONOCHROME2", bits=8, encoded=None, **tags):
    """A DICOM file of frames (F, H, W) or (F, H, W, 3), or of frames that are encoded already."""
    meta = Dataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UltrasoundMultiFrameImageStorage, generate_uid()
    meta.TransferSyntaxUID = syntax
    file = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    file.PatientName, file.Modality = PATIENT, "US"
    file.Rows, file.Columns = pixels.shape[1:3]
    file.SamplesPerPixel = 3 if pixels.ndim == 4 else 1
    file.PhotometricInterpretation = photometric
    file.BitsAllocated, file.BitsStored, file.HighBit = 8 * pixels.itemsize, bits, bits - 1
    file.PixelRepresentation = int(np.issubdtype(pixels.dtype, np.signedinteger))
    if pixels.ndim == 4:
        file.PlanarConfiguration = 0
    if len(pixels) > 1:
        file.NumberOfFrames = len(pixels)
    for name, value in tags.items():
        setattr(file, name, value)
    if encoded is None:
        file.PixelData = pixels.tobytes()
    else:
        file.PixelData = encapsulate(encoded)
        file["PixelData"].is_undefined_length = True
    file.save_as(path, enforce_file_format=True)
    return path


def recompress(path, syntax):
    """Compress a file by GDCM, to one of its transfer syntaxes."""
    reader, coder, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(path))
    assert reader.Read()
    coder.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    coder.SetInput(reader.GetImage())
    assert coder.Change()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(coder.GetOutput())
    assert writer.Write()


def region(left, top, right, bottom, across_cm, down_cm, units=3, spatial=1):
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = spatial, 1, 0
    item.RegionLocationMinX0, item.RegionLocationMinY0 = left, top
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = right, bottom
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = units
    item.PhysicalDeltaX, item.PhysicalDeltaY = across_cm, down_cm
    return item


@pytest.fixture
def path(tmp_path):
    return tmp_path / "head.dcm"


def test_grey_frames_are_read_one_by_one(path):
    frames = speckle(3)
    write(path, frames)
    assert list_frames(path) == [ImageRef(path, number) for number in range(3)]
    assert [str(image) for image in list_frames(path)] == [f"{path}#1", f"{path}#2", f"{path}#3"]
    for image, frame in zip(list_frames(path), frames, strict=True):
        assert image_size(image) == (WIDE, HIGH) and np.array_equal(read_grey(image), frame)


def test_several_frames_are_refused_where_no_frame_is_meant(path):
    """As TIFF and GIF files are: decoding would show the first frame, whichever the label is of."""
    write(path, speckle(3))
    with pytest.raises(InputError, match=r"head\.dcm: 3 pictures in one file; .*head\.dcm#1"):
        prepare_image(ImageRef(path), 32)
    assert prepare_image(ImageRef(path, 2), 32).width == WIDE


def test_a_single_frame_is_the_file_itself(path):
    write(path, speckle())
    assert list_frames(path) == [ImageRef(path)] and str(ImageRef(path)) == str(path)
    assert np.array_equal(read_grey(ImageRef(path)), speckle()[0])


@pytest.mark.parametrize("dtype, bits", [(np.uint16, 12), (np.int16, 16)])
def test_deeper_greys_are_brought_to_eight_bits(path, dtype, bits):
    low = -(1 << bits - 1) if dtype == np.int16 else 0
    deep = (speckle().astype(float) / 255 * ((1 << bits) - 1) + low).astype(dtype)
    write(path, deep, bits=bits)
    assert np.abs(read_grey(ImageRef(path)).astype(int) - speckle()[0]).max() <= 1


def test_a_window_is_that_of_the_file(path):
    deep = speckle().astype(np.uint16) + 1000
    write(path, deep, bits=12, WindowCenter=1128, WindowWidth=256)
    assert np.abs(read_grey(ImageRef(path)).astype(int) - speckle()[0]).max() <= 1


def test_colours_become_grey(path):
    colours = np.stack([speckle(seed=seed)[0] for seed in (1, 2, 3)], axis=-1)
    write(path, colours[None], photometric="RGB")
    assert np.array_equal(read_grey(ImageRef(path)), cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY))


def test_luminance_and_chrominance_become_grey(path):
    colours = np.stack([speckle(seed=seed)[0] for seed in (1, 2, 3)], axis=-1)
    stored = np.asarray(Image.fromarray(colours).convert("YCbCr"))
    write(path, stored[None], photometric="YBR_FULL")
    assert np.abs(read_grey(ImageRef(path)).astype(int) - cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY)).max() <= 2


def test_a_palette_is_looked_up(path):
    table = np.arange(255, -1, -1).astype(np.uint16) << 8
    tags = {}
    for colour in ("Red", "Green", "Blue"):
        tags[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        tags[f"{colour}PaletteColorLookupTableData"] = table.tobytes()
    write(path, speckle(), photometric="PALETTE COLOR", **tags)
    assert np.abs(read_grey(ImageRef(path)).astype(int) - (255 - speckle()[0].astype(int))).max() <= 1


@pytest.mark.parametrize(
    "syntax, kind, options, photometric",
    [
        (JPEGBaseline8Bit, "JPEG", {"quality": 95}, "MONOCHROME2"),
        (JPEGBaseline8Bit, "JPEG", {"quality": 95}, "YBR_FULL_422"),
    ],
)
def test_compressed_frames_are_decoded(path, syntax, kind, options, photometric):
    frames, encoded = speckle(2), []
    for frame in frames:
        image = Image.fromarray(frame)
        held = io.BytesIO()
        (image if photometric == "MONOCHROME2" else image.convert("RGB")).save(held, kind, **options)
        encoded.append(held.getvalue())
    pixels = frames if photometric == "MONOCHROME2" else np.stack([frames] * 3, axis=-1)
    write(path, pixels, syntax, photometric, encoded=encoded)
    for image, frame in zip(list_frames(path), frames, strict=True):
        assert np.abs(read_grey(image).astype(int) - frame).max() <= 6


def place_head(path, centre):
    """Lengths in mm, by the workflow, of a head of 60 x 40 mm whose centre is at those pixels."""
    regions = calibration_of(ImageRef(path)).regions
    across, down = (0.2, 0.31)
    millimetres = ellipse_landmarks((0, 0), 30, 20, 0.5)
    points = (millimetres / [across, down] + centre)[None]
    assert parse_regions(format_regions(regions)) == pytest.approx(regions) if len(regions) else True
    images = pd.DataFrame({"pixel_size_mm": [np.nan], "calibrated_regions": [format_regions(regions)]})
    return outer_lengths(points, head_pixel_sizes(images, points), Calliper.OUTER_TO_OUTER)[0]


def test_pixels_that_are_no_squares_measure_exactly(path):
    whole = region(0, 0, 799, 599, 0.02, 0.031)
    write(path, np.zeros((1, 600, 800), np.uint8), SequenceOfUltrasoundRegions=Sequence([whole]))
    bpd, ofd, hc = place_head(path, (400, 300))
    assert bpd == pytest.approx(40, rel=1e-6) and ofd == pytest.approx(60, rel=1e-6)
    assert hc == pytest.approx(head_circumference(40.0, 60.0), rel=1e-6)


def test_the_region_that_holds_the_head_counts(path):
    """Two pictures side by side, a strip of flow below, and one without units."""
    regions = [region(0, 0, 399, 599, 0.05, 0.05), region(400, 0, 799, 599, 0.02, -0.031),
               region(0, 600, 799, 699, 0.01, 0.02, units=4), region(0, 0, 799, 699, 0.9, 0.9, spatial=2)]  # fmt: skip
    write(path, np.zeros((1, 700, 800), np.uint8), SequenceOfUltrasoundRegions=Sequence(regions))
    assert len(calibration_of(ImageRef(path)).regions) == 2
    assert place_head(path, (600, 300))[:2] == pytest.approx([40, 60], rel=1e-6)
    assert np.isnan(place_head(path, (400, 300))).all()  # over both: no millimetres are made up
    assert np.isnan(place_head(path, (600, 650))).all()


def test_pixel_spacing_is_second_choice_and_belongs_to_rows_first(path):
    pixels = np.zeros((1, 600, 800), np.uint8)
    write(path, pixels, PixelSpacing=[0.31, 0.2])
    assert calibration_of(ImageRef(path)).regions.tolist() == [[0, 0, 799, 599, 0.2, 0.31]]
    assert place_head(path, (400, 300))[:2] == pytest.approx([40, 60], rel=1e-6)
    write(path, pixels, PixelSpacing=[9, 9], SequenceOfUltrasoundRegions=[region(0, 0, 799, 599, 0.02, 0.031)])
    assert place_head(path, (400, 300))[:2] == pytest.approx([40, 60], rel=1e-6)


def test_each_frame_has_its_own_spacing_where_the_file_says_so(path):
    groups = []
    for size in (0.1, 0.3):
        measures, group = Dataset(), Dataset()
        measures.PixelSpacing = [size, size]
        group.PixelMeasuresSequence = [measures]
        groups.append(group)
    write(path, speckle(2), PerFrameFunctionalGroupsSequence=groups)
    assert [calibration_of(image).regions[0, 4] for image in list_frames(path)] == [0.1, 0.3]


@pytest.mark.parametrize("tags", [{}, {"PixelSpacing": [0, 0]}, {"ImagerPixelSpacing": [0.2, 0.2]}])
def test_without_a_size_there_are_no_millimetres(path, tags):
    write(path, np.zeros((1, 600, 800), np.uint8), **tags)
    assert len(calibration_of(ImageRef(path)).regions) == 0
    assert np.isnan(place_head(path, (400, 300))).all()


def test_a_size_that_is_given_comes_first(path):
    images = pd.DataFrame({"pixel_size_mm": [0.5], "calibrated_regions": ["0 0 799 599 0.2 0.31"]})
    assert head_pixel_sizes(images, ellipse_landmarks((400, 300), 90, 80, 0)[None]).tolist() == [[0.5, 0.5]]


def test_files_without_a_suffix_are_known_by_their_first_bytes(tmp_path):
    write(tmp_path / "IM0001", speckle(2))
    write(tmp_path / "one.dcm", speckle())
    (tmp_path / "notes").write_text("no image")
    assert [path.name for path in list_folder(tmp_path).images] == ["IM0001", "one.dcm"]
    *sources, notes = list_sources(Config(dataset="images", images=str(tmp_path)), tmp_path)
    assert notes.image_name == "notes" and "no image" in notes.problem
    assert [source.image_name for source in sources] == ["IM0001#1", "IM0001#2", "one.dcm"]
    assert [source.image for source in sources[1:]] == [
        ImageRef(tmp_path / "IM0001", 1), ImageRef(tmp_path / "one.dcm"),
    ]  # fmt: skip


def test_a_table_of_pixel_sizes_may_name_a_frame_or_its_file(tmp_path):
    folder = tmp_path / "scans"
    folder.mkdir()
    write(folder / "two.dcm", speckle(2), PixelSpacing=[0.2, 0.2])
    (tmp_path / "sizes.csv").write_text("image_name,pixel_size_mm\ntwo.dcm,0.1\ntwo.dcm#2,0.15\n")
    config = Config(dataset="images", images=str(folder), pixel_sizes="sizes.csv", data_root=str(tmp_path))
    assert [source.pixel_size_mm for source in list_sources(config, tmp_path)] == [0.1, 0.15]
    images, _ = join(config, tmp_path / "work")
    assert [ImageRef.from_row(row) for row in images.to_dict("records")] == list_frames(folder / "two.dcm")


def test_a_row_says_which_frame():
    for frame, expected in (("", None), (np.nan, None), (0, 0), (2.0, 2), ("3", 3)):
        assert ImageRef.from_row({"path": "a.dcm", "frame": frame}) == ImageRef(Path("a.dcm"), expected)


@pytest.mark.parametrize("cut", [10, 200, -500])
def test_a_damaged_file_is_refused_without_a_word_of_the_patient(path, cut):
    write(path, speckle())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match=r"head\.dcm") as error:
        image_size(ImageRef(path))
        read_grey(ImageRef(path))
    assert "Doe" not in str(error.value)


def test_nothing_of_the_patient_is_read(path):
    write(path, speckle(), PixelSpacing=[0.2, 0.2])
    assert "PatientName" not in dicom._read_facts(path)
