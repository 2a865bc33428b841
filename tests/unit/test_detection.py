"""Test-time augmentation: each end of a diameter comes back on its channel, and doubts show as low peaks."""

import numpy as np
import pytest

from fetal_biometry.model import head_mask, heatmaps
from fetal_biometry.model.detection import (
    BLUR,
    CONFIDENCE,
    DISAGREEMENT,
    HEIGHT,
    MOVED,
    Decoding,
    average_flips,
    farthest,
    find_heads,
    head_views,
    locate,
    locate_coordinates,
    sharpest,
)
from fetal_biometry.model.geometry import all_lengths, ellipse_landmarks
from fetal_biometry.model.landmarks import canonical
from fetal_biometry.model.views import to_grid, whole_views

CELLS = 32
HEAD = ellipse_landmarks((13, 18), 11, 8, 0.4)
SIZES = np.array([[800, 540]])
FUSED = Decoding("fused", 1.5)


def draw_where_it_is_bright(images):
    """Maps of the head that an image's four brightest cells mark, as a perfect network would draw them."""
    maps = []
    for image in images:
        y, x = np.nonzero(image)
        marked = np.stack([x, y], axis=1)[np.argsort(image[y, x])].reshape(1, 4, 2).astype(float)
        maps.append(draw(canonical(marked)))
    return np.concatenate(maps)


def draw(peaks, heads=None):
    """Heatmaps of landmarks in cells, and the head mask of these or of other ones."""
    masks = head_mask.encode(peaks if heads is None else heads, CELLS)
    return np.concatenate([heatmaps.encode(peaks, CELLS, 1.5), masks[:, None]], axis=1)


@pytest.fixture
def image():
    """Grey levels 1 to 4 on the landmarks' cells."""
    image = np.zeros((CELLS, CELLS), np.uint8)
    for level, (x, y) in enumerate(np.round(HEAD).astype(int)):
        image[y, x] = level + 1
    return image[None]


def test_each_end_comes_back_on_its_channel(image):
    assert average_flips(draw_where_it_is_bright, image) == pytest.approx(draw_where_it_is_bright(image), abs=1e-6)


def test_a_head_found_in_two_places_is_doubted(image):
    places = iter(([0, 0], [6, 4], [-5, 3], [4, -6]))
    doubtful = average_flips(lambda images: np.roll(draw_where_it_is_bright(images), next(places), axis=(2, 3)), image)
    views = whole_views(np.array([[CELLS, CELLS]]))
    _, (sure,) = locate(draw_where_it_is_bright(image), views, FUSED)
    _, (unsure,) = locate(doubtful, views, FUSED)
    assert unsure[CONFIDENCE] < 0.6 * sure[CONFIDENCE] and unsure[HEIGHT] <= sure[HEIGHT]
    assert unsure[BLUR] > 1.3 * sure[BLUR]


class Drawer:
    """A network that draws given heads, in turn, wherever it is shown them; notes what it was shown.

    ``turns`` has a pair a call: landmarks (N, 4, 2) in original pixels, of the peaks and of the mask, or None for
    nothing; and the scale of what is shown, or its view.
    """

    def __init__(self, sizes, *turns):
        self.sizes, self.turns, self.seen = sizes, iter(turns), []

    def __call__(self, images):
        self.seen.append(images[:, 0, 0].tolist())
        heads, scale = next(self.turns)
        if heads is None:
            return np.zeros((len(images), 5, CELLS, CELLS), np.float32)
        view = scale if isinstance(scale, np.ndarray) else whole_views(self.sizes[: len(images)], scale)
        return draw(*(canonical(to_grid(view, part, CELLS)) for part in heads))


