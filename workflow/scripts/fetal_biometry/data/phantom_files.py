"""Phantoms as files."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2

from fetal_biometry.data.phantom import Phantom, draw_phantom


def write_phantom(phantom: Phantom, folder) -> Path:
    """Draw a phantom into a folder: the path of its image."""
    path = Path(folder) / phantom.image_name
    path.write_bytes(cv2.imencode(".png", draw_phantom(phantom))[1])  # cv2.imwrite is silent when the disk is full
    return path


def write_phantoms(phantoms: list[Phantom], folder, processes: int) -> None:
    """Draw phantoms into a folder, several at a time."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    one_thread = {"initializer": cv2.setNumThreads, "initargs": (1,)}  # a process a core already
    with ProcessPoolExecutor(processes, **one_thread) as pool:
        list(pool.map(write_phantom, phantoms, [folder] * len(phantoms), chunksize=8))
