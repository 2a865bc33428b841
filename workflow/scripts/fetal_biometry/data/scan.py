"""How a scanner forms an image: beams, what lies along them, echoes, speckle, and the picture with its furniture.

Reflectivity is laid out along the beams of a convex probe, sound weakens on its way through tissue and bone, every
sample is smeared by the point spread function as a complex amplitude (its magnitude is speckle), the result is
log-compressed, and beams become pixels. Amplitudes are relative to full scale, 1 is white; where a constant has no
reason beside it, it was set by eye against HC18 images. Lengths are original-image pixels unless a name says otherwise;
pixel centres lie at integers, y points down. Everything random comes from the generator ``rng``, in the order of calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from fetal_biometry.model.geometry import head_circumference

if TYPE_CHECKING:
    from fetal_biometry.data.phantom import Phantom

BEAMS = 288  # one per 2-3 px at mid-depth, finer than the beam is wide


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
    sector: Sector

    @property
    def hc_mm(self) -> float:
        head = self.phantom
        return float(head_circumference(2 * head.semi_short_px, 2 * head.semi_long_px)) * head.pixel_size_mm

    @property
    def bone_px(self) -> float:
        """Thickness of the skull on the screen, px: 1.3 mm at 11 weeks, 3.6 mm at term (as it is seen)."""
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


def lay_out(phantom: Phantom, rng) -> Scene:
    """Coordinates of the head at every sample of every beam of a probe aimed at it, one sample per pixel of depth."""
    sector = _aim_probe(phantom, rng)
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
        ripple=clouds(rng, u.shape, (14, 18)),
        front=1.0 if rng.random() < 0.5 else -1.0,
        phantom=phantom,
        sector=sector,
    )


def clouds(rng, shape: tuple[int, int], cells: tuple[int, int]) -> np.ndarray:
    """Smooth noise of unit variance at its (rows, columns) nodes; float32 `shape`."""
    nodes = rng.standard_normal(cells, dtype=np.float32)
    return cv2.resize(nodes, shape[::-1], interpolation=cv2.INTER_CUBIC)


def step(x: np.ndarray, width: float) -> np.ndarray:
    """0 below -width/2, 1 above width/2, linear between."""
    return np.clip(x / width + 0.5, 0, 1)


def blob(scene: Scene, centre, radii, edge: float) -> np.ndarray:
    """Soft-edged ellipse along the head's axes; centre and radii in units of the semi-axes."""
    radius = cv2.magnitude((scene.u - centre[0]) / radii[0], (scene.v - centre[1]) / radii[1])
    return step(1 - radius + 0.25 * scene.ripple, edge)


def amniotic_fluid(scene: Scene, rng) -> np.ndarray:
    """Share of fluid (0-1): an irregular sac around the head, roomy early on, patchy or absent later."""
    roomy = float(np.interp(scene.hc_mm, [60, 180, 346], [1.9, 1.25, 1.0]))
    size = roomy * float(rng.uniform(0.75, 1.3))
    shift = rng.normal(0, 0.35, 2)
    sac = cv2.magnitude(scene.u - float(shift[0]), scene.v - float(shift[1]))
    sac += 0.22 * clouds(rng, scene.u.shape, (5, 8)) + 0.03 * scene.ripple
    # Wall and placenta lie between probe and sac: no fluid in the first few millimetres.
    wall = step(scene.depth - float(rng.uniform(3, 12)) / scene.phantom.pixel_size_mm, 12)
    return step(size - sac, 0.12) * wall * (scene.rho > 1)


def maternal_tissue(scene: Scene, fluid: np.ndarray, rng) -> np.ndarray:
    """Scatter amplitude outside the head: uterine wall in layers, almost nothing in the fluid."""
    layers = clouds(rng, scene.u.shape, (16, 4)) + clouds(rng, scene.u.shape, (40, 10)) * 0.5
    tissue = 0.032 * np.exp(0.6 * clouds(rng, scene.u.shape, (5, 6)) + 0.3 * layers)
    # A limb, the cord or the trunk beside the head: brighter, and they interrupt the fluid.
    for _ in range(int(rng.integers(0, 4))):
        t, reach = rng.uniform(0, 2 * np.pi), rng.uniform(1.25, 1.8)
        centre = float(reach * np.cos(t)), float(reach * np.sin(t))
        part = blob(scene, centre, rng.uniform(0.15, 0.5, 2).tolist(), 0.5)
        tissue, fluid = tissue * (1 + float(rng.uniform(0, 2)) * part), fluid * (1 - part)
    return tissue * (1 - fluid) + 0.0035 * fluid


def scalp(scene: Scene, rng) -> np.ndarray:
    """Skin outside the bone, up to 1-3 mm, seen here and there: the skull is not the only edge."""
    thickness = (0.6 + 0.006 * scene.hc_mm) / scene.phantom.pixel_size_mm
    height = thickness * (0.6 + 0.6 * clouds(rng, scene.u.shape, (5, 8)))
    return 0.018 * step(height - scene.distance, 0.5 * thickness)


def reverberation(scene: Scene, rng) -> np.ndarray:
    """Sound bouncing between probe and skin: bands parallel to the probe that die out within millimetres."""
    depth_mm = scene.depth * scene.phantom.pixel_size_mm
    bands = np.abs(clouds(rng, scene.u.shape, (90, 5)))
    return 0.15 * float(rng.random()) * bands * np.exp(-depth_mm / 5)


def interfaces(fluid: np.ndarray, rng) -> np.ndarray:
    """Membranes: a thin mirror where fluid begins or ends across the beam."""
    return float(rng.uniform(0, 1.2)) * np.abs(np.diff(fluid, axis=0, prepend=fluid[:1])) * (fluid < 0.5)


def take_picture(scatter: np.ndarray, mirror: np.ndarray, bone: np.ndarray, fluid: np.ndarray, scene: Scene, rng):
    """What the scanner shows of amplitudes that scatter or mirror sound, (samples, beams), behind bone and fluid (0-1).

    An image (height, width), uint8.
    """
    gain = _transmission(scene, fluid, bone) * _gain(scene, rng)
    grey = _compress(_speckle(scatter * gain, mirror * gain, scene, rng), rng)
    image = _scan_convert(grey, scene.sector, scene.phantom)
    _furniture(image, scene.phantom, rng)
    return image


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
    sliders = clouds(rng, (samples, 1), (8, 1)) * 0.15 - float(rng.uniform(0, 0.5)) * scene.depth / samples
    contact = -1.6 * float(rng.random()) * np.maximum(clouds(rng, (1, beams), (1, 6)) - 0.4, 0)
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
