"""The audit: passes heads, flags what cannot be the two diameters of one."""

from pathlib import Path

import numpy as np
import pytest

from fetal_biometry.data.audit import judge_against_heads, judge_labels
from fetal_biometry.data.phantom import plan_phantoms, true_landmarks
from fetal_biometry.images.image_ref import ImageRef
from fetal_biometry.images.raster import read_grey
from fetal_biometry.limits import read_limits
from fetal_biometry.model.geometry import ellipse_landmarks, fit_annotation, head_lengths
from fetal_biometry.model.landmarks import canonical
from fetal_biometry.tables import read_table
from fetal_biometry.terms import COLUMNS

LIMITS = read_limits(Path(__file__).parents[2] / "limits.yaml")
SWAPPED = [2, 3, 0, 1]
SIZE = np.array([[800, 540]])
HEAD = ellipse_landmarks((400, 270), 200, 150, 0.3)


def judge(points):
    points = np.reshape(points, (-1, 4, 2))
    return judge_labels(points, np.repeat(SIZE, len(points), axis=0), LIMITS.audit)


def test_phantoms_pass():
    plans = plan_phantoms(600, seed=3)
    sizes = np.array([[p.width_px, p.height_px] for p in plans])
    verdicts, _, _ = judge_labels(true_landmarks(plans), sizes, LIMITS.audit)
    assert verdicts.count("invalid") <= 0.02 * len(plans)


def test_hand_set_callipers_pass():
    rng = np.random.default_rng(1)
    points = [canonical(HEAD + rng.normal(0, 6, (4, 2))) for _ in range(300)]  # 1.5 % of the OFD a coordinate
    verdicts, _, _ = judge(points)
    assert verdicts.count("invalid") <= 0.02 * 300


def test_scattered_points_are_flagged():
    rng = np.random.default_rng(2)
    verdicts, reasons, score = judge(canonical(rng.uniform(0, [800, 540], (1000, 4, 2))))
    assert verdicts.count("invalid") >= 0.95 * 1000
    assert all((verdict == "invalid") == bool(reason) for verdict, reason in zip(verdicts, reasons, strict=True))
    assert np.array_equal(score > 1, np.array(verdicts) == "invalid")


def turned(points, degrees):
    """The short diameter turned about its middle."""
    angle, middle = np.deg2rad(degrees), points[2:].mean(axis=0)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.vstack([points[:2], (points[2:] - middle) @ rotation.T + middle])


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        (ellipse_landmarks((400, 270), 200, 110, 0.3), "axes too unequal"),
        (HEAD[SWAPPED], "short axis longer than long"),
        (np.add(HEAD, [[0, 0], [0, 0], [0, 70], [0, 70]]), "axes do not cross in the middle"),
        (turned(HEAD, 25), "axes not perpendicular"),
        (turned(HEAD, -25), "axes not perpendicular"),
        (ellipse_landmarks((400, 270), 25, 20, 0.3), "head too small"),
    ],
)
def test_each_fault_has_its_reason(points, reason):
    verdicts, reasons, score = judge(points)
    assert (verdicts, reasons) == (["invalid"], [reason])
    assert score[0] > 1


def test_just_within_each_limit_is_valid():
    within = [
        ellipse_landmarks((400, 270), 200, 122, 0.3),
        ellipse_landmarks((400, 270), 200, 192, 0.3)[SWAPPED],
        np.add(HEAD, [[0, 0], [0, 0], [0, 55], [0, 55]]),
        turned(HEAD, 19),
        ellipse_landmarks((400, 270), 28, 20, 0.3),
    ]
    verdicts, reasons, score = judge(within)
    assert verdicts == ["valid"] * 5 and reasons == [""] * 5
    assert (score <= 1).all() and (score > 0.8).all()


def test_four_equal_points_are_invalid():
    verdicts, reasons, score = judge(np.full((4, 2), 100.0))
    assert verdicts == ["invalid"] and "head too small" in reasons[0]
    assert np.isfinite(score).all()


def test_a_verdict_is_its_row_s_own():
    rng = np.random.default_rng(3)
    points = canonical(rng.uniform(0, [800, 540], (50, 4, 2)))
    assert judge(points)[1] == [judge(row)[1][0] for row in points]


def test_verdicts_on_the_challenge_table_agree_with_the_annotated_ellipses(real_data):
    names = {"image_name": ("image_name",), **{column: (column,) for column in COLUMNS}}
    rows = read_table(real_data / "challenge" / "role_challenge_dataset_ground_truth.csv", names)[::3]
    points = np.array([[row.number_in(column) for column in COLUMNS] for row in rows]).reshape(-1, 4, 2)
    points = canonical(points[:, SWAPPED])
    folder = real_data / "hc18" / "training_set"
    annotations = [read_grey(ImageRef(folder / row["image_name"].replace(".png", "_Annotation.png"))) for row in rows]
    heads = np.array([fit_annotation(annotation) for annotation in annotations])
    either = [np.linalg.norm(points - heads[:, order], axis=2) for order in ([0, 1, 2, 3], [1, 0, 3, 2])]
    worst = np.minimum(*either).max(axis=1) / head_lengths(heads)[1]  # end's distance, as a share of the OFD
    invalid = np.array(judge(points)[0]) == "invalid"
    right, wrong = worst < 0.1, worst > 0.3
    assert right.sum() > 80 and wrong.sum() > 50
    assert invalid[right].mean() <= 0.02
    assert invalid[wrong].mean() >= 0.95


def test_a_sure_network_decides_and_an_unsure_one_does_not():
    centre = HEAD.mean(axis=0)
    shifted = HEAD + [90, 0]  # a head by its geometry, nearly half a radius off the true one
    sloppy = HEAD + [[0, 60], [0, 60], [0, 0], [0, 0]]  # diameters off centre, but every point near the outline
    scattered = centre + 3 * (HEAD[[2, 0, 3, 1]] - centre)
    points = np.array([HEAD, shifted, sloppy, shifted, scattered])
    heads = np.array([HEAD] * 5)
    confidence = np.array([0.9, 0.9, 0.9, 0.1, 0.1])
    verdicts, reasons, score = judge_against_heads(points, heads, confidence, np.repeat(SIZE, 5, axis=0), LIMITS)
    assert verdicts[:3] == ["valid", "invalid", "questionable"]
    assert reasons[2] == "axes do not cross in the middle" and score[2] <= 1
    assert verdicts[3:] == ["valid", "invalid"]  # geometry alone cannot see the shift, and sees the scatter
    assert "points off the head" in reasons[1] and "points off the head" not in reasons[4]
    assert [verdict == "invalid" for verdict in verdicts] == (score > 1).tolist()
    assert [verdict != "valid" for verdict in verdicts] == [bool(reason) for reason in reasons]


def test_a_network_whose_own_points_are_no_head_has_no_say():
    nonsense = HEAD + [[0, 0], [0, 0], [0, 250], [0, 250]]
    verdicts, _, _ = judge_against_heads(HEAD[None], nonsense[None], np.array([0.99]), SIZE, LIMITS)
    assert verdicts == ["valid"]
