"""Ultrasound-like fetal head phantoms whose skull ellipse is known exactly, formed as a scanner does it (`scan`).

Where a constant has no reason beside it, it was set by eye against HC18 images. Lengths are original-image pixels
unless a name says otherwise; pixel centres lie at integers, y points down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fetal_biometry.data.scan import (
    Scene,
    amniotic_fluid,
    blob,
    clouds,
    interfaces,
    lay_out,
    maternal_tissue,
    reverberation,
    scalp,
    step,
    take_picture,
)
from fetal_biometry.model.geometry import ellipse_landmarks, head_circumference

# Quantiles of the head circumference (mm): HC18's range and its emphasis on the mid-pregnancy routine scan.
HC_QUANTILES = ((0.0, 0.18, 0.30, 0.78, 0.86, 1.0), (44.0, 120.0, 155.0, 200.0, 240.0, 346.0))
# Usual circumference on the screen (px) by HC (mm): operators zoom until the head fills the frame.
ZOOM = ((44.0, 80.0, 120.0, 160.0, 346.0), (820.0, 980.0, 1170.0, 1330.0, 1350.0))
ZOOM_SPREAD = 0.18  # log-normal spread of the operators' zoom
PIXEL_SIZE_RANGE_MM = (0.05, 0.39)  # HC18's range
VIEWS_PER_EXAMINATION = (0.80, 0.95)  # P(1 view), P(at most 2), else 3: a fifth of all images are repeats
MARGIN = 6  # least distance of the ellipse from the frame (px)


@dataclass(frozen=True)
class Phantom:
    """One image to draw and its truth; `angle_rad` is the long axis against x, in [-pi/2, pi/2)."""

    image_name: str
    examination: str
    width_px: int
    height_px: int
    pixel_size_mm: float
    centre_x: float
    centre_y: float
    semi_long_px: float
    semi_short_px: float
    angle_rad: float
    seed: int


def _views(count: int, seed: int) -> list[tuple[int, int]]:
    """(examination, view) of the first `count` images; a longer list starts with the shorter one."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    views = 1 + np.searchsorted(VIEWS_PER_EXAMINATION, rng.random(count), side="right")
    pairs = ((examination, view) for examination, number in enumerate(views) for view in range(number))
    return [pair for _, pair in zip(range(count), pairs, strict=False)]


def plan_phantoms(count: int, seed: int) -> list[Phantom]:
    """The truth of `count` phantoms, none of which depends on `count`.

    Names are in HC18's style: `000_HC.png`, and `000_2HC.png` for a repeat of that examination.
    """
    plans = []
    for examination, view in _views(count, seed):
        if view == 0:
            rng = np.random.default_rng(np.random.SeedSequence((seed, examination)))
            hc_mm = float(np.interp(rng.random(), *HC_QUANTILES))
            # Hadlock 1981: mean 0.783; the clip holds all but the few percent of extreme head shapes.
            cephalic_index = float(np.clip(rng.normal(0.78, 0.06), 0.66, 0.92))
        plans.append(_plan_view(examination, view, hc_mm, cephalic_index, rng))
    return plans


def true_landmarks(phantoms: list[Phantom]) -> np.ndarray:
    """Ends of the axes of their skulls, (N, 4, 2), in original pixels."""
    return np.array(
        [ellipse_landmarks((p.centre_x, p.centre_y), p.semi_long_px, p.semi_short_px, p.angle_rad) for p in phantoms]
    )