def test_without_augmentation_the_whole_image_is_read_once():
    head = ellipse_landmarks((400, 290), 150, 115, 0.3)[None]
    network = Drawer(SIZES, ((head, head), 1))
    points, quality = find_heads(network, np.zeros((1, 64, 64), np.uint8), SIZES, FUSED)
    assert all_lengths(points) == pytest.approx(all_lengths(head), rel=0.01)
    assert np.isnan(quality[0, MOVED]) and np.isfinite(quality[0, :MOVED]).all()
    assert len(network.seen) == 1


def mirrored(heads, sizes, scale):
    """Turns of a `Drawer` for the four flips: the image is mirrored about its middle, and the head with it."""
    middle = (np.asarray(sizes)[:, None] - 1) / 2
    for across_y in (1, -1):
        for across_x in (1, -1):
            yield tuple(canonical(middle + (part - middle) * [across_x, across_y]) for part in heads), scale


def test_only_where_the_estimates_disagree_flips_and_scales_are_read():
    sizes = np.repeat(SIZES, 2, axis=0)
    sure, unsure = ellipse_landmarks((400, 290), 150, 115, 0.3), ellipse_landmarks((410, 280), 160, 125, 0.3)
    far = ellipse_landmarks((410, 280), 200, 155, 0.3)
    true = ellipse_landmarks((390, 300), 120, 95, 0.3)[None]
    first = ((np.stack([sure, far]), np.stack([sure, unsure])), 1)
    images = np.zeros((2, 64, 64), np.uint8)
    images[1] = 7
    once, before = find_heads(Drawer(sizes, first), images, sizes, FUSED)
    assert before[0, DISAGREEMENT] < 0.15 < before[1, DISAGREEMENT]
    again = [*mirrored((true, true), SIZES, 1), *mirrored((true, true), SIZES, 1.5)]
    network = Drawer(sizes, first, *again)
    points, quality = find_heads(network, images, sizes, Decoding("fused", 1.5, "conditional"))
    assert network.seen == [[0, 7]] + [[7]] * 8
    assert np.array_equal(points[0], once[0]) and np.array_equal(quality[0], before[0], equal_nan=True)
    assert all_lengths(points[1]) == pytest.approx(all_lengths(true[0]), rel=0.02) and quality[1, DISAGREEMENT] < 0.05
    assert quality[1, MOVED] == farthest(once[1:], points[1:])[0] > 0.1


def test_a_view_of_a_head_has_it_in_its_middle_at_one_size():
    heads = np.stack([ellipse_landmarks((400, 290), 150, 115, 0.3), ellipse_landmarks((90, 40), 30, 25, 1.5)])
    seen = to_grid(head_views(heads, 0.6), heads, CELLS)
    assert seen.mean(axis=1) == pytest.approx(np.full((2, 2), (CELLS - 1) / 2))
    assert all_lengths(seen)[:, 1] == pytest.approx(np.full(2, 0.6 * CELLS))
    assert np.isfinite(to_grid(head_views(np.zeros((1, 4, 2)), 0.6), heads[:1], CELLS)).all()  # of no length


def read_from_close(head, *closer):
    """A head that is found once, and then as others from closer views."""
    first = ((head, head), 1)
    once, before = find_heads(Drawer(SIZES, first), np.zeros((1, 64, 64), np.uint8), SIZES, FUSED)
    turns = [((one, one), head_views(once, 0.6)) if one is not None else (None, 1) for one in closer]
    decoding = Decoding("fused", 1.5, closer_views=(0.6,) * len(closer), closer_size=64)
    points, quality = find_heads(Drawer(SIZES, first, *turns), np.zeros((1, 64, 64), np.uint8), SIZES, decoding)
    return once, before, points, quality


def test_the_mean_of_closer_readings_counts():
    heads = [ellipse_landmarks((400 + step, 290), 150 + step, 115 + step, 0.3)[None] for step in (0, 4, 8)]
    _, before, points, quality = read_from_close(*heads)
    assert all_lengths(points) == pytest.approx((all_lengths(heads[1]) + all_lengths(heads[2])) / 2, rel=0.01)
    assert 0.02 < quality[0, MOVED] < 0.1 and quality[0, CONFIDENCE] <= before[0, CONFIDENCE]


