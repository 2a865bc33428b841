"""A tiny network on drawn heads: it trains on its targets, repeats itself to the byte, and goes on when interrupted."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import DIRECT, FUSED, ORIGINAL, SIZE, VIEWS, make_samples, training_part, write_named

from fetal_biometry.errors import InputError
from fetal_biometry.model import head_mask, heatmaps, training
from fetal_biometry.model.losses import drawn_maps, heatmap_loss, mask_loss, training_loss
from fetal_biometry.model.targets import render_targets, target_shape, target_type
from fetal_biometry.model.training import Trainer, choose_device, choose_precision
from fetal_biometry.model.views import to_grid, whole_views

pytestmark = pytest.mark.usefixtures("one_thread")
trains = pytest.mark.slow

STRIDE, CELLS = 2, SIZE // 2


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """26 training and 7 validation images, so that both end in a smaller batch; with a head mask."""
    folder = tmp_path_factory.mktemp("prepared")
    return make_samples(folder, training_part(FUSED), 26), make_samples(folder, training_part(FUSED), 7, seed=2)


@pytest.fixture
def train(samples, tmp_path):
    def run(name, *changes, identity="data", validate=True, learning=None, **more):
        judging = samples[1] if validate else replace(samples[1], names=[])
        recipe = training_part(FUSED, *changes)
        trainer = Trainer(recipe, learning or samples[0], judging, tmp_path / f"{name}.pt", identity, **more)
        trainer.run()
        return trainer

    return run


@pytest.fixture
def direct(tmp_path):
    return {"learning": make_samples(tmp_path, training_part(DIRECT), 26), "validate": False}


def epochs(number):
    return {"training": {"epochs": number}}


def same_weights(one, other):
    a, b = one["state"], other["state"]
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def untimed(trainer):
    return [{**row, "seconds": 0} for row in trainer.history]


# ---- what a network is trained on


def test_targets_have_the_landmarks_in_every_grid():
    """Landscape and portrait originals; a frame's fraction of a point is its place on a grid over the cells."""
    sizes = np.array([[800, 540], [540, 800]])
    points = np.array([[[100.0, 200], [400, 220], [240, 100], [250, 330]]] * 2)
    recipe, coordinates = training_part(FUSED), training_part(DIRECT)
    maps = render_targets(points, sizes, recipe.network, recipe.training, SIZE)
    assert maps.dtype == target_type(recipe.network) == np.float16
    assert maps.shape[1:] == target_shape(recipe.network, SIZE) == (5, CELLS, CELLS)
    found, _ = heatmaps.decode(maps[:, :4], "subpixel", 2.0)
    assert found == pytest.approx(to_grid(whole_views(sizes), points, CELLS), abs=0.02)
    fractions = render_targets(points, sizes, coordinates.network, coordinates.training, SIZE)
    assert fractions.dtype == np.float32 and fractions.shape == (2, 4, 2)
    assert fractions == pytest.approx((to_grid(whole_views(sizes), points, CELLS) + 0.5) / CELLS, abs=1e-6)


def test_half_precision_is_enough_for_targets():
    """Beside single precision: a hundredth of a pixel, and a thousandth of the loss of a network that knows nothing."""
    recipe = training_part(FUSED)
    points, sizes = np.array([[[30.2, 40], [90, 47], [55, 20], [60, 70]]]), np.array([ORIGINAL])
    half = render_targets(points, sizes, recipe.network, recipe.training, SIZE).astype(np.float32)
    places = to_grid(whole_views(sizes), points, CELLS)
    whole = np.concatenate([heatmaps.encode(places, CELLS, 2.0), head_mask.encode(places, CELLS)[:, None]], axis=1)
    decoded = [heatmaps.decode(maps[:, :4], "subpixel", 2.0)[0] for maps in (half, whole)]
    assert np.abs(decoded[0] - decoded[1]).max() < 0.01 / STRIDE
    logits = torch.randn((1, 5, CELLS, CELLS), generator=torch.manual_seed(1))
    losses = [training_loss(logits, torch.from_numpy(maps), recipe.network, recipe.training) for maps in (half, whole)]
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-3)


