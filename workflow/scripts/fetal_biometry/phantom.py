"""Ultrasound-like fetal head phantoms whose skull ellipse is known exactly.

A phantom is formed the way a scanner forms an image: reflectivity is laid out along the beams of a convex
probe, sound weakens on its way through tissue and bone, every sample is smeared by the point spread
function as a complex amplitude (its magnitude is speckle), the result is log-compressed, and beams become
pixels. Amplitudes are relative to full scale, 1 is white; where a constant has no reason beside it, it was
set by eye against HC18 images. Lengths are original-image pixels unless a name says otherwise; pixel
centres lie at integers, y points down.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from fetal_biometry.geometry import ellipse_landmarks, head_circumference
from fetal_biometry.landmarks import swap_names

# Quantiles of the head circumference (mm): HC18's range and its emphasis on the mid-pregnancy routine scan.
HC_QUANTILES = ((0.0, 0.18, 0.30, 0.78, 0.86, 1.0), (44.0, 120.0, 155.0, 200.0, 240.0, 346.0))
# Usual circumference on the screen (px) by HC (mm): operators zoom until the head fills the frame.
ZOOM = ((44.0, 80.0, 120.0, 160.0, 346.0), (820.0, 980.0, 1170.0, 1330.0, 1350.0))
ZOOM_SPREAD = 0.18  # log-normal spread of the operators' zoom
PIXEL_SIZE_RANGE_MM = (0.05, 0.39)  # HC18's range
VIEWS_PER_EXAMINATION = (0.80, 0.95)  # P(1 view), P(at most 2), else 3: a fifth of all images are repeats
MARGIN = 6  # least distance of the ellipse from the frame (px)
BEAMS = 288  # one per 2-3 px at mid-depth, finer than the beam is wide


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


def _name(examination: int, view: int) -> str:
    return f"{examination:03d}_{view + 1 if view else ''}HC.png"


def phantom_names(count: int, seed: int) -> list[str]:
    """Image names in HC18's style: `000_HC.png`, and `000_2HC.png` for a repeat of that examination."""
    return [_name(examination, view) for examination, view in _views(count, seed)]


def plan_phantoms(count: int, seed: int) -> list[Phantom]:
    """The truth of `count` phantoms in the order of `phantom_names`; none of them depends on `count`."""
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
        image_name=_name(examination, view),
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
    sector = _aim_probe(phantom, rng)
    scene = _lay_out(phantom, sector, rng)
    fluid = _amniotic_fluid(scene, rng)
    bone = _skull(scene, rng)
    scatter = _maternal_tissue(scene, fluid, rng)
    scatter = np.where(scene.rho < 1, _brain(scene, rng), scatter + _scalp(scene, rng))
    echo = bone * _skull_brightness(scene, rng)
    mirror = echo + _midline(scene, rng) + _sulci(scene, rng) + _reverberation(scene, rng)
    mirror += _interfaces(fluid, rng) * (scene.distance > 6)
    scatter += 0.5 * echo  # bone is rough: its echo is mottled, not a mirror's alone
    gain = _transmission(scene, fluid, bone) * _gain(scene, rng)
    grey = _compress(_speckle(scatter * gain, mirror * gain, scene, rng), rng)
    image = _scan_convert(grey, sector, phantom)
    _furniture(image, phantom, rng)
    return image


@dataclass(frozen=True)
class Sector:
    """The fan of beams: from `apex`, seen from range `near` to `far` (px), `half_angle` (rad) either side."""

    apex_x: float
    apex_y: float
    near: float
    far: float
    half_angle: float


@dataclass(frozen=True)
class Scene:
    """Where each sample of each beam lies; float32 (samples, beams) unless stated."""

    u: np.ndarray  # along the long axis, 1 at the skull
    v: np.ndarray  # along the short axis, 1 at the skull
    rho: np.ndarray  # elliptic radius, 1 on the skull's outer boundary
    distance: np.ndarray  # to that boundary, px, negative inside (first order, exact on the boundary)
    incidence: np.ndarray  # |cosine| between beam and skull normal
    midline_incidence: np.ndarray  # |cosine| between beam and the midline's normal, (1, beams)
    depth: np.ndarray  # below the probe, px, (samples, 1)
    psf: tuple[float, float]  # sigma of the point spread function, samples and beams
    blur: np.ndarray  # that sigma along the skull normal, px
    ripple: np.ndarray  # smooth noise that bends every outline but the skull's
    front: float  # the end of the long axis where the forehead lies, 1 or -1
    phantom: Phantom

    @property
    def hc_mm(self) -> float:
        head = self.phantom
        return float(head_circumference(2 * head.semi_short_px, 2 * head.semi_long_px)) * head.pixel_size_mm

    @property
    def bone_px(self) -> float:
        """Thickness of the skull on the screen, px: 1.3 mm at 11 weeks, 3.6 mm at term (as it looks)."""
        return (0.9 + 0.008 * self.hc_mm) / self.phantom.pixel_size_mm


