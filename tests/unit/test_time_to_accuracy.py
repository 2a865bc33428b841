"""When a recipe is as good as the baseline is at its end."""

import pandas as pd
import pytest

from fetal_biometry.bench.accuracy import MEASURE, race

BASELINE = pd.DataFrame({MEASURE: [0.5, 0.1, 0.2], "seconds": [9.0, 9.0, 9.0]})


def test_the_first_epoch_that_is_as_good_counts():
    other = pd.DataFrame({MEASURE: [0.3, 0.2, 0.1], "seconds": [2.0, 3.0, 4.0]})
    found = race(BASELINE, other, plain_epoch=100.0)
    assert found.goal == 0.2 and found.epochs == 2 and found.seconds == 5.0
    assert found.baseline_epochs == 3 and found.baseline_seconds == 300
    assert found.times_faster == pytest.approx(60)


def test_a_recipe_that_never_is_as_good_is_not_faster():
    found = race(BASELINE, pd.DataFrame({MEASURE: [0.3], "seconds": [2.0]}), plain_epoch=100.0)
    assert found.epochs is None and found.seconds is None and found.times_faster is None