def test_views_that_change_nothing_have_the_rendered_targets(samples):
    learning, batch = samples[0], np.array([3, 0, 25])
    nothing = training_part(FUSED, {"augmentation": dict.fromkeys(VIEWS["augmentation"], 0)}).augmentation
    plain, viewed = learning.load(batch), learning.load(batch, nothing, np.random.default_rng(1))
    for one, other in zip(plain, viewed, strict=True):
        assert torch.equal(one, other)
    images, targets = plain
    assert images.shape == (3, 1, SIZE, SIZE) and images.dtype == torch.uint8
    assert targets.shape == (3, 5, CELLS, CELLS) and targets.dtype == torch.float32
    for place, number in enumerate(batch):
        assert np.array_equal(images[place, 0], learning.images[learning.names[number]])
        assert np.array_equal(targets[place], learning.targets[learning.names[number]].astype(np.float32))


@pytest.mark.parametrize("changes", [(FUSED, VIEWS), (DIRECT, VIEWS)])
def test_random_views_have_their_landmarks_where_their_image_shows_them(changes, tmp_path):
    recipe = training_part(*changes)
    learning = make_samples(tmp_path, recipe, 26)
    images, targets = learning.load(np.arange(26), recipe.augmentation, np.random.default_rng(2))
    if recipe.network.kind == "direct":
        x, y = (targets * SIZE - 0.5).round().long().unbind(dim=2)
    else:
        peaks = targets[:, :4].flatten(2).argmax(dim=2)
        x, y = peaks % CELLS * STRIDE, peaks // CELLS * STRIDE
    bright = torch.nn.functional.max_pool2d(images.float(), 5, stride=1, padding=2)
    found = bright[torch.arange(26)[:, None], 0, y, x]
    assert found[:, :2].min() > 0.6 * images.amax()  # the drawn spots
    assert (x[:, 0] < x[:, 1]).all() and (y[:, 2] < y[:, 3]).all()


@trains
def test_other_targets_give_other_weights(samples, train, tmp_path):
    learning = samples[0]
    names, targets = learning.names, learning.targets.gather(learning.names)
    same = replace(learning, targets=write_named(tmp_path / "same.npy", names, targets, np.float16))
    changed = targets.copy()
    changed[7, 0] = np.roll(changed[7, 0], 3, axis=1)
    other = replace(learning, targets=write_named(tmp_path / "other.npy", names, changed, np.float16))
    first, again, last = (
        train(name, epochs(1), learning=each).models()["last"]
        for name, each in (("first", learning), ("again", same), ("last", other))
    )
    assert same_weights(first, again) and not same_weights(first, last)


# ---- losses


def test_losses_of_known_maps():
    points = np.full((1, 4, 2), 16.0)
    targets = torch.from_numpy(heatmaps.encode(points, 32, 2.0))
    assert heatmap_loss(torch.zeros_like(targets), targets, "cross_entropy").item() == pytest.approx(np.log(32 * 32))
    sure = heatmap_loss(torch.log(targets.clamp_min(1e-12)), targets, "cross_entropy").item()
    assert sure == pytest.approx(np.log(2 * np.pi * np.e * 2.0**2), abs=1e-3)  # a Gaussian's entropy
    assert heatmap_loss(torch.full_like(targets, -50), targets, "mse").item() == pytest.approx(
        np.pi * 4 / 32**2, rel=1e-3
    )


def test_the_head_mask_s_loss_is_added_by_its_weight():
    recipe = training_part(FUSED)
    logits, targets = (torch.rand((2, 5, 8, 8), generator=torch.manual_seed(seed)) for seed in (1, 2))
    both = training_loss(logits, targets, recipe.network, recipe.training)
    heat = heatmap_loss(logits[:, :4], targets[:, :4], "cross_entropy")
    assert both == pytest.approx(heat + 5 * mask_loss(logits[:, 4], targets[:, 4]))
    assert mask_loss(torch.zeros(1, 8, 8), targets[:1, 4]).item() == pytest.approx(np.log(2))


def test_scores_are_what_a_decoder_takes():
    logits = torch.randn(2, 5, 8, 8, generator=torch.manual_seed(1))
    shares = drawn_maps(logits, "cross_entropy")
    assert shares[:, :4].sum(dim=(2, 3)) == pytest.approx(1, abs=1e-5) and shares.shape == logits.shape
    assert torch.equal(shares[:, 4], torch.sigmoid(logits[:, 4]))
    assert torch.equal(drawn_maps(logits, "mse"), torch.sigmoid(logits))


# ---- training