def test_a_closer_reading_that_draws_nothing_does_not_count():
    head, other = (ellipse_landmarks((400, 290), long, 115, 0.3)[None] for long in (150, 156))
    once, _, points, quality = read_from_close(head, None)
    assert np.array_equal(points, once) and quality[0, DISAGREEMENT] == 1 and quality[0, HEIGHT] == 0
    assert all_lengths(read_from_close(head, None, other)[2]) == pytest.approx(all_lengths(other), rel=0.01)


def test_augmentation_that_is_always_on_takes_every_image():
    head = ellipse_landmarks((400, 290), 150, 115, 0.3)[None]
    turns = [((head, head), 1), *mirrored((head, head), SIZES, 1), *mirrored((head, head), SIZES, 1.5)]
    network = Drawer(SIZES, *turns)
    points, quality = find_heads(network, np.zeros((1, 64, 64), np.uint8), SIZES, Decoding("fused", 1.5, "always"))
    assert len(network.seen) == 9
    assert all_lengths(points) == pytest.approx(all_lengths(head), rel=0.01)
    assert quality[0, MOVED] < 0.03


def test_of_several_attempts_the_sharpest_head_counts():
    """But one that draws nothing is not sharp."""
    points = np.arange(3.0)[:, None, None, None] * np.ones((3, 2, 4, 2))
    quality = np.zeros((3, 2, 4))
    quality[:, 0, BLUR], quality[:, 1, BLUR] = [0.9, 0.5, 0.7], [0.9, 0.0, 0.7]
    quality[1, 1, DISAGREEMENT] = 1  # the mask is empty
    best, features = sharpest(points, quality)
    assert best[:, 0, 0].tolist() == [1, 2] and features[:, BLUR].tolist() == [0.5, 0.7]
    nothing = np.ones((3, 2, 4))
    assert np.array_equal(sharpest(points, nothing)[0], points[0])


def test_where_nothing_is_drawn_nothing_is_sure():
    nothing = locate(np.zeros((5, 5, CELLS, CELLS)), np.repeat(whole_views(SIZES), 5, axis=0), FUSED)[1]
    assert (nothing[:, DISAGREEMENT] == 1).all() and (nothing[:, [CONFIDENCE, HEIGHT]] == 0).all()


@pytest.mark.parametrize("size", [(800, 540), (540, 800), (300, 300)])
def test_coordinates_are_fractions_of_the_square_frame(size):
    """Its longer side is the image's, and the image lies in its middle."""
    width, height = size
    side = max(size)
    corner = np.array([(side - width) // 2, (side - height) // 2])  # of the image in the frame
    points = ellipse_landmarks((200, 220), 90, 60, 0.4)
    fractions = (points + corner + 0.5) / side
    assert locate_coordinates(fractions[None].astype(np.float32), np.array([size]))[0] == pytest.approx(
        points, abs=1e-3
    )


@pytest.mark.parametrize("decoder", ["argmax", "subpixel", "paired", "fused"])
def test_every_decoder_gives_original_pixels_in_canonical_order(decoder):
    """Maps drawn by hand, so that no cell ties with another; a cell is 25 pixels of the original."""
    heads = np.stack([ellipse_landmarks((400, 290), 150, 115, angle) for angle in (-1.4, 0.3, 1.2)])
    views = np.repeat(whole_views(SIZES), 3, axis=0)
    points, quality = locate(draw(canonical(to_grid(views, heads, CELLS))), views, Decoding(decoder, 1.5))
    assert np.array_equal(points, canonical(points))
    assert np.abs(points - heads).max() < (12.5 + 1e-6 if decoder == "argmax" else 3)
    assert np.isfinite(quality[:, CONFIDENCE]).all()
    assert np.isfinite(quality[:, 1:]).all() == (decoder == "fused")
