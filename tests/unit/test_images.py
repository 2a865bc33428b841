"""Files in, and that the resize does what `resize_points` says."""

import numpy as np
import pytest
from PIL import Image

from fetal_biometry.errors import InputError
from fetal_biometry.images.header import image_size
from fetal_biometry.images.image_ref import ImageRef, list_folder
from fetal_biometry.images.raster import prepare_images, read_grey
from fetal_biometry.model.geometry import fit_square, margins, resize_points


def centroid(image):
    y, x = np.indices(image.shape)
    return np.array([(x * image).sum(), (y * image).sum()]) / image.sum()


@pytest.mark.parametrize("shape", [(540, 800), (800, 540), (256, 256), (150, 200)])  # the last is enlarged
def test_a_drawn_spot_lands_where_the_points_do(shape):
    """An image lies in the middle of the square, on one scale."""
    y, x = np.indices(shape)
    centre = np.array([0.71, 0.22]) * shape[::-1]
    spot = (250 * np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * 9.0**2))).astype(np.uint8)
    side = (max(shape), max(shape))
    place = centroid(spot) + margins(shape[::-1])
    expected = resize_points(place, side, (256, 256))
    assert centroid(fit_square(spot, 256)) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_grey_levels_survive_the_file(tmp_path, suffix):
    image = np.random.default_rng(1).integers(0, 256, (40, 50), dtype=np.uint8)
    path = tmp_path / f"ultrasound ä{suffix}"
    Image.fromarray(image).save(path)
    assert np.array_equal(read_grey(ImageRef(path)), image)
    assert image_size(ImageRef(path)) == (50, 40)


def test_colour_becomes_grey(tmp_path):
    grey = np.full((40, 50), 77, np.uint8)
    pictures = {
        "rgb.png": Image.fromarray(np.dstack([grey] * 3)),
        "alpha.png": Image.fromarray(np.dstack([grey] * 4)),
        "palette.png": Image.fromarray(np.dstack([grey] * 3)).quantize(2),
        "inks.jpg": Image.fromarray(255 - np.dstack([grey, grey, grey, 255 + 0 * grey]), "CMYK"),
    }
    for name, picture in pictures.items():
        picture.save(tmp_path / name)
        assert np.abs(read_grey(ImageRef(tmp_path / name)).astype(int) - grey).max() <= 1, name


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_of_16_bits_a_pixel_all_count_however_many_are_used(tmp_path, bits):
    grey = np.random.default_rng(1).integers(0, 256, (40, 50))
    grey[0, 0] = 255
    Image.fromarray((grey * (2**bits - 1) / 255).round().astype(np.uint16)).save(tmp_path / "a.png")
    assert np.array_equal(read_grey(ImageRef(tmp_path / "a.png")), grey.astype(np.uint8))


@pytest.mark.parametrize("threads", [1, 2])
def test_images_read_ahead_come_in_order_and_a_bad_one_in_its_turn(tmp_path, threads):
    paths = [tmp_path / f"{number}.png" for number in range(40)]
    for number, path in enumerate(paths):
        Image.fromarray(np.full((40, 50 + number), number, np.uint8)).save(path)
    images = [ImageRef(path) for path in paths]
    read = list(prepare_images(images, 16, threads=threads))
    assert [one.pixels[8, 8] for one in read] == list(range(40)) and (read[5].width, read[5].height) == (55, 40)
    assert all(one.pixels.shape == (16, 16) and one.calibration.regions.shape == (0, 6) for one in read)
    paths[2].write_bytes(b"no image")
    read = list(prepare_images(images, 16, threads=threads))
    assert [number for number, one in enumerate(read) if isinstance(one, InputError)] == [2]
    assert "2.png" in str(read[2]) and read[3].pixels[8, 8] == 3


def test_images_of_a_folder_are_listed_by_name(tmp_path):
    for name in ("b.PNG", "a.jpg", "notes.txt", "c.csv", "._a.jpg"):  # the last: what macOS leaves in archives
        (tmp_path / name).touch()
    assert [path.name for path in list_folder(tmp_path).images] == ["a.jpg", "b.PNG"]
    with pytest.raises(InputError, match="gone: the image folder does not exist; correct"):
        list_folder(tmp_path / "gone")
