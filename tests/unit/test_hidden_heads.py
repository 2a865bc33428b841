"""Pictures of two heads, and heads of which a frame, a bar, a box or the sector's side hides a part.

Last stands what must hold of the pretrained model on HC18's test images.
"""

import cv2
import numpy as np
import pandas as pd
import pytest
from test_biometry import OUTER, calibration, found_heads, images
from test_flags import HEAD, LIMITS

from fetal_biometry.frames import points_of
from fetal_biometry.measure.api import measure_images
from fetal_biometry.measure.biometry import measure
from fetal_biometry.measure.flags import TWO_HEADS, doubts_of
from fetal_biometry.model import head_mask, heatmaps
from fetal_biometry.model.detection import Decoding
from fetal_biometry.model.geometry import all_lengths, ellipse_landmarks, fit_annotation, fit_outline, fit_square
from fetal_biometry.model.second_head import SECOND_HEAD, find_second_heads, free_parts
from fetal_biometry.model.straight_edges import straight_edges

SIDE, CELLS = 160, 40
CUT_OFF = "head cut off"
KINDS = ("frame", "bar", "band", "box", "sector")


def hide(grey: np.ndarray, inside: np.ndarray, kind: str, share: float, rng) -> tuple[np.ndarray, tuple[int, int]]:
    """The picture with a share of the pixels ``inside`` hidden, and what of it is its first pixel now.

    Where the frame hides them the picture ends before.
    """
    y, x = np.indices(grey.shape)
    angle = rng.uniform(0, 2 * np.pi) if kind == "sector" else rng.integers(4) * np.pi / 2
    place = x * np.cos(angle) + y * np.sin(angle)
    first = rng.uniform(0, 1 - share) if kind == "band" else 1 - share
    low, high = np.quantile(place[inside], [first, first + share])
    hidden = (place >= low) & (place <= high if kind == "band" else True)
    if kind == "frame":
        rows, columns = (np.flatnonzero((~hidden).any(axis=axis)) for axis in (1, 0))
        return grey[np.ix_(rows, columns)], (columns[0], rows[0])
    if kind == "box":  # around a point of the outline
        outline = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0][0][:, 0]
        px, py = outline[rng.integers(len(outline))]
        distance = np.maximum(abs(x - px), abs(y - py))
        hidden = distance <= np.quantile(distance[inside], share)
    level = 0 if kind == "sector" else rng.choice([0, 0, 60, 255])
    return np.where(hidden, level, grey).astype(np.uint8), (0, 0)


# ---- straight edges


def textured(seed: int = 1, lakes: float = -0.08) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture of speckle with ragged black lakes, a head in it, and which pixels it covers."""
    rng = np.random.default_rng(seed)
    clouds = cv2.GaussianBlur(rng.normal(size=(300, 400)), (0, 0), 6)
    grey = np.where(clouds > lakes, rng.integers(20, 120, (300, 400)), 0).astype(np.uint8)
    head = ellipse_landmarks((200, 150), 120, 90, 0.4)
    inside = cv2.ellipse(np.zeros_like(grey), ((200, 150), (240, 180), np.rad2deg(0.4)), 1, -1).astype(bool)
    return grey, head, inside


def longest_edge(grey, head) -> float:
    return straight_edges(fit_square(grey, SIDE)[None], np.array([grey.shape[::-1]]), head[None])[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_what_hides_a_part_of_a_head_has_a_straight_edge_and_texture_has_none(kind, seed):
    grey, head, inside = textured(seed)
    assert longest_edge(grey, head) < LIMITS.straight_edge > longest_edge(*textured(seed, lakes=-0.05)[:2])
    shown, first = hide(grey, inside, kind, 0.3, np.random.default_rng(seed))
    assert longest_edge(shown, head - first) > LIMITS.straight_edge


def test_an_edge_outside_the_head_or_of_the_margins_does_not_count():
    grey, head, _ = textured()
    grey[:, :40] = grey[260:] = 0
    assert longest_edge(grey, head) < LIMITS.straight_edge
    assert straight_edges(np.zeros((1, SIDE, SIDE), np.uint8), np.array([[400, 300]]), head[None])[0] == 0


def test_a_compressed_picture_keeps_its_edges():
    grey, head, inside = textured()
    shown, _ = hide(grey, inside, "bar", 0.3, np.random.default_rng(0))
    shown = cv2.imdecode(cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, 85])[1], cv2.IMREAD_GRAYSCALE)
    assert longest_edge(shown, head) > LIMITS.straight_edge


# ---- a second head


def picture_of(*heads, size=(400, 200)) -> np.ndarray:
    """White ellipses on black."""
    grey = np.zeros(size[::-1], np.uint8)
    for (x, y), semi_long, semi_short, angle in heads:
        cv2.ellipse(grey, ((x, y), (2 * semi_long, 2 * semi_short), np.rad2deg(angle)), 255, -1)
    return grey


def draw(seen: np.ndarray) -> np.ndarray:
    """Maps of the largest white area of each picture, as a network would draw them; nothing where all is black."""
    maps = np.zeros((len(seen), 5, CELLS, CELLS))
    for one, image in zip(maps, seen, strict=True):
        outlines = cv2.findContours((image > 127).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
        if outlines:
            points = (fit_outline(max(outlines, key=cv2.contourArea), 0.5)[None] + 0.5) * CELLS / SIDE - 0.5
            one[:4], one[4] = heatmaps.encode(points, CELLS, 2.0)[0], head_mask.encode(points, CELLS)[0]
    return maps


@pytest.mark.parametrize("second", [(300, 100), (100, 100)])
def test_a_second_head_beside_the_first_is_found_where_it_lies(second):
    first = ((400 - second[0], 100), 70, 55, 0.2)
    other = (second, 60, 48, -0.4)
    grey, sizes = picture_of(first, other), np.array([[400, 200]])
    head = ellipse_landmarks(*first)[None]
    found = find_second_heads(draw, fit_square(grey, SIDE)[None], sizes, head, Decoding("fused", 2.0))
    table = pd.DataFrame(found, columns=SECOND_HEAD)
    expected = ellipse_landmarks(*other)
    assert points_of(table, "second_")[0] == pytest.approx(expected, abs=4)
    assert table["second_height"][0] > 0.9 and table["second_disagreement"][0] < LIMITS.second_disagreement


def test_where_there_is_no_room_the_network_is_not_asked():
    head = ellipse_landmarks((200, 100), 90, 70, 0.0)[None]
    black, sizes = np.zeros((1, SIDE, SIDE), np.uint8), np.array([[400, 200]])
    assert np.isnan(find_second_heads(None, black, sizes, head, Decoding("fused", 2.0))).all()


def test_the_free_part_is_the_largest_beside_the_head():
    heads = np.stack([ellipse_landmarks((100, 100), 50, 40, 0.0), ellipse_landmarks((100, 350), 50, 40, np.pi / 2)])
    parts, shares = free_parts(np.array([[400, 200], [200, 400]]), heads, 80)
    assert shares == pytest.approx([250 / 400, 300 / 400], abs=0.01)  # from x = 150 on; above y = 300
    assert parts.tolist() == [[30, 20, 80, 60], [20, 0, 60, 60]]


def test_a_second_head_is_flagged_and_kept_where_it_is_surely_one():
    found = found_heads([HEAD] * 3, [0.9] * 3)
    found[list(SECOND_HEAD)] = [[*HEAD.ravel(), 0.02, 1.0], [*HEAD.ravel(), 0.3, 1.0], [*HEAD.ravel(), 0.02, 0.3]]
    table = measure(found, images([0.1] * 3), calibration(0.05), LIMITS, OUTER)
    assert list(table["flags"]) == [TWO_HEADS, "", ""]
    assert points_of(table, "second_")[0] == pytest.approx(HEAD, abs=1e-3)
    assert np.isnan(points_of(table, "second_")[1:]).all()
    assert np.isnan(points_of(measure(found, images([0.1] * 3), {}, None, OUTER), "second_")).all()


# ---- real images


@pytest.fixture(scope="module")
def test_images(real_data):
    """HC18's published test images: grey, true lengths, which pixels the head covers."""
    folder = real_data / "hc18" / "training_set"
    split = pd.read_csv(real_data / "hc18" / "multicentre_split.csv", index_col="image_name")["split"]
    names = [name for name in split.index[split == "test"] if (folder / name).is_file()]
    read = [
        [cv2.imread(str(folder / f"{name[:-4]}{end}.png"), cv2.IMREAD_GRAYSCALE) for end in ("", "_Annotation")]
        for name in names
    ]
    heads = [fit_annotation(annotation) for _, annotation in read]
    inside = [head_pixels(head, grey.shape) for head, (grey, _) in zip(heads, read, strict=True)]
    return [grey for grey, _ in read], all_lengths(np.stack(heads)), inside


