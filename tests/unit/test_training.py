"""A tiny network on drawn heads: it learns, repeats itself to the byte, and goes on after an interruption."""

import logging
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from fetal_biometry.errors import InputError
from fetal_biometry.images.cache import Shards, write_shard
from fetal_biometry.model import training
from fetal_biometry.model.geometry import ellipse_landmarks, resize_points
from fetal_biometry.model.heatmaps import encode
from fetal_biometry.model.training import Samples, Trainer, choose_device, choose_precision, drawn_maps, heatmap_loss
from fetal_biometry.report.statistics import trivial_loss

SIZE, STRIDE, ORIGINAL = 64, 2, (128, 96)
LIMITS = {
    "shortest_ratio": 0.4,
    "longest_ratio": 1.05,
    "midpoint_distance": 0.2,
    "angle_deg": 30,
    "shortest_diameter": 0.1,
}
SETTINGS = {
    "kind": "heatmap",
    "experiment": "tiny",
    "unit": "mm",
    "image_size": SIZE,
    "seed": 1,
    "device": "cpu",
    "precision": "float32",
    "epochs": 3,
    "batch_size": 4,
    "learning_rate": 0.01,
    "schedule": "cosine",
    "weight_decay": 0.0001,
    "weight_average": 0.9,
    "loss": "cross_entropy",
    "sigma_px": 4,
    "stride": STRIDE,
    "stem_stride": 1,
    "width": 4,
    "depth": 3,
    "batch_norm": True,
    "transposed": False,
    "grey_scaling": "standardise",
    "decoder": "paired",
    "closeup": None,
    "augmentation": None,
    "keep_epoch": "best",
    "mask_weight": 0,
    "strangers": 0,
    "teach_from": 0.3,
    "teach_confidence": 0.2,
    "limits": LIMITS,
}
VIEWS = {
    "flip": 0.5,
    "rotation_deg": 10,
    "shrink": 0.1,
    "enlarge": 0.1,
    "shift": 0.05,
    "thin": 0.2,
    "thicken": 0.1,
    "gain": 0.1,
    "gamma": 0.1,
    "shadow": 0.1,
    "noise": 5,
}
pytestmark = pytest.mark.usefixtures("one_thread")

DIRECT = {"kind": "direct", "loss": "mse", "learning_rate": 0.003, "schedule": "constant"}


