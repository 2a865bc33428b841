"""Encode and decode: round trips to a hundredth of a cell, and the paired decoder's two ends."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fetal_biometry.model.geometry import ellipse_landmarks
from fetal_biometry.model.heatmaps import decode, encode
from fetal_biometry.model.landmarks import canonical

SIZE = 64
anywhere = arrays(float, (1, 4, 2), elements=st.floats(-0.5, SIZE - 0.5))
HEAD = ellipse_landmarks((30.2, 33.7), 20.4, 15.3, 0.6)[None]


def test_gaussians_have_height_one_and_the_stated_width():
    maps = encode(np.full((1, 4, 2), [20.0, 30.0]), SIZE, 2.5)
    assert maps.shape == (1, 4, SIZE, SIZE) and maps.dtype == np.float32
    assert maps[0, 0, 30, 20] == 1  # row y, column x
    assert maps[0, 0, 30, 23] == pytest.approx(np.exp(-(3**2) / (2 * 2.5**2)))
    assert maps[0, 0, 28, 24] == pytest.approx(np.exp(-(2**2 + 4**2) / (2 * 2.5**2)))
    assert maps[0, 0].sum() == pytest.approx(2 * np.pi * 2.5**2, rel=1e-4)


@given(anywhere, st.floats(0.8, 5))
def test_subpixel_finds_a_gaussian_wherever_it_lies(points, sigma):
    found, _ = decode(encode(points, SIZE, sigma), "subpixel", sigma)
    assert np.abs(found - points).max() < 0.02


@given(anywhere)
def test_argmax_finds_the_nearest_cell(points):
    found, _ = decode(encode(points, SIZE, 2.0), "argmax", 2.0)
    assert np.array_equal(found, np.round(found))
    assert np.abs(found - points).max() <= 0.5 + 1e-3


@given(anywhere, st.floats(0.8, 2))
def test_paired_finds_both_ends_of_each_diameter(points, sigma):
    lengths = np.linalg.norm(points[:, 0::2] - points[:, 1::2], axis=-1)
    assume(lengths.min() > 0.25 * SIZE)
    found, _ = decode(encode(points, SIZE, sigma), "paired", sigma)
    found, points = found.reshape(2, 2, 2), points.reshape(2, 2, 2)  # diameter, end, x and y
    straight = np.abs(found - points).max(axis=(1, 2))
    crossed = np.abs(found[:, ::-1] - points).max(axis=(1, 2))
    assert np.minimum(straight, crossed).max() < 0.02


def hedge(maps, share):
    """Each end's channel with a share of its peak moved to the other end's channel."""
    other = maps[:, [1, 0, 3, 2]]
    return (1 - share) * maps + share * other


@pytest.mark.parametrize("share", [1.0, 0.5, 0.45])  # names exchanged; undecided; nearly so
def test_paired_does_not_ask_which_end_is_which(share):
    maps = hedge(encode(HEAD, SIZE, 2.0), share)
    found, confidence = decode(maps, "paired", 2.0)
    assert np.abs(canonical(found) - HEAD).max() < 0.02
    assert confidence[0] > 0.95


def test_a_channel_decoder_is_lost_between_undecided_ends():
    """Why there is a paired decoder: with both ends in each channel, both channels give the same end."""
    found, _ = decode(hedge(encode(HEAD, SIZE, 2.0), 0.5), "subpixel", 2.0)
    assert np.linalg.norm(found[0, 0] - found[0, 1]) < 1


def test_paired_ends_are_never_neighbours():
    """A broad peak's flank is no second end."""
    maps = encode(HEAD, SIZE, 2.0)
    maps[:, 1] = 0.9 * encode(HEAD[:, [0, 0, 0, 0]] + [3.0, 0.0], SIZE, 2.0)[:, 0]
    maps[:, 1] += 0.5 * encode(HEAD, SIZE, 2.0)[:, 1]
    found, _ = decode(maps, "paired", 2.0)
    assert np.linalg.norm(found[0, 0] - found[0, 1]) > 0.14 * SIZE
    assert np.abs(found[0, 1] - HEAD[0, 1]).max() < 0.1


def test_confidence_is_the_mass_near_the_peak():
    sure = decode(encode(HEAD, SIZE, 2.0), "subpixel", 2.0)[1][0]
    assert sure == pytest.approx(1 - np.exp(-(3**2) / 2), abs=0.01)  # of a Gaussian within three sigma
    half = encode(HEAD, SIZE, 2.0)
    half[:, 2] += 0.99 * encode(HEAD[:, ::-1], SIZE, 2.0)[:, 0]  # one channel with a second peak
    assert decode(half, "subpixel", 2.0)[1][0] == pytest.approx(sure / 1.99, abs=0.01)


@pytest.mark.parametrize("decoder", ["argmax", "subpixel", "paired"])
@pytest.mark.parametrize("level", [0.0, 1e-4, 1.0])
def test_an_empty_map_gives_a_point_and_no_confidence(decoder, level):
    points, confidence = decode(np.full((2, 4, SIZE, SIZE), level), decoder, 2.0)
    assert np.isfinite(points).all() and points.shape == (2, 4, 2)
    assert (confidence >= 0).all() and (confidence < 0.1).all()
