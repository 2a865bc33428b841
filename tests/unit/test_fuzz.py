"""Readers of files that people bring, fed with damaged ones: each is read or refused, soon, and in little memory.

Every format is fed in a process of its own, so that a crash is seen. FUZZ says how many files of each there are;
`make test-faults` tries many more than the tests of every day.
"""

import io
import multiprocessing
import os
import resource
import shutil
import signal
import struct
import tarfile
import warnings
import zipfile
import zlib
from pathlib import Path

import cv2
import gdcm
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGBaseline8Bit, RLELossless
from test_bad_data import encoded
from test_dicom import recompress, region, speckle, write

from fetal_biometry.data.download import unpack
from fetal_biometry.digests import FileIndex
from fetal_biometry.errors import InputError
from fetal_biometry.images.header import image_size
from fetal_biometry.images.image_ref import ImageRef, list_frames
from fetal_biometry.images.raster import calibration_of, read_grey
from fetal_biometry.measure.api import PRETRAINED
from fetal_biometry.model.onnx_file import open_model
from fetal_biometry.tables import index_by_name, read_table
from fetal_biometry.terms import COLUMNS

RUNS = int(os.environ.get("FUZZ", 120))
SECONDS_EACH = 20  # hangs; a file takes milliseconds
MEMORY = 2 << 30  # beyond what the process has when it begins; the largest picture allowed is 64 MiB, some copies of it
GREY = speckle(seed=5)[0]
SLOW_IMPORTS = ["cv2", "onnxruntime", "pandas", "PIL.Image", "pydantic", "pydicom", "pytest", "requests"]


def dicom(tmp_path, **options):
    colour = np.repeat(speckle(2)[..., None], 3, axis=-1) if options.pop("colour", False) else speckle(2)
    place = region(0, 0, 59, 39, 0.02, 0.02)
    return write(tmp_path / "seed.dcm", colour, SequenceOfUltrasoundRegions=[place], **options).read_bytes()


def run_lengths(tmp_path):
    dicom(tmp_path)
    file = dcmread(tmp_path / "seed.dcm")
    file.compress(RLELossless)
    file.save_as(tmp_path / "seed.dcm")
    return (tmp_path / "seed.dcm").read_bytes()


def lossless(tmp_path, syntax):
    dicom(tmp_path)
    recompress(tmp_path / "seed.dcm", syntax)
    return (tmp_path / "seed.dcm").read_bytes()


def table(names=COLUMNS):
    return ("image_name," + ",".join(names) + "\n" + "001_HC.png" + ",1.5" * len(names) + "\n").encode()


def archive():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("training_set/000_HC.png", encoded("PNG", GREY))
        target.writestr("training_set/001_HC.png", b"0" * 5000)
    return file.getvalue()


def tar():
    file, image = io.BytesIO(), encoded("PNG", GREY)
    with tarfile.open(fileobj=file, mode="w:xz") as target:
        entry = tarfile.TarInfo("training_set/000_HC.png")
        entry.size = len(image)
        target.addfile(entry, io.BytesIO(image))
    return file.getvalue()


def read_image(path):
    for frame in list_frames(path):
        width, height = image_size(frame)
        regions = calibration_of(frame).regions
        assert regions.shape[1] == 6 and np.isfinite(regions).all()
        grey = read_grey(frame)
        assert grey.dtype == np.uint8 and grey.ndim == 2 and grey.size and width > 0 and height > 0


def read_landmarks(path):
    rows = index_by_name(read_table(path, {"image_name": ("image_name",), **{name: (name,) for name in COLUMNS}}))
    for row in rows.values():
        assert all(np.isfinite(row.number_in(column)) for column in COLUMNS)


def read_archive(path):
    (path.parent / "unpacked").mkdir(exist_ok=True)
    unpack(path, path.parent / "unpacked" / "training_set")
    shutil.rmtree(path.parent / "unpacked" / "training_set")
    assert {file.name for file in path.parent.iterdir()} <= {path.name, "unpacked"}


def read_index(path):
    assert len(FileIndex(path).sha256(path)) == 64


