"""Arrays of many images on disk, memory-mapped when read, each file with a csv that names its rows."""

import csv
import os
from pathlib import Path

import numpy as np

from fetal_biometry.job import atomic_path


def write_array(path, rows, count: int, shape, dtype) -> None:
    """Write ``count`` arrays to ``path`` (.npy).

    Parameters
    ----------
    path : str or Path
    rows : iterable of ndarray of shape ``shape``
        Consumed one by one, so that the whole never lies in memory. Fewer than ``count`` shorten the file.
    """
    with atomic_path(Path(path)) as temporary:
        array = np.lib.format.open_memmap(temporary, mode="w+", dtype=dtype, shape=(count, *shape))
        _reserve(temporary)
        written = 0
        for written, row in enumerate(rows, 1):
            array[written - 1] = row
        array.flush()
        header = np.lib.format.header_data_from_array_1_0(array[:written])
        end = array.offset + array[:written].nbytes
        del array
        with open(temporary, "r+b") as file:
            np.lib.format.write_array_header_1_0(file, header)  # numpy leaves room for any number of rows
            file.truncate(end)


def _reserve(path) -> None:
    """Take a new file's room on the disk: without it, writing to its memory map would kill the process, not raise."""
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, os.path.getsize(path))


class Arrays:
    """Read-only view of several such files: ``arrays[image_name]`` is an image's array, of ``shape``, still on disk."""

    def __init__(self, paths):
        self.shape: tuple[int, ...] = ()
        self._place = {}
        for path in map(Path, paths):
            array = np.load(path, mmap_mode="r")
            self.shape = array.shape[1:]
            with open(path.with_suffix(".csv"), newline="", encoding="utf-8") as file:
                self._place |= {row["image_name"]: (array, at) for at, row in enumerate(csv.DictReader(file))}

    def __getitem__(self, image_name: str) -> np.ndarray:
        array, position = self._place[image_name]
        return array[position]

    def gather(self, image_names) -> np.ndarray:
        """Arrays of the named images, stacked, in memory."""
        return np.stack([self[name] for name in image_names])