def _outline(phantom: Phantom, points: int = 90) -> np.ndarray:
    """Points (points, 2) on the truth ellipse."""
    t = np.linspace(0, 2 * np.pi, points, endpoint=False)
    c, s = np.cos(phantom.angle_rad), np.sin(phantom.angle_rad)
    u, v = phantom.semi_long_px * np.cos(t), phantom.semi_short_px * np.sin(t)
    return np.stack([phantom.centre_x + u * c - v * s, phantom.centre_y + u * s + v * c], axis=-1)


def _aim_probe(phantom: Phantom, rng) -> Sector:
    """A convex probe (radius 40-60 mm) above the head, its fan wide and deep enough for the whole ellipse."""
    outline = _outline(phantom)
    top = min(rng.uniform(-25, 45), outline[:, 1].min() - 20)  # where the fan starts on the screen
    # Zooming in shows the fan from some way below the probe: 35 mm for the smallest pixels, 0 from 0.2 mm on.
    near_mm = rng.uniform(40, 60) + np.interp(phantom.pixel_size_mm, [0.05, 0.2], [35, 0])
    near = near_mm / phantom.pixel_size_mm
    apex_x, apex_y = phantom.width_px / 2 + rng.normal(0, 30), top - near
    offset = outline - [apex_x, apex_y]
    widest = np.abs(np.arctan2(offset[:, 0], offset[:, 1])).max()
    half_angle = max(widest + np.radians(1.5), np.radians(rng.uniform(26, 38)))
    far = max(phantom.height_px - apex_y + rng.uniform(-15, 90), np.hypot(*offset.T).max() + 15)
    return Sector(float(apex_x), float(apex_y), float(near), float(far), float(half_angle))


def _lay_out(phantom: Phantom, sector: Sector, rng) -> Scene:
    """Coordinates of the head at every sample of every beam, one sample per pixel of depth."""
    angle = np.linspace(-sector.half_angle, sector.half_angle, BEAMS, dtype=np.float32)[None]
    reach = np.arange(sector.near, sector.far, dtype=np.float32)[:, None]
    c, s = float(np.cos(phantom.angle_rad)), float(np.sin(phantom.angle_rad))
    a, b = phantom.semi_long_px, phantom.semi_short_px
    dx = sector.apex_x - phantom.centre_x + reach * np.sin(angle)
    dy = sector.apex_y - phantom.centre_y + reach * np.cos(angle)
    u, v = (dx * c + dy * s) / a, (dy * c - dx * s) / b
    beam_u, beam_v = np.sin(angle) * c + np.cos(angle) * s, np.cos(angle) * c - np.sin(angle) * s
    rho = cv2.magnitude(u, v) + 1e-6
    slope = cv2.magnitude(u / a, v / b) + 1e-9
    incidence = np.abs(u * (beam_u / a) + v * (beam_v / b)) / slope
    # Sigma 0.1 mm along the beam (a short pulse at 4 MHz), three times that across it; about a sample and a
    # beam at least, or speckle would alias.
    axial = max(0.9, rng.uniform(0.09, 0.13) / phantom.pixel_size_mm)
    beam_spacing = 2 * sector.half_angle / (BEAMS - 1)
    lateral = max(0.8, rng.uniform(0.22, 0.34) / phantom.pixel_size_mm / (beam_spacing * (sector.near + 270)))
    across = lateral * beam_spacing * reach  # a fan's beam widens with depth
    blur = np.sqrt((axial * incidence) ** 2 + across**2 * (1 - np.minimum(incidence, 1) ** 2))
    return Scene(
        u=u,
        v=v,
        rho=rho,
        distance=(rho - 1) * rho / slope,
        incidence=incidence,
        midline_incidence=np.abs(beam_v),
        depth=reach - reach[0],
        psf=(axial, lateral),
        blur=blur,
        ripple=_clouds(rng, u.shape, (14, 18)),
        front=1.0 if rng.random() < 0.5 else -1.0,
        phantom=phantom,
    )


def _clouds(rng, shape: tuple[int, int], cells: tuple[int, int]) -> np.ndarray:
    """Smooth noise of unit variance at its (rows, columns) nodes; float32 `shape`."""
    nodes = rng.standard_normal(cells, dtype=np.float32)
    return cv2.resize(nodes, shape[::-1], interpolation=cv2.INTER_CUBIC)


