"""From what a network draws to landmarks in original pixels."""

import functools

import numpy as np

from fetal_biometry.model import head_mask as masks
from fetal_biometry.model import heatmaps
from fetal_biometry.model.geometry import (
    UNSTRETCHED,
    all_lengths,
    mean_ellipse,
    radius_in_ellipse,
    resize_points,
    squeeze_all,
    stretch_diameters,
)
from fetal_biometry.model.landmarks import canonical
from fetal_biometry.model.views import closeups, look, to_original, whole_views

EVIDENCE = ("confidence", "disagreement", "height", "blur", "drift")  # what `find_heads` says of its points, by column
_OF_ALL_LOOKS = [EVIDENCE.index("confidence"), EVIDENCE.index("height")]
_HEAD_SHARE = {"fused": 0.75, "head": 1.0}  # dozens of cells carry its outline, each landmark rests on a few
_AGREEMENT = 0.1  # of each length; beyond it an end of the landmarks has gone astray, and the filled head stands alone


def find_heads(draw, images: np.ndarray, sizes: np.ndarray, reading: dict) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks in squeezed images: a look at the whole image and, where asked for, closer ones at the head it shows.

    Parameters
    ----------
    draw : callable
        The networks, from (N, S, S) images and the number of the look, 0 the first, to (N, 4 or 5, H, H) maps.
    images : ndarray of shape (N, C, C), uint8
        As cached: as large as what the network is shown, or larger, for a closer second look.
    sizes : ndarray of shape (N, 2)
        Width and height of the originals.
    reading : dict
        ``image_size``, the pixels S a side of what the network is shown;
        ``decoder``, ``sigma_cells`` and ``stretch``, see `locate`; ``reflections``, of which looks the maps are
        averaged over the four reflections of what is seen: ``none``, ``first`` or ``all``; ``closeup``, None or the
        closer looks' ``field``, see `views.closeups`, and how many ``looks`` follow each other; ``zooms``,
        enlargements of the image's middle, each of which is looked at first. Of what comes of several the sharpest
        head counts; ``second_opinion``, None or the ``disagreement`` of an image's two estimates beyond which it is
        looked at anew, with other ``reflections`` and ``zooms``, which then count.

    Returns
    -------
    points : ndarray of shape (N, 4, 2)
        In original pixels and canonical order. Those of the last look that draws a head.
    evidence : ndarray of shape (N, 5)
        `EVIDENCE` of the look that counts: that of `locate`, confidence and height being the lowest of all looks, and
        how far the first look's landmarks, or the first opinion's, lie from the last one's ellipse, at most, as a share
        of its radius; 1 where only the first look counts, NaN without another.
    """

    def read(seen, views, number):
        reflected = reading["reflections"] == "all" or (reading["reflections"] == "first" and number == 0)
        drawn = functools.partial(draw, look=number)
        maps = average_reflections(drawn, seen) if reflected else drawn(seen)
        return locate(maps, views, reading["decoder"], reading["sigma_cells"], reading["stretch"])

    size, closeup = reading["image_size"], reading["closeup"]
    found = [_look_closer(read, images, sizes, size, zoom, closeup) for zoom in reading["zooms"]]
    points, evidence = (np.stack(part) for part in zip(*found, strict=True))
    undrawn = evidence[..., EVIDENCE.index("disagreement")] == 1
    best = np.where(undrawn, np.inf, evidence[..., EVIDENCE.index("blur")]).argmin(axis=0)
    each = np.arange(len(images))
    points, evidence = points[best, each], evidence[best, each]
    opinion = reading.get("second_opinion")  # models exported before there were any have none
    unsure = evidence[:, EVIDENCE.index("disagreement")] > (opinion["disagreement"] if opinion else np.inf)
    if unsure.any():
        anew, before = {**reading, **opinion, "second_opinion": None}, points[unsure]
        points[unsure], evidence[unsure] = find_heads(draw, images[unsure], sizes[unsure], anew)
        moved = np.abs(radius_in_ellipse(before, points[unsure]) - 1).max(axis=1)
        evidence[unsure, EVIDENCE.index("drift")] = np.fmax(evidence[unsure, EVIDENCE.index("drift")], moved)
    return points, evidence


def _look_closer(read, images, sizes, size: int, zoom: float, closeup: dict | None) -> tuple[np.ndarray, np.ndarray]:
    """One first look and, where asked for, closer ones: points and evidence of `find_heads`."""
    views = whole_views(sizes, zoom)
    seen = squeeze_all(images, size) if zoom == 1 else look(images, sizes, views, size)
    points, evidence = read(seen, views, 0)
    first, drift, alone = points, np.full(len(images), np.nan), np.ones(len(images), dtype=bool)
    for number in range(1, 1 + (closeup["looks"] if closeup else 0)):
        views = closeups(points, closeup["field"])
        nearer, closer = read(look(images, sizes, views, size), views, number)
        lost = closer[:, EVIDENCE.index("disagreement")] == 1
        lowest = np.minimum(evidence[:, _OF_ALL_LOOKS], closer[:, _OF_ALL_LOOKS])
        evidence[:, _OF_ALL_LOOKS] = closer[:, _OF_ALL_LOOKS] = lowest
        points = np.where(lost[:, None, None], points, nearer)
        evidence = np.where(lost[:, None], evidence, closer)
        alone &= lost
        drift = np.where(alone, 1.0, np.abs(radius_in_ellipse(first, points) - 1).max(axis=1))
    return points, np.column_stack([evidence, drift])


def measure_stretch(draw, images: np.ndarray, sizes: np.ndarray, reading: dict) -> tuple[float, float]:
    """How much longer the filled head's axes are than the distances of the heatmaps' peaks, a median over images.

    Where along the skull a diameter ends is uncertain, and the summit of such a bow of likely places lies inside the
    skull: on HC18 by half a per cent of the OFD and one of the BPD. The outline of the filled head has no such bias.

    Parameters
    ----------
    draw, images, sizes, reading
        As of `find_heads`.

    Returns
    -------
    ofd, bpd : float
        1 where no image shows a head on which both agree.
    """
    peaks, heads = (
        all_lengths(find_heads(draw, images, sizes, {**reading, "decoder": decoder, "stretch": UNSTRETCHED})[0])
        for decoder in ("paired", "head")
    )
    ratio = heads / peaks
    ratio = ratio[(np.abs(ratio - 1) < _AGREEMENT).all(axis=1)]
    bpd, ofd, _ = np.median(ratio, axis=0) if len(ratio) else np.ones(3)
    return float(ofd), float(bpd)


def locate(
    maps: np.ndarray, views: np.ndarray, decoder: str, sigma_cells: float, stretch=UNSTRETCHED
) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks of images whose maps a network drew.

    Parameters
    ----------
    maps : ndarray of shape (N, 4 or 5, H, H)
        Four heatmaps, and the filled head where the network draws it.
    views : ndarray of shape (N, 2, 3)
        What the maps cover, see `views`.
    decoder : str
        One of `heatmaps.decode`; ``head``, the axes of the ellipse around the filled head; or ``fused``, an ellipse
        between that one and the one that the ``paired`` landmarks span. Where the two disagree the filled head stands
        alone, where none is drawn the landmarks.
    sigma_cells : float
        Standard deviation of the heatmaps' Gaussians in cells.
    stretch : pair of float
        How much farther apart than their peaks both ends of the OFD and of the BPD are; see `measure_stretch`.

    Returns
    -------
    points : ndarray of shape (N, 4, 2)
        In original pixels and canonical order.
    evidence : ndarray of shape (N, 4)
        The first four of `EVIDENCE`: confidence of the heatmaps, 0 to 1; disagreement of the two estimates, the
        farthest of the heatmaps' landmarks from the filled head's outline as a share of its radius, 1 where none is
        drawn; height and blur of the filled head, see `masks.appearance`. NaN where the decoder reads no filled head.
    """
    evidence = np.full((len(maps), 4), np.nan)
    share = _HEAD_SHARE.get(decoder)
    points, evidence[:, 0] = heatmaps.decode(maps[:, :4], "paired" if share else decoder, sigma_cells)
    points = canonical(to_original(views, points, maps.shape[-1]))
    if share:
        points = stretch_diameters(points, stretch)
        heads = masks.decode(maps[:, 4], views)
        drawn = np.isfinite(heads).all(axis=(1, 2))
        heads = np.where(drawn[:, None, None], heads, points)
        evidence[:, 1] = np.where(drawn, np.abs(radius_in_ellipse(points, heads) - 1).max(axis=1), 1.0)
        evidence[:, 2:] = masks.appearance(maps[:, 4])
        agree = np.abs(all_lengths(points) / all_lengths(heads) - 1).max(axis=1) < _AGREEMENT
        points = mean_ellipse(points, heads, np.where(agree, share, 1.0))
    return points, evidence


def locate_coordinates(fractions: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Landmarks, as of `locate`, of a network that gives coordinates as (N, 4, 2) fractions of the frame."""
    return canonical(resize_points(fractions.astype(float) - 0.5, (1, 1), np.asarray(sizes)[:, None]))


def average_reflections(draw, images: np.ndarray) -> np.ndarray:
    """Maps of images, averaged over their four reflections.

    A head that the network finds in different places of the same image leaves low peaks.

    Parameters
    ----------
    draw : callable
        From (N, S, S) images to (N, 4 or 5, H, H) maps.
    images : ndarray of shape (N, S, S)

    Returns
    -------
    ndarray of the maps' shape

    Notes
    -----
    Across x the left and the right end of the OFD change places, across y the upper and the lower of the BPD.
    """
    total = 0.0
    for across_y in (False, True):
        for across_x in (False, True):
            axes = (-2,) * across_y + (-1,) * across_x
            maps = np.flip(draw(np.ascontiguousarray(np.flip(images, axes))), axes)
            order = [*((1, 0) if across_x else (0, 1)), *((3, 2) if across_y else (2, 3)), *range(4, maps.shape[1])]
            total = total + maps[:, order] / 4
    return total