def _plan_view(examination: int, view: int, hc_mm: float, cephalic_index: float, rng) -> Phantom:
    """Frame, position, orientation and zoom of one view; a repeat is cut in a slightly different plane."""
    width, height = 800, 540
    if rng.random() < 0.03:  # as rare as HC18's odd sizes
        width, height = int(rng.integers(738, 795)), int(rng.integers(541, 545))
    if view:
        hc_mm = float(np.clip(hc_mm * rng.normal(1.0, 0.015), 44.0, 346.0))
        cephalic_index = float(np.clip(cephalic_index + rng.normal(0.0, 0.01), 0.66, 0.92))
    # Sonographers turn the probe until the midline lies flat; about one in seven heads will not let them.
    angle = rng.normal(0.0, np.radians(14)) if rng.random() < 0.85 else rng.uniform(-np.pi / 2, np.pi / 2)
    angle = float((angle + np.pi / 2) % np.pi - np.pi / 2)
    centre = np.array([width, height]) * np.clip(rng.normal(0.5, [0.055, 0.06]), 0.32, 0.70)

    def half_extent(semi_long):  # of the ellipse's bounding box
        across = cephalic_index * np.array([np.sin(angle), np.cos(angle)])
        return semi_long * np.hypot([np.cos(angle), np.sin(angle)], across)

    perimeter = float(head_circumference(2 * cephalic_index, 2.0))  # of an ellipse with semi_long 1
    semi_long = float(np.interp(hc_mm, *ZOOM) * np.exp(rng.normal(0.0, ZOOM_SPREAD))) / perimeter
    room = (np.array([width, height]) - 1) / 2 - MARGIN
    semi_long = float(min(semi_long, *(room / half_extent(1.0))))
    pixel_size = float(np.clip(hc_mm / perimeter / semi_long, *PIXEL_SIZE_RANGE_MM))
    semi_long = hc_mm / perimeter / pixel_size
    edge = MARGIN + half_extent(semi_long)
    centre = np.clip(centre, edge, np.array([width, height]) - 1 - edge)
    return Phantom(
        image_name=f"{examination:03d}_{view + 1 if view else ''}HC.png",
        examination=f"{examination:03d}",
        width_px=width,
        height_px=height,
        pixel_size_mm=pixel_size,
        centre_x=float(centre[0]),
        centre_y=float(centre[1]),
        semi_long_px=semi_long,
        semi_short_px=semi_long * cephalic_index,
        angle_rad=angle,
        seed=int(rng.integers(2**32)),
    )


def draw_phantom(phantom: Phantom) -> np.ndarray:
    """Draw one phantom; uint8 (height, width). The same phantom gives the same bytes."""
    rng = np.random.default_rng(phantom.seed)
    scene = lay_out(phantom, rng)
    fluid = amniotic_fluid(scene, rng)
    bone = _skull(scene, rng)
    scatter = maternal_tissue(scene, fluid, rng)
    scatter = np.where(scene.rho < 1, _brain(scene, rng), scatter + scalp(scene, rng))
    echo = bone * _skull_brightness(scene, rng)
    mirror = echo + _midline(scene, rng) + _sulci(scene, rng) + reverberation(scene, rng)
    mirror += interfaces(fluid, rng) * (scene.distance > 6)
    scatter += 0.5 * echo  # bone is rough: its echo is mottled, not a mirror's alone
    return take_picture(scatter, mirror, bone, fluid, scene, rng)


def _skull(scene: Scene, rng) -> np.ndarray:
    """Share of bone (0-1) in a ring just inside the ellipse, sutures left open.

    Blur and compression make bone look larger than it is, and callipers go on what is seen: the surface
    lies one sigma of the blur inside the ellipse, which brings the *visible* outer edge onto it (tested).
    """
    thickness = scene.bone_px
    inward = -scene.distance - scene.blur
    # Thinner where the beam grazes it, and uneven: inside only, the outer boundary is the truth.
    uneven = thickness * (0.5 + 0.45 * scene.incidence + 0.12 * scene.ripple)
    ring = step(inward, 1.0) * step(uneven - inward, 0.8 * thickness)
    for position in rng.uniform(-np.pi, np.pi, int(rng.integers(2, 5))):
        # 1 - cos of the angle from the suture; the gaps are 2-6 degrees to either side
        away = scene.rho - scene.u * float(np.cos(position)) - scene.v * float(np.sin(position))
        width = float(rng.uniform(0.0008, 0.006))
        ring *= 1 - float(rng.uniform(0.5, 1.0)) * step(width - away, width)
    return ring


def _skull_brightness(scene: Scene, rng) -> np.ndarray:
    """Echo of the bone: a mirror, bright where the beam meets it squarely, faint at the sides; patchy."""
    steep = scene.incidence ** float(rng.uniform(1.2, 3.0))
    patches = np.exp(0.35 * clouds(rng, scene.u.shape, (5, 9)) + 0.2 * scene.ripple)
    return float(rng.uniform(0.3, 0.9)) * (0.04 + 0.96 * steep) * patches


