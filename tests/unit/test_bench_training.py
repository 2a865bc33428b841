"""The benchmark's plain loop is the baseline's training: the workflow's trainer has the same losses."""

from pathlib import Path

import numpy as np
import pytest

from fetal_biometry.bench.plain import PlainLoop
from fetal_biometry.bench.training import draw_samples, make_trainer
from fetal_biometry.recipe import read_recipe

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

RECIPES = Path(__file__).parents[2] / "recipes"
SIZE = 64


def test_losses_are_those_of_the_plain_loop(tmp_path):
    small = {"device": "cpu", "precision": "float32", "batch_size": 4, "learning_rate": 0.003}
    recipe = read_recipe("baseline", [RECIPES], {"network": {"width": 4}, "training": small})
    paths, points, sizes = draw_samples(tmp_path, 8)
    trainer = make_trainer(tmp_path, recipe, SIZE, paths, points, sizes)
    plain = PlainLoop(recipe, SIZE, paths, points, sizes)
    plain.network.load_state_dict(trainer.network.state_dict())
    losses = [trainer.run_epoch(number)["train_loss"] for number in (1, 2, 3)]
    assert losses == pytest.approx([np.mean(plain.run_epoch()) for _ in losses], rel=0.02)
    assert losses[2] < losses[0]