@trains
@pytest.mark.parametrize("kind", ["heatmap", "direct"])
def test_a_training_lowers_its_loss(train, direct, kind):
    rows = (train("one", DIRECT, **direct) if kind == "direct" else train("one")).history
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    units = [f"validation_{length}_mae_px" for length in ("bpd", "ofd", "hc")]
    expected = ["epoch", "train_loss", "learning_rate", "seconds"]
    if kind == "heatmap":
        expected[2:2] = ["validation_loss", *units, "validation_relative_error"]
    assert list(rows[0]) == expected


@trains
def test_validation_errors_are_in_original_pixels(samples, train, monkeypatch):
    """Of a network that gives each label, 2 % too long."""
    labels = samples[1].points
    middle = labels.mean(axis=1, keepdims=True)
    read = iter(np.split(middle + 1.02 * (labels - middle), [4]))
    monkeypatch.setattr(Trainer, "_read", lambda *_: next(read))
    (row,) = train("one", epochs(1)).history
    bpd = np.linalg.norm(labels[:, 3] - labels[:, 2], axis=1)
    assert row["validation_bpd_mae_px"] == pytest.approx(0.02 * bpd.mean())
    assert row["validation_relative_error"] == pytest.approx(0.02)


@trains
def test_a_step_in_bfloat16_has_nearly_the_loss_of_float32(samples, tmp_path):
    losses = []
    for precision in ("float32", "bfloat16"):
        recipe = training_part(FUSED, {"training": {"precision": precision}})
        trainer = Trainer(recipe, *samples, tmp_path / "checkpoint.pt", "data")
        losses.append(trainer._step(np.arange(4), np.random.default_rng(1)))
    assert losses[1] == pytest.approx(losses[0], rel=0.02) and losses[0] != losses[1]


@trains
@pytest.mark.parametrize("kind", ["views", "mse", "direct"])
def test_a_seed_is_a_training(train, direct, kind):
    changes = {"views": (VIEWS,), "mse": ({"training": {"loss": "mse", "precision": "bfloat16"}},), "direct": (DIRECT,)}
    more = direct if kind == "direct" else {}
    one, other = (train(name, *changes[kind], epochs(2), **more).models()["last"] for name in ("one", "other"))
    assert same_weights(one, other)
    third = train("third", *changes[kind], {"training": {"epochs": 2, "seed": 2}}, **more)
    assert not same_weights(one, third.models()["last"])


@trains
@pytest.mark.parametrize("kind", ["views", "constant", "direct"])
def test_an_interrupted_training_goes_on_where_it_was(train, direct, monkeypatch, kind):
    changes = {"views": VIEWS, "constant": {"training": {"schedule": "constant"}}, "direct": DIRECT}[kind]
    more = direct if kind == "direct" else {}
    undisturbed = train("undisturbed", changes, **more)
    steps_an_epoch = undisturbed.steps // 3
    step, taken = Trainer._step, []

    def interrupt(self, *arguments):
        if len(taken) == 2 * steps_an_epoch + 1:  # in the midst of the third epoch
            raise KeyboardInterrupt
        taken.append(1)
        return step(self, *arguments)

    monkeypatch.setattr(Trainer, "_step", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train("interrupted", changes, **more)
    counted = []
    monkeypatch.setattr(Trainer, "_step", lambda *arguments: counted.append(1) or step(*arguments))
    resumed = train("interrupted", changes, **more)
    assert len(counted) == steps_an_epoch  # the third epoch alone
    for which in ("last", "best"):
        assert same_weights(resumed.models()[which], undisturbed.models()[which])
    assert untimed(resumed) == untimed(undisturbed)


@trains
def test_a_finished_training_is_not_repeated(train, monkeypatch):
    finished = train("checkpoint", epochs(2))
    monkeypatch.setattr(Trainer, "run_epoch", lambda *_: pytest.fail("trained again"))
    assert same_weights(train("checkpoint", epochs(2)).models()["best"], finished.models()["best"])


@trains
def test_a_checkpoint_of_other_data_is_ignored(train):
    train("checkpoint", epochs(1))
    other = train("checkpoint", epochs(2), identity="other data")
    assert len(other.history) == 2
    fresh = train("fresh", epochs(2), identity="other data")
    assert same_weights(other.models()["last"], fresh.models()["last"])


@trains
def test_a_damaged_checkpoint_costs_a_restart(train, tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    finished = train("checkpoint", epochs(2))
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:1000])
    again = train("checkpoint", epochs(2))
    assert "cannot be read" in caplog.text
    assert same_weights(again.models()["last"], finished.models()["last"])