def _brain(scene: Scene, rng) -> np.ndarray:
    """Scatter amplitude inside the head: textured tissue, and what fills it at that age."""
    shape = scene.u.shape
    texture = np.exp(0.45 * clouds(rng, shape, (7, 9)) + 0.45 * clouds(rng, shape, (48, 24)))
    brain = float(rng.uniform(0.008, 0.018)) * texture
    early = float(np.interp(scene.hc_mm, [100, 170], [1, 0]))
    for side in (-1, 1):
        # Choroid plexus: the two bright wings that fill an early head, small and far back in a later one.
        at = (-scene.front * (0.12 + 0.2 * (1 - early)), side * (0.40 + rng.normal(0, 0.03)))
        size = (0.25 + 0.22 * early, 0.12 + 0.16 * early)
        brain *= 1 + float(rng.uniform(1.5, 3.5)) * (0.25 + 0.75 * early) * blob(scene, at, size, 0.6)
        # Ventricle in front of it, and the thalamus beside the midline: darker than their surroundings.
        brain *= 1 - 0.6 * blob(scene, (scene.front * 0.45, side * 0.42), (0.22, 0.16), 0.7)
        brain *= 1 - 0.45 * (1 - early) * blob(scene, (-scene.front * 0.02, side * 0.17), (0.2, 0.14), 0.5)
    return brain


def _midline(scene: Scene, rng) -> np.ndarray:
    """Falx: a thin dashed mirror; later split by the cavum septi pellucidi and lost between the thalami."""
    across = np.abs(scene.v + 0.012 * scene.ripple) * scene.phantom.semi_short_px
    late = scene.hc_mm > 120
    if late:
        cavum = np.abs(scene.u * scene.front - 0.42) < 0.1
        across = np.where(cavum, np.abs(across - 0.05 * scene.phantom.semi_short_px), across)
    width = max(1.0, 0.4 / scene.phantom.pixel_size_mm)
    line = np.exp(-((across / width) ** 2)) * step(0.84 - np.abs(scene.u), 0.15)
    if late:
        line *= 1 - 0.8 * step(0.22 - np.abs(scene.u * scene.front - 0.05), 0.1)
    dashes = np.exp(1.1 * clouds(rng, scene.u.shape, (14, 26)) - 0.6)
    return float(rng.uniform(0.05, 0.2)) * line * dashes * scene.midline_incidence**2


def _sulci(scene: Scene, rng) -> np.ndarray:
    """Short echoes of folds and vessels across the beam, densest around the middle of the head."""
    dashes = np.maximum(clouds(rng, scene.u.shape, (70, 26)) - 1.1, 0)
    return float(rng.uniform(0.01, 0.06)) * dashes * np.maximum(1.0 - 1.2 * scene.rho, 0)


def spoil_labels(phantoms: list[Phantom], points: np.ndarray, share: float) -> np.ndarray:
    """Labels as bad as the challenge's table: a share of rows scattered, most of them small heads, names swapped.

    There 85 % of the rows with HC under 80 mm are wrong and 3 % of those at 160-180 mm, their four points
    scattered over the image, and the long axis is called BPD throughout. Takes true landmarks (N, 4, 2); exactly
    ``share`` of them are spoilt, smaller heads first but not only.
    """
    generators = [np.random.default_rng([phantom.seed, 1]) for phantom in phantoms]
    hc = [
        head_circumference(2 * phantom.semi_short_px, 2 * phantom.semi_long_px) * phantom.pixel_size_mm
        for phantom in phantoms
    ]
    order = np.argsort([size + rng.normal(0, 30) for size, rng in zip(hc, generators, strict=True)])
    spoilt = np.array(points)
    for row in order[: round(share * len(phantoms))]:
        frame = [phantoms[row].width_px - 1, phantoms[row].height_px - 1]
        spoilt[row] = generators[row].uniform(0, 1, (4, 2)) * frame
    return spoilt[:, [2, 3, 0, 1]]
