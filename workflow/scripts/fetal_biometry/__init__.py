"""Fetal head biometry by landmark detection: the importable part of the workflow."""

import os

os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**26))  # OpenCV reads it when it is imported

__version__ = "0.1.0"