@trains
@pytest.mark.parametrize("device", ["meta", "cuda"])
def test_a_checkpoint_is_read_on_a_gpu_too(samples, train, tmp_path, device):
    """``meta`` stands for one: nothing that lies there can be read back, as nothing on a GPU turns into an array."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("torch finds no GPU here")
    train("checkpoint", epochs(1))
    trainer = Trainer(training_part(FUSED, epochs(2)), *samples, tmp_path / "checkpoint.pt", "data")
    if device == "meta":
        trainer.device = torch.device(device)
        trainer._resume()
    else:
        trainer.run()
    assert len(trainer.history) == 1 + (device == "cuda")
    assert np.array_equal(trainer.training.points, samples[0].points)


@trains
def test_best_is_the_epoch_with_the_least_error_and_last_the_last(train):
    trainer = train("one")
    errors = [row["validation_relative_error"] for row in trainer.history]
    best, last = trainer.models()["best"], trainer.models()["last"]
    assert best["epoch"] == 1 + int(np.argmin(errors)) and last["epoch"] == 3
    assert best["architecture"]["width"] == 4 and best["data_digest"] == "data" and best["image_size"] == SIZE


@trains
def test_the_last_epoch_is_kept_when_asked_for(train):
    trainer = train("one", {"training": {"keep": "last"}})
    models = trainer.models()
    assert same_weights(models["best"], models["last"]) and models["best"]["epoch"] == 3
    assert "validation_loss" in trainer.history[0]


@trains
def test_without_validation_images_the_last_epoch_is_kept(train):
    trainer = train("one", epochs(2), validate=False)
    models = trainer.models()
    assert same_weights(models["best"], models["last"]) and models["best"]["epoch"] == 2
    assert "validation_loss" not in trainer.history[0]


@trains
def test_a_model_file_is_loaded_as_weights_only(train, tmp_path):
    model = train("one", epochs(1)).models()["best"]
    training.save(model, tmp_path / "model.pt")
    loaded = torch.load(tmp_path / "model.pt", weights_only=True)
    assert same_weights(loaded, model) and loaded["recipe"] == model["recipe"]


def test_a_diverging_training_says_so(train, monkeypatch):
    monkeypatch.setattr(training, "training_loss", lambda outputs, *_: outputs.sum(dim=(1, 2, 3)) * np.nan)
    with pytest.raises(FloatingPointError, match="lower learning_rate"):
        train("one", epochs(1))


def test_the_learning_rate_rises_and_falls_along_a_cosine(samples, tmp_path):
    trainer = Trainer(training_part(FUSED, epochs(20)), *samples, tmp_path / "checkpoint.pt", "data")
    rates = [trainer._learning_rate(done) for done in (0, 0.5, 1, 10, 19.99)]
    assert rates[0] < rates[1] < rates[2] and rates[2] == pytest.approx(0.01, rel=0.01)
    assert rates[3] == pytest.approx(0.005) and rates[4] < 1e-6


# ---- processors


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True, "avx512_bf16": False}, torch.bfloat16),
        ({"avx2": True, "avx512_bf16": False}, torch.float32),
        ({}, torch.float32),
    ],
)
def test_precision_follows_the_processor(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    assert choose_precision("auto", torch.device("cpu")) == expected
    assert choose_precision("float32", torch.device("cpu")) == torch.float32
    assert choose_precision("bfloat16", torch.device("cpu")) == torch.bfloat16
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")  # as ATEN_CPU_CAPABILITY says
    assert choose_precision("auto", torch.device("cpu")) == torch.float32


@pytest.mark.parametrize(("supported", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_precision_and_device_follow_the_gpu(monkeypatch, supported, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: supported)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: supported)
    assert choose_device("auto").type == ("cuda" if supported else "cpu")
    assert choose_device("cpu").type == "cpu"
    if not supported:
        for device in ("cuda", "cuda:0"):
            with pytest.raises(InputError, match=f"device: {device}, but torch finds no GPU here; set device: auto"):
                choose_device(device)
    assert choose_precision("auto", torch.device("cuda")) == expected
