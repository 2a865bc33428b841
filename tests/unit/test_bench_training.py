"""The benchmark's plain loop is the baseline's training: the workflow's trainer has the same losses."""

from pathlib import Path

import numpy as np
import pytest

from fetal_biometry.bench.plain import PlainLoop
from fetal_biometry.bench.training import Epoch, draw_samples, make_samples
from fetal_biometry.recipe import read_recipe

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

RECIPES = Path(__file__).parents[2] / "recipes"
SIZE = 64


@pytest.mark.parametrize("precision, tolerance", [("float32", 0.05), ("bfloat16", 0.08)])
def test_losses_are_those_of_the_plain_loop(tmp_path, precision, tolerance):
    small = {"device": "cpu", "precision": precision, "batch_size": 4, "learning_rate": 0.003}
    recipe = read_recipe("baseline", [RECIPES], {"network": {"width": 8}, "training": small})
    paths, points, sizes = draw_samples(tmp_path, 16)
    epoch = Epoch(recipe, SIZE, make_samples(tmp_path / "baseline", recipe, SIZE, paths, points, sizes))
    plain = PlainLoop(recipe, SIZE, paths, points, sizes)
    plain.network.load_state_dict(epoch.trainer.network.state_dict())
    losses, plain_losses = [], []
    for number in range(1, 13):
        losses.append(epoch.trainer.run_epoch(number)["train_loss"])
        plain_losses.append(np.mean(plain.run_epoch()))
    assert losses[-1] < 0.8 * losses[0]
    assert losses == pytest.approx(plain_losses, rel=tolerance)