def _step(x: np.ndarray, width: float) -> np.ndarray:
    """0 below -width/2, 1 above width/2, linear between."""
    return np.clip(x / width + 0.5, 0, 1)


def _blob(scene: Scene, centre, radii, edge: float) -> np.ndarray:
    """Soft-edged ellipse along the head's axes; centre and radii in units of the semi-axes."""
    radius = cv2.magnitude((scene.u - centre[0]) / radii[0], (scene.v - centre[1]) / radii[1])
    return _step(1 - radius + 0.25 * scene.ripple, edge)


def _amniotic_fluid(scene: Scene, rng) -> np.ndarray:
    """Share of fluid (0-1): an irregular sac around the head, roomy early on, patchy or absent later."""
    roomy = float(np.interp(scene.hc_mm, [60, 180, 346], [1.9, 1.25, 1.0]))
    size = roomy * float(rng.uniform(0.75, 1.3))
    shift = rng.normal(0, 0.35, 2)
    sac = cv2.magnitude(scene.u - float(shift[0]), scene.v - float(shift[1]))
    sac += 0.22 * _clouds(rng, scene.u.shape, (5, 8)) + 0.03 * scene.ripple
    # Wall and placenta lie between probe and sac: no fluid in the first few millimetres.
    wall = _step(scene.depth - float(rng.uniform(3, 12)) / scene.phantom.pixel_size_mm, 12)
    return _step(size - sac, 0.12) * wall * (scene.rho > 1)


def _maternal_tissue(scene: Scene, fluid: np.ndarray, rng) -> np.ndarray:
    """Scatter amplitude outside the head: uterine wall in layers, almost nothing in the fluid."""
    layers = _clouds(rng, scene.u.shape, (16, 4)) + _clouds(rng, scene.u.shape, (40, 10)) * 0.5
    tissue = 0.032 * np.exp(0.6 * _clouds(rng, scene.u.shape, (5, 6)) + 0.3 * layers)
    # A limb, the cord or the trunk beside the head: brighter, and they interrupt the fluid.
    for _ in range(int(rng.integers(0, 4))):
        t, reach = rng.uniform(0, 2 * np.pi), rng.uniform(1.25, 1.8)
        centre = float(reach * np.cos(t)), float(reach * np.sin(t))
        part = _blob(scene, centre, rng.uniform(0.15, 0.5, 2).tolist(), 0.5)
        tissue, fluid = tissue * (1 + float(rng.uniform(0, 2)) * part), fluid * (1 - part)
    return tissue * (1 - fluid) + 0.0035 * fluid


def _scalp(scene: Scene, rng) -> np.ndarray:
    """Skin outside the bone, up to 1-3 mm, seen here and there: the skull is not the only edge."""
    thickness = (0.6 + 0.006 * scene.hc_mm) / scene.phantom.pixel_size_mm
    height = thickness * (0.6 + 0.6 * _clouds(rng, scene.u.shape, (5, 8)))
    return 0.018 * _step(height - scene.distance, 0.5 * thickness)


def _skull(scene: Scene, rng) -> np.ndarray:
    """Share of bone (0-1) in a ring just inside the ellipse, sutures left open.

    Blur and compression make bone look larger than it is, and callipers go on what is seen: the surface
    lies one sigma of the blur inside the ellipse, which brings the *visible* outer edge onto it (tested).
    """
    thickness = scene.bone_px
    inward = -scene.distance - scene.blur
    # Thinner where the beam grazes it, and uneven: inside only, the outer boundary is the truth.
    uneven = thickness * (0.5 + 0.45 * scene.incidence + 0.12 * scene.ripple)
    ring = _step(inward, 1.0) * _step(uneven - inward, 0.8 * thickness)
    for position in rng.uniform(-np.pi, np.pi, int(rng.integers(2, 5))):
        # 1 - cos of the angle from the suture; the gaps are 2-6 degrees to either side
        away = scene.rho - scene.u * float(np.cos(position)) - scene.v * float(np.sin(position))
        width = float(rng.uniform(0.0008, 0.006))
        ring *= 1 - float(rng.uniform(0.5, 1.0)) * _step(width - away, width)
    return ring


def _skull_brightness(scene: Scene, rng) -> np.ndarray:
    """Echo of the bone: a mirror, bright where the beam meets it squarely, faint at the sides; patchy."""
    steep = scene.incidence ** float(rng.uniform(1.2, 3.0))
    patches = np.exp(0.35 * _clouds(rng, scene.u.shape, (5, 9)) + 0.2 * scene.ripple)
    return float(rng.uniform(0.3, 0.9)) * (0.04 + 0.96 * steep) * patches


