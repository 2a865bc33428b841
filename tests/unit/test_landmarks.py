"""The canonical order: what it is, and that it forgets how the points came."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fetal_biometry.model.landmarks import canonical
from fetal_biometry.terms import COLUMNS, LANDMARKS

coarse = st.integers(-3, 3).map(float)  # ties are likely
fine = st.floats(-1000, 1000, width=32)
points = arrays(float, (4, 2), elements=st.one_of(coarse, fine))


def test_columns_are_x_and_y_of_each_landmark():
    assert LANDMARKS == ("ofd_1", "ofd_2", "bpd_1", "bpd_2")
    assert COLUMNS[:3] == ("ofd_1_x", "ofd_1_y", "ofd_2_x")
    assert len(COLUMNS) == 8


def test_left_end_and_upper_end_come_first():
    mixed = np.array([[90, 50], [10, 52], [48, 80], [52, 20]], dtype=float)
    assert canonical(mixed).tolist() == [[10, 52], [90, 50], [52, 20], [48, 80]]


def test_the_other_coordinate_decides_ties():
    upright = np.array([[50, 80], [50, 20], [70, 40], [30, 40]], dtype=float)
    assert canonical(upright).tolist() == [[50, 20], [50, 80], [30, 40], [70, 40]]


@given(points)
def test_canonical_is_idempotent_and_forgets_the_order(ends):
    once = canonical(ends)
    assert np.array_equal(canonical(once), once)
    for order in ([1, 0, 2, 3], [0, 1, 3, 2], [1, 0, 3, 2]):
        assert np.array_equal(canonical(ends[order]), once)


@given(points)
def test_canonical_keeps_each_diameter(ends):
    found = canonical(ends)
    for pair in (slice(0, 2), slice(2, 4)):
        assert sorted(found[pair].tolist()) == sorted(ends[pair].tolist())


@given(arrays(float, (3, 2, 4, 2), elements=fine))
def test_batches_are_ordered_row_by_row(batch):
    found = canonical(batch)
    assert all(np.array_equal(found[i, j], canonical(batch[i, j])) for i in range(3) for j in range(2))