def draw_head(points):
    """Large spots on the OFD's ends, small ones on the BPD's."""
    y, x = np.indices((SIZE, SIZE))
    spots = [
        np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * width**2))
        for (px, py), width in zip(points, (3.0, 3.0, 1.2, 1.2), strict=True)
    ]
    return (230 * np.max(spots, axis=0) + 10).astype(np.uint8)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """26 training and 7 validation images, so that both end in a smaller batch."""
    rng = np.random.default_rng(1)
    folder = tmp_path_factory.mktemp("cache")
    names = [f"{number:03d}.png" for number in range(33)]
    points = np.array(
        [
            ellipse_landmarks(rng.uniform([54, 42], [74, 54]), rng.uniform(26, 34), rng.uniform(18, 24), angle)
            for angle in rng.uniform(-0.5, 0.5, len(names))
        ]
    )
    squeezed = resize_points(points, ORIGINAL, (SIZE, SIZE))
    grid = resize_points(points, ORIGINAL, (SIZE // STRIDE, SIZE // STRIDE))
    index = [{"image_name": name} for name in names]
    write_shard(folder / "images.npy", index, map(draw_head, squeezed), (SIZE, SIZE), np.uint8)
    heatmaps = encode(grid, SIZE // STRIDE, SETTINGS["sigma_px"] / STRIDE)
    write_shard(folder / "heatmaps.npy", index, heatmaps, heatmaps.shape[1:], np.float16)
    images, targets = Shards([folder / "images.npy"]), Shards([folder / "heatmaps.npy"])

    def part(rows):
        count = len(names[rows])
        return Samples(
            names[rows],
            points[rows],
            np.ones(count),
            np.zeros(count, dtype=bool),
            np.tile(ORIGINAL, (count, 1)),
            np.full(count, 0.5),
            images,
            targets,
        )

    return part(slice(0, 26)), part(slice(26, 33))


@pytest.fixture
def train(samples, tmp_path):
    def run(name="checkpoint", identity="data", validate=True, **changed):
        learning, judging = samples
        judging = judging if validate else replace(judging, names=[])
        trainer = Trainer({**SETTINGS, **changed}, learning, judging, tmp_path / f"{name}.pt", identity)
        trainer.run()
        return trainer

    return run


def same_weights(one, other):
    a, b = one["state"], other["state"]
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_it_learns_to_find_drawn_heads(train):
    trainer = train(epochs=12)
    first, last = trainer.history[0], trainer.history[-1]
    uniform = trivial_loss(SETTINGS)[1]
    assert last["train_loss"] < 0.7 * uniform < first["train_loss"]
    assert last["validation_loss"] < 0.75 * uniform
    assert trainer.history[-1]["validation_ofd_mae_mm"] < 2  # of 30 mm; 4 px of the original
    assert [row["epoch"] for row in trainer.history] == list(range(1, 13))


def test_bfloat16_learns_as_much_as_float32(train):
    exact, rough = (train(kind, epochs=12, precision=kind).history[-1] for kind in ("float32", "bfloat16"))
    assert rough["train_loss"] == pytest.approx(exact["train_loss"], rel=0.03)
    assert rough["train_loss"] != exact["train_loss"]
    assert abs(rough["validation_hc_mae_mm"] - exact["validation_hc_mae_mm"]) < 1  # of 80 mm


def test_the_direct_network_learns_too(train):
    trainer = train(**DIRECT, epochs=8)
    assert trainer.history[-1]["train_loss"] < 0.1 * trainer.history[0]["train_loss"]
    assert trainer.history[-1]["validation_hc_mae_mm"] < 10  # of 80 mm


def test_views_that_change_nothing_have_the_rendered_targets(train):
    none = dict.fromkeys(VIEWS, 0)
    plain, viewed = train("plain", epochs=1), train("viewed", epochs=1, augmentation=none)
    # rendered targets are float16
    assert viewed.history[0]["train_loss"] == pytest.approx(plain.history[0]["train_loss"], rel=1e-3)


@pytest.mark.parametrize("changed", [{"augmentation": VIEWS}, {"loss": "mse", "precision": "bfloat16"}, DIRECT])
def test_a_seed_is_a_training(train, changed):
    one, other = (train(name, epochs=2, **changed) for name in ("one", "other"))
    assert same_weights(one.model("last"), other.model("last"))
    assert not same_weights(one.model("last"), train("third", epochs=2, **changed, seed=2).model("last"))


FUSED = {"mask_weight": 5, "decoder": "fused"}
CLOSEUP = {
    "looks": 1, "finder": {"width": 4}, "share": 0.6, "field": 1.4, "rotation_deg": 10, "shrink": 0.1, "enlarge": 0.1,
    "shift": 0.05, "coarsen": 0.3,
}  # fmt: skip


@pytest.mark.parametrize("cached", [SIZE, 2 * SIZE])
def test_a_closeup_of_training_shows_the_head_upright_where_its_landmarks_say(samples, tmp_path, cached):
    closeup = {**CLOSEUP, "rotation_deg": 0, "coarsen": 0}
    images = (cv2.resize(image, (cached, cached)) for image in samples[0].images.gather(samples[0].names))
    index = [{"image_name": name} for name in samples[0].names]
    write_shard(tmp_path / "images.npy", index, images, (cached, cached), np.uint8)
    learning = replace(samples[0], images=Shards([tmp_path / "images.npy"]))
    settings = {**SETTINGS, "augmentation": {**VIEWS, "thin": 0, "shadow": 0, "noise": 0}, "closeup": closeup}
    trainer = Trainer(settings, learning, samples[1], tmp_path / "checkpoint.pt", "data")
    images, targets = trainer.load(learning, np.arange(26), 1, np.random.default_rng(2))
    assert images.shape[2:] == (SIZE, SIZE)
    peaks = targets.flatten(2).argmax(dim=2)
    x, y = peaks % (SIZE // STRIDE), peaks // (SIZE // STRIDE)
    assert (y[:, 0] - y[:, 1]).abs().max() <= 1 and (x[:, 2] - x[:, 3]).abs().max() <= 1
    found = torch.nn.functional.max_pool2d(images.float(), STRIDE)[torch.arange(26)[:, None], 0, y, x]
    assert found.min() > 0.6 * images.amax()  # the drawn spots


def test_each_look_has_its_network(train):
    one, two = (train(name, epochs=24, **FUSED, augmentation=VIEWS, closeup=CLOSEUP) for name in ("one", "two"))
    assert one.history[-1]["validation_hc_mae_mm"] < 6  # of 80 mm
    assert same_weights(one.model("last"), two.model("last"))


def test_networks_take_turns_by_their_share(samples, tmp_path):
    settings = {**SETTINGS, **FUSED, "augmentation": VIEWS, "closeup": CLOSEUP}
    trainer = Trainer(settings, *samples, tmp_path / "checkpoint.pt", "data")
    before = [{key: value.clone() for key, value in network.state_dict().items()} for network in trainer.networks]
    turns = []
    for trainer.steps in range(20):
        turns.append(trainer._draw_turn())
    assert sum(turns) == 12 and turns[:5] * 4 == turns  # three steps of five, evenly spread
    trainer.steps = 1
    trainer._step(np.arange(4), 1, np.random.default_rng(1))
    changed = [
        any(not torch.equal(old[key], value) for key, value in network.state_dict().items())
        for old, network in zip(before, trainer.networks, strict=True)
    ]
    assert changed == [False, True]


def test_the_filled_head_is_learned_beside_the_landmarks(train):
    trainer = train(epochs=12, **FUSED)
    assert trainer.history[-1]["train_loss"] < 0.7 * trainer.history[0]["train_loss"]
    assert trainer.history[-1]["validation_hc_mae_mm"] < 6  # of 80 mm
    assert trainer.model("last")["architecture"]["mask"]


@pytest.fixture
def spoilt(samples):
    """A third of the training labels lie elsewhere, known to be wrong and left to the network."""
    learning, judging = samples
    taught = np.arange(len(learning)) % 3 == 0
    points = np.where(taught[:, None, None], learning.points + [40, -30], learning.points)
    return replace(learning, points=points, weights=np.where(taught, 0.0, 1.0), taught=taught), judging


def test_open_labels_are_taught_where_the_network_is_sure(spoilt, samples, tmp_path):
    learning, judging = spoilt
    trainer = Trainer({**SETTINGS, **FUSED, "epochs": 24}, learning, judging, tmp_path / "taught.pt", "data")
    trainer.run()
    chosen = learning.taught & (trainer.training.weights > 0)
    assert chosen.sum() > learning.taught.sum() / 2
    off = np.linalg.norm((trainer.training.points - samples[0].points).mean(axis=1), axis=1)  # of the heads' centres
    assert np.median(off[chosen]) < 5 and off[~learning.taught].max() == 0  # px; the labels were 50 off
    assert (learning.weights[learning.taught] == 0).all()  # the caller's own are left alone


def test_labels_left_out_train_nothing_and_shorten_no_training(spoilt, tmp_path):
    learning, judging = spoilt
    trainer = Trainer({**SETTINGS, **FUSED}, learning, judging, tmp_path / "checkpoint.pt", "data")
    order = trainer._draw_order(np.random.default_rng(1))
    assert len(order) == len(learning) and not learning.taught[order].any()
    times = np.bincount(order, minlength=len(learning))[~learning.taught]
    assert set(times) == {1, 2}  # each once before any a second time
    astray = replace(learning, points=learning.points + learning.taught[:, None, None] * 7.0)
    other = Trainer({**SETTINGS, **FUSED, "teach_confidence": 1.0}, astray, judging, tmp_path / "other.pt", "data")
    same = Trainer({**SETTINGS, **FUSED, "teach_confidence": 1.0}, learning, judging, tmp_path / "same.pt", "data")
    for each in (other, same):
        each.run()
    assert same_weights(other.model("last"), same.model("last"))


def test_an_interrupted_teaching_goes_on_where_it_was(spoilt, tmp_path, monkeypatch):
    learning, judging = spoilt
    settings = {**SETTINGS, **FUSED, "epochs": 13, "teach_confidence": 0}
    undisturbed = Trainer(settings, learning, judging, tmp_path / "undisturbed.pt", "data")
    undisturbed.run()
    assert (undisturbed.training.weights[learning.taught] > 0).any()
    run_epoch = Trainer.run_epoch

    def stop_before_the_last(self, epoch):
        if epoch == 13:
            raise KeyboardInterrupt
        return run_epoch(self, epoch)

    monkeypatch.setattr(Trainer, "run_epoch", stop_before_the_last)
    with pytest.raises(KeyboardInterrupt):
        Trainer(settings, learning, judging, tmp_path / "cut.pt", "data").run()
    monkeypatch.setattr(Trainer, "run_epoch", run_epoch)
    resumed = Trainer(settings, learning, judging, tmp_path / "cut.pt", "data")
    resumed.run()
    assert same_weights(resumed.model("last"), undisturbed.model("last"))


@pytest.mark.parametrize("changed", [{"augmentation": VIEWS}, {"schedule": "constant"}, DIRECT])
def test_an_interrupted_training_goes_on_where_it_was(train, monkeypatch, changed):
    undisturbed = train("undisturbed", **changed)
    steps_an_epoch = undisturbed.steps // 3
    step, taken = Trainer._step, []

    def interrupt(self, *arguments):
        if len(taken) == 2 * steps_an_epoch + 1:  # in the midst of the third epoch
            raise KeyboardInterrupt
        taken.append(1)
        return step(self, *arguments)

    monkeypatch.setattr(Trainer, "_step", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train("interrupted", **changed)
    counted = []
    monkeypatch.setattr(Trainer, "_step", lambda *arguments: counted.append(1) or step(*arguments))
    resumed = train("interrupted", **changed)
    assert len(counted) == steps_an_epoch  # the third epoch alone
    for which in ("last", "best"):
        assert same_weights(resumed.model(which), undisturbed.model(which))
    assert [{**row, "seconds": 0} for row in resumed.history] == [{**row, "seconds": 0} for row in undisturbed.history]


def test_a_finished_training_is_not_repeated(train, monkeypatch):
    finished = train()
    monkeypatch.setattr(Trainer, "run_epoch", lambda *_: pytest.fail("trained again"))
    assert same_weights(train().model("best"), finished.model("best"))


def test_a_checkpoint_of_other_data_is_ignored(train):
    train(epochs=1)
    assert len(train(epochs=2, identity="other data").history) == 2
    fresh = train("fresh", epochs=2, identity="other data")
    assert same_weights(train(epochs=2, identity="other data").model("last"), fresh.model("last"))


def test_a_damaged_checkpoint_costs_a_restart(train, tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    finished = train()
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:1000])
    again = train()
    assert "cannot be read" in caplog.text
    assert same_weights(again.model("last"), finished.model("last"))


@pytest.mark.parametrize("device", ["meta", "cuda"])
def test_a_checkpoint_is_read_on_a_gpu_too(samples, train, tmp_path, device):
    """``meta`` stands for one: nothing that lies there can be read back, as nothing on a GPU turns into an array."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("torch finds no GPU here")
    train(epochs=1)
    trainer = Trainer({**SETTINGS, "epochs": 2}, *samples, tmp_path / "checkpoint.pt", "data")
    if device == "meta":
        trainer.device = torch.device(device)
        trainer._resume()
    else:
        trainer.run()
    assert len(trainer.history) == 1 + (device == "cuda")
    assert np.array_equal(trainer.training.points, samples[0].points)


def test_best_is_the_epoch_with_the_least_error_and_last_the_last(train):
    trainer = train()
    errors = [row["validation_relative_error"] for row in trainer.history]
    best, last = trainer.model("best"), trainer.model("last")
    assert best["epoch"] == 1 + int(np.argmin(errors)) and last["epoch"] == 3
    assert best["architecture"]["width"] == 4 and best["data_digest"] == "data"


def test_the_last_epoch_is_kept_when_asked_for(train):
    trainer = train(keep_epoch="last", learning_rate=0.05, schedule="constant")
    models = trainer.models()
    assert same_weights(models["best"], models["last"]) and models["best"]["epoch"] == 3
    assert "validation_loss" in trainer.history[0]


def test_without_validation_images_the_last_epoch_is_kept(train):
    trainer = train(validate=False, epochs=2)
    models = trainer.models()
    assert same_weights(models["best"], models["last"])
    assert "validation_loss" not in trainer.history[0]


def test_a_model_file_is_loaded_as_weights_only(train, tmp_path):
    model = train(epochs=1).model("best")
    torch.save(model, tmp_path / "model.pt")
    loaded = torch.load(tmp_path / "model.pt", weights_only=True)
    assert same_weights(loaded, model) and loaded["settings"] == model["settings"]


def test_a_diverging_training_says_so(train):
    with pytest.raises(FloatingPointError, match="lower learning_rate"):
        train(learning_rate=1e30, batch_norm=False)


def test_losses_of_known_maps():
    points = np.full((1, 4, 2), 16.0)
    targets = torch.from_numpy(encode(points, 32, 2.0))
    assert heatmap_loss(torch.zeros_like(targets), targets, "cross_entropy").item() == pytest.approx(np.log(32 * 32))
    sure = heatmap_loss(torch.log(targets.clamp_min(1e-12)), targets, "cross_entropy").item()
    assert sure == pytest.approx(np.log(2 * np.pi * np.e * 2.0**2), abs=1e-3)  # a Gaussian's entropy
    assert heatmap_loss(torch.full_like(targets, -50), targets, "mse").item() == pytest.approx(
        np.pi * 4 / 32**2, rel=1e-3
    )


def test_scores_are_what_a_decoder_takes():
    logits = torch.randn(2, 4, 8, 8, generator=torch.manual_seed(1))
    shares = drawn_maps(logits, "cross_entropy")
    assert shares.sum(dim=(2, 3)) == pytest.approx(1, abs=1e-5) and shares.shape == logits.shape
    assert torch.equal(drawn_maps(logits, "mse"), torch.sigmoid(logits))


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
    assert choose_precision("auto", torch.device("cpu")) == expected
    assert choose_precision("float32", torch.device("cpu")) == torch.float32
    assert choose_precision("bfloat16", torch.device("cpu")) == torch.bfloat16


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


def test_the_architecture_is_plain_and_holds_no_more_than_it_needs():
    heatmap = training.describe_architecture(SETTINGS)
    assert heatmap["stride"] == STRIDE and "image_size" not in heatmap and "learning_rate" not in heatmap
    direct = training.describe_architecture({**SETTINGS, **DIRECT})
    assert direct == {"kind": "direct", "width": 4, "depth": 3, "image_size": SIZE, "grey_scaling": "standardise"}


@pytest.fixture
def stripe(samples, tmp_path):
    """A stranger."""
    image = np.full((SIZE, SIZE), 10, np.uint8)
    image[SIZE // 2 :] = 200
    write_shard(tmp_path / "strangers.npy", [{"image_name": "a stripe"}], [image], (SIZE, SIZE), np.uint8)
    none, place = np.zeros(1, dtype=bool), samples[0].points[:1] + 3
    images = Shards([tmp_path / "strangers.npy"])
    return Samples(["a stripe"], place, none, none, np.array([ORIGINAL]), none, images, None)


def heights(trainer, strangers, state=None):
    """How high the first look's network draws a head in strangers, and in some of the training images."""
    learning, networks = trainer.training, None if state is None else trainer._build(state).eval()
    shown = np.concatenate([strangers.images.gather(strangers.names), learning.images.gather(learning.names[:8])])
    drawn = trainer._draw(shown, 0, networks)[:, 4].max(axis=(1, 2))
    return drawn[: len(strangers)], drawn[len(strangers) :]


def test_a_gate_is_closed_for_strangers_and_open_for_heads(samples, stripe, tmp_path):
    closeup = {**CLOSEUP, "finder": {"width": 4, "gate": True}}
    settings = {**SETTINGS, **FUSED, "augmentation": VIEWS, "epochs": 12, "closeup": closeup}
    trainer = Trainer(settings, *samples, tmp_path / "checkpoint.pt", "data", stripe)
    trainer.run()
    trainer.average.eval()
    state = trainer.model("last")["state"]
    before, heads_before = heights(trainer, stripe)
    after, heads = heights(trainer, stripe, state)
    assert after.max() < 0.5 * before.max() and (heads > 0.9 * heads_before).all()
    others = {name for name in state if "gate" not in name}
    assert all(torch.equal(state[name], trainer.average.state_dict()[name]) for name in others)


def test_strangers_take_the_place_of_some_images_and_teach_to_draw_nothing(samples, stripe, tmp_path):
    learning, judging = samples
    settings = {**SETTINGS, "mask_weight": 5, "decoder": "fused", "augmentation": VIEWS, "strangers": 0.3, "epochs": 30}
    trainer = Trainer(settings, learning, judging, tmp_path / "checkpoint.pt", "data", stripe)
    before = learning.points.copy()
    _, targets = trainer.load(trainer.training, np.arange(26), 0, np.random.default_rng(1))
    empty = (targets.flatten(1) == 0).all(dim=1).numpy()
    assert 2 <= empty.sum() <= 14
    _, judged = trainer.load(trainer.validation, np.arange(7), 0)
    assert (judged.flatten(1) > 0).any(dim=1).all()  # none among those that judge
    trainer.run()
    assert np.array_equal(trainer.training.points, before)
    strange, heads = heights(trainer, stripe)
    assert strange.max() < 0.3 < 0.7 < heads.min()