def _brain(scene: Scene, rng) -> np.ndarray:
    """Scatter amplitude inside the head: textured tissue, and what fills it at that age."""
    shape = scene.u.shape
    texture = np.exp(0.45 * _clouds(rng, shape, (7, 9)) + 0.45 * _clouds(rng, shape, (48, 24)))
    brain = float(rng.uniform(0.008, 0.018)) * texture
    early = float(np.interp(scene.hc_mm, [100, 170], [1, 0]))
    for side in (-1, 1):
        # Choroid plexus: the two bright wings that fill an early head, small and far back in a later one.
        at = (-scene.front * (0.12 + 0.2 * (1 - early)), side * (0.40 + rng.normal(0, 0.03)))
        size = (0.25 + 0.22 * early, 0.12 + 0.16 * early)
        brain *= 1 + float(rng.uniform(1.5, 3.5)) * (0.25 + 0.75 * early) * _blob(scene, at, size, 0.6)
        # Ventricle in front of it, and the thalamus beside the midline: darker than their surroundings.
        brain *= 1 - 0.6 * _blob(scene, (scene.front * 0.45, side * 0.42), (0.22, 0.16), 0.7)
        brain *= 1 - 0.45 * (1 - early) * _blob(scene, (-scene.front * 0.02, side * 0.17), (0.2, 0.14), 0.5)
    return brain


def _midline(scene: Scene, rng) -> np.ndarray:
    """Falx: a thin dashed mirror; later split by the cavum septi pellucidi and lost between the thalami."""
    across = np.abs(scene.v + 0.012 * scene.ripple) * scene.phantom.semi_short_px
    late = scene.hc_mm > 120
    if late:
        cavum = np.abs(scene.u * scene.front - 0.42) < 0.1
        across = np.where(cavum, np.abs(across - 0.05 * scene.phantom.semi_short_px), across)
    width = max(1.0, 0.4 / scene.phantom.pixel_size_mm)
    line = np.exp(-((across / width) ** 2)) * _step(0.84 - np.abs(scene.u), 0.15)
    if late:
        line *= 1 - 0.8 * _step(0.22 - np.abs(scene.u * scene.front - 0.05), 0.1)
    dashes = np.exp(1.1 * _clouds(rng, scene.u.shape, (14, 26)) - 0.6)
    return float(rng.uniform(0.05, 0.2)) * line * dashes * scene.midline_incidence**2


def _sulci(scene: Scene, rng) -> np.ndarray:
    """Short echoes of folds and vessels across the beam, densest around the middle of the head."""
    dashes = np.maximum(_clouds(rng, scene.u.shape, (70, 26)) - 1.1, 0)
    return float(rng.uniform(0.01, 0.06)) * dashes * np.maximum(1.0 - 1.2 * scene.rho, 0)


def _reverberation(scene: Scene, rng) -> np.ndarray:
    """Sound bouncing between probe and skin: bands parallel to the probe that die out within millimetres."""
    depth_mm = scene.depth * scene.phantom.pixel_size_mm
    bands = np.abs(_clouds(rng, scene.u.shape, (90, 5)))
    return 0.15 * float(rng.random()) * bands * np.exp(-depth_mm / 5)


def _interfaces(fluid: np.ndarray, rng) -> np.ndarray:
    """Membranes: a thin mirror where fluid begins or ends across the beam."""
    return float(rng.uniform(0, 1.2)) * np.abs(np.diff(fluid, axis=0, prepend=fluid[:1])) * (fluid < 0.5)


def _transmission(scene: Scene, fluid: np.ndarray, bone: np.ndarray) -> np.ndarray:
    """What is left of the beam: tissue is compensated on average, fluid leaves more, bone takes much.

    A beam grazing the skull runs a long way through bone: hence the dark wedges behind both sides of a head.
    """
    # Straight through the skull costs 1.6 dB a wall; fluid spares 0.07 dB/mm.
    loss = bone * (0.18 / scene.bone_px) - fluid * (0.008 * scene.phantom.pixel_size_mm)
    return np.exp(-np.cumsum(loss, axis=0, dtype=np.float32))


def _gain(scene: Scene, rng) -> np.ndarray:
    """What the operator set and did: eight sliders of gain by depth, fading with depth, poor skin contact."""
    samples, beams = scene.u.shape
    sliders = _clouds(rng, (samples, 1), (8, 1)) * 0.15 - float(rng.uniform(0, 0.5)) * scene.depth / samples
    contact = -1.6 * float(rng.random()) * np.maximum(_clouds(rng, (1, beams), (1, 6)) - 0.4, 0)
    lean = float(rng.normal(0, 0.35)) * np.linspace(-1, 1, beams, dtype=np.float32)[None]
    return np.exp(sliders) * np.exp(contact + lean)