def head_pixels(head: np.ndarray, shape) -> np.ndarray:
    outline = cv2.convexHull(head_outline(head)).astype(np.int32)
    return cv2.fillPoly(np.zeros(shape, np.uint8), [outline], 1).astype(bool)


def head_outline(head: np.ndarray) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 180)[:, None]
    along, across = (head[1] - head[0]) / 2, (head[3] - head[2]) / 2
    return (head.mean(axis=0) + np.cos(angles) * along + np.sin(angles) * across).astype(np.float32)


def beside(first: np.ndarray, second: np.ndarray, axis: int) -> np.ndarray:
    """Both pictures in one, black where one is smaller."""
    shape = np.maximum(first.shape, second.shape)
    room = [
        [(0, 0 if along == axis else shape[along] - one.shape[along]) for along in (0, 1)] for one in (first, second)
    ]
    return np.concatenate([np.pad(first, room[0]), np.pad(second, room[1])], axis=axis)


def raised(greys) -> list[list[str]]:
    return [flags.split(";") if flags else [] for flags in doubts_of(measure_images(greys)["flags"])]


def test_whole_heads_are_not_taken_for_two_or_for_cut_off(test_images):
    flags = raised(test_images[0])
    assert np.mean([TWO_HEADS in one for one in flags]) <= 0.01
    assert np.mean([one == [CUT_OFF] for one in flags]) <= 0.03


@pytest.mark.parametrize("axis", [0, 1])
def test_two_heads_in_a_picture_are_flagged(test_images, axis):
    greys = test_images[0]
    order = np.random.default_rng(24).permutation(len(greys))[:56].reshape(28, 2)
    flags = raised([beside(greys[first], greys[second], axis) for first, second in order])
    assert np.mean([TWO_HEADS in one for one in flags]) >= 0.9


def test_a_hidden_part_that_spoils_a_length_is_flagged(test_images):
    greys, lengths, inside = (part[::4] for part in test_images)
    rng = np.random.default_rng(25)
    shown, true = [], []
    for grey, truth, pixels in zip(greys, lengths, inside, strict=True):
        shown += [hide(grey, pixels, kind, rng.uniform(0.1, 0.35), rng)[0] for kind in KINDS]
        true += [truth] * len(KINDS)
    table = measure_images(shown)
    found = table[["bpd_px", "ofd_px", "hc_px"]].to_numpy()
    off = (np.abs(found / np.stack(true) - 1) > 0.1).any(axis=1)  # no head found gives no length
    silent = off & (np.array(doubts_of(table["flags"])) == "")
    assert off.sum() > 40 and silent.sum() <= 0.05 * off.sum()
