"""Phantoms as files, and processes to draw them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import cv2

from fetal_biometry.data.phantom import Phantom, draw_phantom


@contextmanager
def drawing_processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that draw, a thread each.

    OpenCV's own threads end before the processes begin: a forked one would wait for them for ever.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with ProcessPoolExecutor(count) as pool:
            yield pool
    finally:
        cv2.setNumThreads(threads)


def write_phantom(phantom: Phantom, folder) -> Path:
    """Draw a phantom into a folder: the path of its image."""
    path = Path(folder) / phantom.image_name
    path.write_bytes(cv2.imencode(".png", draw_phantom(phantom))[1])  # cv2.imwrite is silent when the disk is full
    return path


def write_phantoms(phantoms: list[Phantom], folder, processes: int) -> None:
    """Draw phantoms into a folder, several at a time."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    with drawing_processes(processes) as pool:
        list(pool.map(write_phantom, phantoms, [folder] * len(phantoms), chunksize=8))