FORMATS = {
    "png": (lambda _: encoded("PNG", GREY), read_image),
    "png of 16 bits": (lambda _: encoded("PNG", GREY.astype(np.uint16) << 4), read_image),
    "png of a palette": (lambda _: encoded("PNG", np.dstack([GREY] * 3), bits=4), read_image),
    "jpg": (lambda _: encoded("JPEG", GREY), read_image),
    "tif": (lambda _: encoded("TIFF", GREY), read_image),
    "tif, compressed": (lambda _: encoded("TIFF", GREY, compression="tiff_lzw"), read_image),
    "bmp": (lambda _: encoded("BMP", GREY), read_image),
    "dcm": (dicom, read_image),
    "dcm in colours": (lambda folder: dicom(folder, colour=True, photometric="RGB"), read_image),
    "dcm with jpeg": (
        lambda folder: dicom(folder, syntax=JPEGBaseline8Bit, encoded=[encoded("JPEG", GREY), encoded("JPEG", GREY)]),
        read_image,
    ),
    "dcm of run lengths": (run_lengths, read_image),
    "dcm of lossless jpeg": (
        lambda folder: lossless(folder, gdcm.TransferSyntax.JPEGLosslessProcess14_1),
        read_image,
    ),
    "dcm of jpeg-ls": (lambda folder: lossless(folder, gdcm.TransferSyntax.JPEGLSLossless), read_image),
    "dcm, deflated": (lambda folder: dicom(folder, syntax=DeflatedExplicitVRLittleEndian), read_image),
    "gif": (lambda _: encoded("GIF", GREY), read_image),
    "webp": (lambda _: encoded("WEBP", GREY), read_image),
    "jp2": (lambda _: encoded("JPEG2000", GREY), read_image),
    "csv": (lambda _: table(), read_landmarks),
    "zip": (lambda _: archive(), read_archive),
    "tar.xz": (lambda _: tar(), read_archive),
    "onnx": (lambda _: PRETRAINED.read_bytes(), open_model),
    "json": (lambda _: b'{"/a/b.png": [12, 345, "' + b"0" * 64 + b'"]}', read_index),
}


def damage(data: bytes, rng: np.random.Generator) -> bytes:
    """A few changes of bytes, of places, or of length; of PNG chunks, half of the time, with checksums that fit."""
    changed = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        if not changed:
            break
        start, length = int(rng.integers(len(changed))), int(rng.integers(1, 16))
        if rng.random() < 0.4:
            start = min(start, int(rng.integers(200)))  # headers, where most decisions fall
        what = rng.integers(6)
        if what == 0:
            changed[start] ^= 1 << int(rng.integers(8))
        elif what == 1:
            changed[start : start + length] = bytes([rng.choice([0, 1, 127, 128, 255])]) * length
        elif what == 2:
            changed[start : start + length] = rng.bytes(length)
        elif what == 3:
            del changed[start : start + length * int(rng.integers(1, 30))]
        elif what == 4:
            place = int(rng.integers(len(changed)))
            changed[place:place] = changed[start : start + 4 * length]
        elif rng.random() < 0.3:
            del changed[start:]
    if changed[:8] == b"\x89PNG\r\n\x1a\n" and rng.random() < 0.5:
        changed = with_checksums(changed)
    return bytes(changed)


def with_checksums(png: bytearray) -> bytearray:
    place = 8
    while place + 12 <= len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        end = place + 8 + length
        png[end : end + 4] = struct.pack(">I", zlib.crc32(png[place + 4 : end]))
        place = end + 4
    return png


def feed(name: str, folder: Path, runs: int, seed: int, outcome) -> None:
    """In a process of its own: damaged files of a format, one after the other; how many were read, and what broke."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)  # libraries' warnings about each file
    warnings.simplefilter("ignore")
    make, read = FORMATS[name]
    whole, path = make(folder), folder / f"fuzz.{name.partition(',')[0].partition(' ')[0]}"
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if os.name == "posix" else 0
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
    rng, read_well, refused = np.random.default_rng(seed), 0, 0
    for number in range(runs + 1):
        data = damage(whole, rng) if number else whole
        path.write_bytes(data)
        outcome.send((number, read_well, refused, None))
        signal.alarm(SECONDS_EACH)
        try:
            read(path)
            read_well += 1
        except InputError:
            refused += 1
        except BaseException as error:
            outcome.send((number, read_well, refused, f"{type(error).__name__}: {error}"))
            return
        finally:
            signal.alarm(0)
    outcome.send((runs + 1, read_well, refused, None))


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="how much memory a process has is read from /proc")
@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_is_read_or_refused(name, tmp_path, seed=1):
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(SLOW_IMPORTS)
    receiver, sender = server.Pipe(duplex=False)
    process = server.Process(target=feed, args=(name, tmp_path, RUNS, seed, sender))
    process.start()
    sender.close()
    last = None
    try:
        while True:
            last = receiver.recv()
    except EOFError:
        process.join()
    number, read_well, refused, error = last
    kept = [path for path in tmp_path.iterdir() if path.name.startswith("fuzz")]
    assert error is None and process.exitcode == 0 and number == RUNS + 1, (number, error, process.exitcode, kept)
    assert read_well >= 1, "the file as it was"
    assert refused > 0 or name == "json", "an index that cannot be read is made anew"
    print(f"\n{name}: {read_well} read, {refused} refused")


def test_images_of_any_size_are_read_or_refused(tmp_path):
    rng = np.random.default_rng(2)
    for _ in range(30):
        height, width = rng.integers(1, 80, 2)
        path = tmp_path / "image.png"
        cv2.imwrite(str(path), rng.integers(0, 256, (height, width), np.uint8))
        try:
            assert read_grey(ImageRef(path)).shape == (height, width)
        except InputError:
            assert min(height, width) < 32
