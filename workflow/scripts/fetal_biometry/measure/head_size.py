"""Bands of head size."""

import numpy as np

BANDS = {"hc_under_120": (0, 120), "hc_120_200": (120, 200), "hc_over_200": (200, np.inf)}
"""Of HC in mm, roughly the three trimesters."""


def in_bands(hc_mm: np.ndarray) -> dict[str, np.ndarray]:
    """Which of N heads lie in each of `BANDS`, (N,) bool by its name; one of unknown HC in none."""
    return {band: (hc_mm >= low) & (hc_mm < high) for band, (low, high) in BANDS.items()}


def band_names(hc_mm: np.ndarray) -> np.ndarray:
    """The name of each head's band, (N,); empty where HC is unknown."""
    bands = in_bands(hc_mm)
    return np.select(list(bands.values()), list(bands), "")
