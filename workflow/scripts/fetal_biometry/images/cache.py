"""Shards: which image belongs to which, and arrays of one shard on disk, memory-mapped when read."""

import csv
import hashlib
import os
from pathlib import Path

import numpy as np

from fetal_biometry.job import atomic_path


def shard_of(image_name: str, shards: int) -> int:
    """The shard of an image: a hash of its name alone, so other images never move it."""
    return int.from_bytes(hashlib.sha256(image_name.encode()).digest()[:8], "big") % shards


def write_shard(path, index: list[dict], rows, shape, dtype) -> None:
    """Write one array row per index row to ``path`` (.npy) and the index beside it (.csv).

    Parameters
    ----------
    path : str or Path
    index : list of dict
        One row an image, in order, or none; the first column is ``image_name``.
    rows : iterable of ndarray of shape ``shape``
        Consumed one by one, so that a shard never lies in memory as a whole.
    """
    path = Path(path)
    with atomic_path(path) as temporary:
        array = np.lib.format.open_memmap(temporary, mode="w+", dtype=dtype, shape=(len(index), *shape))
        _reserve(temporary)
        for position, row in enumerate(rows):
            array[position] = row
        array.flush()
        del array
    with atomic_path(path.with_suffix(".csv")) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(index[0]) if index else ["image_name"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(index)


def _reserve(path) -> None:
    """Take a new file's room on the disk: without it, writing to its memory map would kill the process, not raise."""
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, os.path.getsize(path))


class Shards:
    """Read-only view of several shards: ``shards[image_name]`` is that image's array, of ``shape``, still on disk."""

    def __init__(self, paths):
        self.index: dict[str, dict] = {}
        self.shape: tuple[int, ...] = ()
        self._place = {}
        for path in map(Path, paths):
            array = np.load(path, mmap_mode="r")
            self.shape = array.shape[1:]
            with open(path.with_suffix(".csv"), newline="", encoding="utf-8") as file:
                for position, row in enumerate(csv.DictReader(file)):
                    self.index[row["image_name"]] = row
                    self._place[row["image_name"]] = (array, position)

    def __getitem__(self, image_name: str) -> np.ndarray:
        array, position = self._place[image_name]
        return array[position]

    def gather(self, image_names) -> np.ndarray:
        """Arrays of the named images, stacked, in memory."""
        return np.stack([self[name] for name in image_names])
