"""Arrays come back as they were written, by name, from several files."""

import numpy as np
import pandas as pd
import pytest

from fetal_biometry.images.cache import Arrays, write_array


def save(path, images, count=None):
    """Write some images and the table beside them; some of those that were announced may be missing."""
    write_array(path, iter(images.values()), count or len(images), (6, 6), np.uint8)
    pd.DataFrame({"image_name": list(images), "width_px": 800}).to_csv(path.with_suffix(".csv"), index=False)


def test_arrays_come_back_by_name_from_disk(tmp_path):
    rng = np.random.default_rng(1)
    images = {f"{number:03d}.png": rng.integers(0, 256, (6, 6), dtype=np.uint8) for number in range(7)}
    for part, names in enumerate((list(images)[:3], list(images)[3:])):
        save(tmp_path / f"{part}.npy", {name: images[name] for name in names})
    arrays = Arrays([tmp_path / "0.npy", tmp_path / "1.npy"])
    assert arrays.shape == (6, 6)
    assert all(np.array_equal(arrays[name], image) for name, image in images.items())
    assert isinstance(arrays["000.png"].base, np.memmap) or isinstance(arrays["000.png"], np.memmap)
    backwards = list(images)[::-1]
    assert np.array_equal(arrays.gather(backwards), np.stack([images[name] for name in backwards]))


@pytest.mark.parametrize("kept", [12, 11, 9, 0])
def test_images_that_cannot_be_read_shorten_the_file(tmp_path, kept):
    images = {f"{number}.png": np.full((6, 6), number, np.uint8) for number in range(kept)}
    save(tmp_path / "train.npy", images, count=12)
    assert (tmp_path / "train.npy").stat().st_size == 128 + 36 * kept  # header and pixels
    assert np.load(tmp_path / "train.npy", mmap_mode="r").shape == (kept, 6, 6)
    arrays = Arrays([tmp_path / "train.npy"])
    assert all(np.array_equal(arrays[name], images[name]) for name in images)


def test_an_array_that_fails_half_way_leaves_nothing(tmp_path):
    def rows():
        yield np.zeros((2, 2))
        raise RuntimeError("unreadable image")

    with pytest.raises(RuntimeError):
        write_array(tmp_path / "0.npy", rows(), 2, (2, 2), np.float16)
    assert list(tmp_path.iterdir()) == []
