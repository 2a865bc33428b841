"""Shards: stable places, balanced sizes, arrays that come back as they were written."""

from collections import Counter

import numpy as np
import pytest

from fetal_biometry.images.cache import Shards, shard_of, write_shard


def test_a_shard_is_a_name_s_for_ever():
    """Another value would throw away every cache in use."""
    assert [shard_of(name, 8) for name in ("000_HC.png", "010_2HC.png", "ä.png")] == [4, 0, 5]
    assert {shard_of(f"{number}.png", 1) for number in range(20)} == {0}


def test_shards_are_balanced():
    counts = Counter(shard_of(f"{number:03d}_HC.png", 8) for number in range(4000))
    assert len(counts) == 8
    assert min(counts.values()) > 400 and max(counts.values()) < 600  # five standard deviations about 500


def test_arrays_come_back_by_name_from_disk(tmp_path):
    rng = np.random.default_rng(1)
    images = {f"{number:03d}.png": rng.integers(0, 256, (6, 6), dtype=np.uint8) for number in range(7)}
    for shard, names in enumerate((list(images)[:3], list(images)[3:])):
        index = [{"image_name": name, "width_px": 800} for name in names]
        write_shard(tmp_path / f"{shard}.npy", index, (images[name] for name in names), (6, 6), np.uint8)
    shards = Shards([tmp_path / "0.npy", tmp_path / "1.npy"])
    assert list(shards.index) == list(images)
    assert shards.index["005.png"]["width_px"] == "800"
    assert all(np.array_equal(shards[name], image) for name, image in images.items())
    assert isinstance(shards["000.png"].base, np.memmap) or isinstance(shards["000.png"], np.memmap)
    backwards = list(images)[::-1]
    assert np.array_equal(shards.gather(backwards), np.stack([images[name] for name in backwards]))


def test_a_shard_that_fails_half_way_leaves_nothing(tmp_path):
    def rows():
        yield np.zeros((2, 2))
        raise RuntimeError("unreadable image")

    with pytest.raises(RuntimeError):
        write_shard(tmp_path / "0.npy", [{"image_name": "a"}, {"image_name": "b"}], rows(), (2, 2), np.float16)
    assert list(tmp_path.iterdir()) == []
