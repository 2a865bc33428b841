"""What a training reads: which labels train, which validate, and what tells one training from another."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from tiny import FUSED, SIZE, draw_heads, training_part, write_named

from fetal_biometry.data.noisy_labels import training_labels
from fetal_biometry.errors import InputError
from fetal_biometry.frames import points_of, read_frame, write_frame
from fetal_biometry.limits import AuditLimits
from fetal_biometry.model.geometry import ellipse_landmarks
from fetal_biometry.model.training_inputs import identity_of, image_digests, load_samples
from fetal_biometry.recipe import NoisyLabels
from fetal_biometry.terms import COLUMNS

NAMES = ["a", "b", "c"]
LABEL, FOUND = ellipse_landmarks((50, 50), 30, 20, 0.1), ellipse_landmarks((60, 55), 25, 20, 0.2)
LIMITS = AuditLimits(
    shortest_ratio=0.6, longest_ratio=1.05, midpoint_distance=0.17, angle_deg=20.0, shortest_diameter=0.1
)


def policy(name):
    return NoisyLabels(policy=name, repair_confidence=0.6)


@pytest.fixture
def audited(tmp_path):
    """Three labels, of which b is invalid and c questionable; the out-of-fold network was sure of b only."""
    labels = pd.DataFrame({"image_name": NAMES, "verdict": ["valid", "invalid", "questionable"]})
    labels[list(COLUMNS)] = LABEL.ravel()
    labels[[f"suggested_{column}" for column in COLUMNS]] = FOUND.ravel()
    labels["suggested_confidence"] = [0.9, 0.8, 0.3]
    write_frame(labels, tmp_path / "labels.csv")
    return read_frame(tmp_path / "labels.csv")


@pytest.fixture
def index():
    return pd.DataFrame({"width_px": 128, "height_px": 96}, index=NAMES)


@pytest.mark.parametrize(("name", "trains"), [("drop", [1, 0, 0]), ("keep", [1, 1, 1]), ("repair", [1, 1, 0])])
def test_each_policy_chooses_its_labels(audited, index, name, trains):
    table = training_labels(audited, index, policy(name), LIMITS)
    assert list(table["image_name"]) == NAMES and table["trains"].tolist() == trains
    assert table["valid"].tolist() == [1, 0, 0]
    points = points_of(table)
    assert points[0] == pytest.approx(LABEL)  # a valid label stays as it is
    assert points[1] == pytest.approx(FOUND if name == "repair" else LABEL)
    assert points_of(audited)[1] == pytest.approx(LABEL)  # and the caller's table, too


def test_repair_takes_no_points_that_cannot_be_a_head(audited, index):
    audited.loc["b", "suggested_bpd_1_x"] += 40
    assert training_labels(audited, index, policy("repair"), LIMITS)["trains"].tolist() == [1, 0, 0]


def test_repair_needs_the_networks(audited, index):
    with pytest.raises(InputError, match="out_of_fold"):
        training_labels(audited.drop(columns="suggested_confidence"), index, policy("repair"), LIMITS)


@pytest.fixture
def inputs(tmp_path):
    """Files of six training and four validation images; the second of each is not valid, and trains nothing."""
    files = {key: [] for key in ("images", "index", "targets", "labels")}
    for part, count in (("train", 6), ("validation", 4)):
        points, images = draw_heads(count, seed=count)
        names = [f"{part}_{number}" for number in range(count)]
        targets = np.zeros((count, 5, SIZE // 2, SIZE // 2))
        for key, arrays, kind in (("images", images, np.uint8), ("targets", targets, np.float16)):
            files[key].append(tmp_path / key / f"{part}.npy")
            write_named(files[key][-1], names, arrays, kind)
        table = pd.DataFrame({"image_name": names}).assign(width_px=128, height_px=96, calibrated_regions="")
        table["sha256"] = [f"{part[0]}{number}" * 32 for number in range(count)]
        labels = pd.DataFrame({"image_name": names})
        labels[list(COLUMNS)] = points.reshape(-1, 8)
        valid = [1, 0, *[1] * (count - 2)]
        labels = labels.assign(trains=valid, valid=valid)
        for key, beside, frame in (("index", "images", table), ("labels", "targets", labels)):
            files[key].append(files[beside][-1].with_suffix(".csv"))
            write_frame(frame, files[key][-1])
    return SimpleNamespace(**{key: list(map(str, paths)) for key, paths in files.items()})


def test_valid_validation_labels_validate(inputs):
    training, validation = load_samples(inputs, training_part(FUSED))
    assert training.names == ["train_0", "train_2", "train_3", "train_4", "train_5"]
    assert validation.names == ["validation_0", "validation_2", "validation_3"]
    assert (training.sizes == [128, 96]).all() and training.points.shape == (5, 4, 2)
    assert training.load(np.array([4, 0]))[0].shape == (2, 1, SIZE, SIZE)
    points, images = draw_heads(4, seed=4)
    assert validation.points == pytest.approx(points[[0, 2, 3]])
    assert np.array_equal(validation.load(np.arange(3))[0][:, 0], images[[0, 2, 3]])


def test_out_of_fold_validation_images_train_too(inputs):
    recipe = training_part(FUSED, {"training": {"calibrate_on": "out_of_fold"}})
    training, validation = load_samples(inputs, recipe)
    assert len(training) == 8 and len(validation) == 0


def test_a_fold_s_network_never_sees_its_images(inputs):
    names = [f"{part}_{number}" for part, count in (("train", 6), ("validation", 4)) for number in range(count)]
    folds = pd.Series(np.arange(10) % 3, index=names).sample(frac=1, random_state=1)
    training, validation = load_samples(inputs, training_part(FUSED), folds, "2")
    assert len(validation) == 0
    assert training.names == [name for number, name in enumerate(names) if number % 3 != 2 and not name.endswith("_1")]


def test_fewer_than_two_labels_are_refused(inputs):
    for path in inputs.labels:
        write_frame(pd.read_csv(path).assign(trains=0), path)
    with pytest.raises(InputError, match="at least 2 are needed"):
        load_samples(inputs, training_part(FUSED))


def test_a_model_names_the_content_of_what_it_has_seen(inputs):
    seen = image_digests(inputs.index, ["validation_1", "train_0"])
    assert seen == ["t0t0t0t0t0t0", "v1v1v1v1v1v1"]


def test_an_identity_is_of_every_file_and_of_the_fold(tmp_path):
    files = [tmp_path / name for name in "ab"]
    for path in files:
        path.write_text("one")
    first = identity_of(files, None)
    assert first == identity_of(files, None)
    assert len({first, identity_of(files, "0"), identity_of(files, "1")}) == 3
    files[1].write_text("two")
    assert identity_of(files, None) != first
