"""When ours is as good as the reference in the end."""

import pandas as pd
import pytest

from time_to_accuracy import MEASURE, reach

REFERENCE = pd.DataFrame({MEASURE: [0.5, 0.1, 0.2], "seconds": [9.0, 9.0, 9.0]})


def test_the_first_epoch_that_is_as_good_counts():
    ours = pd.DataFrame({MEASURE: [0.3, 0.2, 0.1], "seconds": [2.0, 3.0, 4.0]})
    found = reach(REFERENCE, ours, plain_epoch=100.0)
    assert found["goal"] == 0.2 and found["epochs"] == 2 and found["seconds"] == 5.0
    assert found["reference_seconds"] == 300 and found["times_faster"] == pytest.approx(60)


def test_one_that_never_gets_there_is_no_faster():
    found = reach(REFERENCE, pd.DataFrame({MEASURE: [0.3], "seconds": [2.0]}), plain_epoch=100.0)
    assert found["epochs"] is None and found["times_faster"] is None
