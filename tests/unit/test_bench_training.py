"""The benchmark's plain loop is the reference's training, and our engine gives the same network the same losses."""

from dataclasses import replace

import numpy as np
import pytest

from bench_training import Epoch, PlainLoop, make_samples
from draw_phantoms import write_phantom
from fetal_biometry.data.phantom import plan_phantoms

pytestmark = pytest.mark.usefixtures("one_thread")

REFERENCE = {  # config.yaml's, smaller
    "kind": "heatmap", "seed": 1, "device": "cpu", "precision": "float32", "epochs": 6, "batch_size": 4,
    "learning_rate": 0.003, "schedule": "constant", "weight_decay": 0, "weight_average": 0, "loss": "mse",
    "sigma_px": 5, "stride": 1, "stem_stride": 1, "width": 8, "depth": 2, "batch_norm": False, "transposed": True,
    "grey_scaling": "unit", "mask_weight": 0, "decoder": "argmax", "closeup": None, "augmentation": None,
    "keep_epoch": "best", "image_size": 64, "cache_size": 64, "limits": {}, "unit": "px", "experiment": "reference",
}  # fmt: skip


@pytest.mark.parametrize("precision, tolerance", [("float32", 0.05), ("bfloat16", 0.08)])
def test_losses_are_those_of_the_plain_loop(tmp_path, precision, tolerance):
    phantoms = plan_phantoms(16, seed=1)
    paths = [write_phantom(phantom, tmp_path) for phantom in phantoms]
    samples = make_samples(tmp_path, phantoms, paths, REFERENCE)
    epoch = Epoch({**REFERENCE, "precision": precision}, replace(samples), tmp_path)
    plain = PlainLoop(REFERENCE, paths, samples.points, samples.sizes)
    plain.network.load_state_dict(epoch.trainer.networks[0].state_dict())
    ours, theirs = [], []
    for number in range(1, 13):
        ours.append(epoch.trainer.run_epoch(number)["train_loss"])
        theirs.append(np.mean(plain.run_epoch()))
    assert ours[-1] < 0.8 * ours[0]
    assert ours == pytest.approx(theirs, rel=tolerance)