def _speckle(scatter: np.ndarray, mirror: np.ndarray, scene: Scene, rng) -> np.ndarray:
    """Envelope of the blurred field: scatterers with random phase (Rayleigh) plus mirrors in phase (Rician).

    Blurring with a kernel constant in beams widens the speckle with depth, as in a real fan.
    """
    axial, lateral = scene.psf
    scatter = scatter * float(np.sqrt(4 * np.pi * axial * lateral))  # keeps the blurred noise's variance
    noise = rng.standard_normal((2, *scatter.shape), dtype=np.float32)
    real = cv2.GaussianBlur(noise[0] * scatter + mirror, (0, 0), sigmaX=lateral, sigmaY=axial)
    imaginary = cv2.GaussianBlur(noise[1] * scatter, (0, 0), sigmaX=lateral, sigmaY=axial)
    # Frame averaging, as every scanner does: it fills the blackest holes of the speckle.
    return cv2.GaussianBlur(cv2.magnitude(real, imaginary), (0, 0), sigmaX=0.7, sigmaY=0.7)


def _compress(envelope: np.ndarray, rng) -> np.ndarray:
    """Log compression of 46-56 dB, then a darkening curve, set to HC18's grey percentiles; float32, 0-255."""
    decibels = cv2.log(envelope + 1e-4) * float(20 / np.log(10)) + float(rng.uniform(-2, 3))
    grey = np.clip(decibels / float(rng.uniform(46, 56)) + 1, 0, 1)
    return 255 * grey ** float(rng.uniform(1.25, 1.85))


def _scan_convert(grey: np.ndarray, sector: Sector, phantom: Phantom) -> np.ndarray:
    """Beams to pixels by bilinear interpolation; black outside the fan; uint8 (height, width)."""
    x = np.arange(phantom.width_px, dtype=np.float32)[None] - sector.apex_x
    y = np.arange(phantom.height_px, dtype=np.float32)[:, None] - sector.apex_y
    x, y = np.repeat(x, phantom.height_px, axis=0), np.repeat(y, phantom.width_px, axis=1)
    reach, angle = cv2.cartToPolar(x, y)  # apex above the image: angle in (0, pi), pi/2 is down
    beam = (np.pi / 2 + sector.half_angle - angle) * ((BEAMS - 1) / (2 * sector.half_angle))
    return cv2.remap(grey, beam, reach - sector.near, cv2.INTER_LINEAR, borderValue=0).astype(np.uint8)


def _furniture(image: np.ndarray, phantom: Phantom, rng) -> None:
    """Scanner furniture, in place: grey bar, faint logo, black corners (never on the skull), status bar."""
    height, width = image.shape
    left = int(rng.choice([2, 28]))
    image[22:182, left : left + 9] = np.linspace(255, 0, 160).astype(np.uint8)[:, None]
    logo = image[24:44:5, left + 66 : left + 88]
    np.maximum(logo, 14, out=logo)
    outline = _outline(phantom)
    box = rng.uniform([100, 70], [190, 180])
    while np.any(np.all(outline > np.array([width, height]) - box - 4, axis=1)):
        box *= 0.85
    image[height - int(box[1]) :, width - int(box[0]) :] = 0
    if outline[:, 1].min() > 60 or outline[:, 0].max() < width - 70:
        image[: int(rng.integers(0, 55)), width - int(rng.integers(20, 65)) :] = 0
    if rng.random() < 0.15 and outline[:, 1].max() < height - 22:
        image[height - 16 :] = 34
        image[height - 11 : height - 8, 12 : int(rng.uniform(0.2, 0.9) * width)] = 96


def spoil_labels(phantoms: list[Phantom], points: np.ndarray, share: float) -> np.ndarray:
    """Labels as bad as the challenge's table: a share of rows scattered, most of them small heads, names swapped.

    There 85 % of the rows with HC under 80 mm are wrong and 3 % of those at 160-180 mm, their four points
    scattered over the image, and the long axis is called BPD throughout.

    Parameters
    ----------
    phantoms : list of Phantom, length N
    points : ndarray of shape (N, 4, 2)
        True landmarks.
    share : float
        Rows to spoil: exactly this share, smaller heads first but not only.

    Returns
    -------
    ndarray of shape (N, 4, 2)
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
    return swap_names(spoilt)
