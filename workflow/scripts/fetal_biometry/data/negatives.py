"""Negatives: images that show no fetal head, but other anatomy, empty frames, pictures of no scan.

The head-presence classifier is trained on some kinds and judged on all. Scans are formed like the phantoms' (`scan`),
with something else in the head's place. All are drawn from seeds.
"""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd

from fetal_biometry.data import scan
from fetal_biometry.data.phantom import Phantom, draw_phantom, plan_phantoms
from fetal_biometry.data.phantom_files import drawing_processes
from fetal_biometry.data.scan import Scene
from fetal_biometry.model.geometry import fit_square

WIDTH, HEIGHT = 800, 540


def draw_negative(kind: str, seed: int) -> np.ndarray:
    """One image of a kind among `KINDS`, or of a `HEAD`, (height, width), uint8; the same bytes for the same seed."""
    rng = np.random.default_rng([seed, *kind.encode()])
    (plan,) = plan_phantoms(1, int(rng.integers(2**31)))
    if kind == HEAD:
        image = draw_phantom(plan)
    else:
        image = _scan(plan, KINDS[kind], rng) if kind in SCANS else KINDS[kind](rng)
    return np.ascontiguousarray(image, dtype=np.uint8)


def _scan(plan: Phantom, fill, rng) -> np.ndarray:
    """A scan whose anatomy `fill` lays out: from (scene, fluid, rng) to scatter, mirror and bone."""
    scene = scan.lay_out(plan, rng)
    fluid = scan.amniotic_fluid(scene, rng) if rng.random() < 0.5 else np.zeros_like(scene.u)
    scatter, mirror, bone = fill(scene, fluid, rng)
    mirror = mirror + scan.reverberation(scene, rng) + scan.interfaces(fluid, rng)
    return scan.take_picture(scatter, mirror, bone, fluid, scene, rng)


def _tissue(scene: Scene, fluid, rng):
    """Uterine wall, placenta, fluid: nothing to measure."""
    none = np.zeros_like(scene.u)
    return scan.maternal_tissue(scene, fluid, rng), none, none


def _abdomen(scene: Scene, fluid, rng):
    """A round trunk without a bony wall: liver, a dark stomach, the umbilical vein, the spine and its shadow."""
    inside = scene.rho < 1
    liver = float(rng.uniform(0.02, 0.04)) * np.exp(0.4 * scan.clouds(rng, scene.u.shape, (30, 20)))
    stomach = scan.blob(scene, (float(rng.uniform(-0.5, 0)), float(rng.uniform(0.2, 0.5))), (0.24, 0.2), 0.3)
    vein = scan.blob(scene, (0.2, float(rng.uniform(-0.2, 0.1))), (0.3, 0.05), 0.3)
    liver = liver * (1 - 0.9 * np.maximum(stomach, vein))
    spine = scan.blob(scene, (float(rng.choice([-0.8, 0.8])), 0.0), (0.12, 0.12), 0.3)
    scatter = np.where(inside, liver, scan.maternal_tissue(scene, fluid, rng) + scan.scalp(scene, rng))
    skin = 0.03 * np.exp(-((scene.distance / (2 + scene.blur)) ** 2)) * scene.incidence
    return scatter + 0.2 * spine, skin, spine * 0.5


def _femur(scene: Scene, fluid, rng):
    """A shaft of bone in a thigh, slightly bowed, its shadow below it."""
    bow = scene.v + float(rng.uniform(0.05, 0.2)) * (scene.u**2 - 0.3) - float(rng.uniform(-0.3, 0.3))
    thick = float(rng.uniform(0.03, 0.06))
    shaft = scan.step(thick - np.abs(bow), thick) * scan.step(float(rng.uniform(0.6, 1.0)) - np.abs(scene.u), 0.1)
    flesh = scan.blob(scene, (0.0, 0.0), (1.3, 0.5), 0.4)
    scatter = scan.maternal_tissue(scene, fluid * (1 - flesh), rng)
    return scatter + 0.4 * shaft, 0.5 * shaft * scene.midline_incidence, shaft


def _cyst(scene: Scene, fluid, rng):
    """Dark round fluid in tissue: a bladder, a cyst, an empty gestational sac."""
    hole = scan.blob(scene, (0.0, 0.0), (float(rng.uniform(0.7, 1.1)), float(rng.uniform(0.7, 1.1))), 0.15)
    scatter = scan.maternal_tissue(scene, fluid * 0, rng)
    none = np.zeros_like(scene.u)
    return scatter * (1 - hole) + 0.003 * hole, 0.5 * scan.interfaces(hole, rng), none


def _noise(rng) -> np.ndarray:
    level, spread = rng.uniform(30, 200), rng.uniform(5, 70)
    noise = rng.normal(level, spread, (HEIGHT, WIDTH))
    return np.clip(cv2.GaussianBlur(noise, (0, 0), float(rng.uniform(0.3, 3))), 0, 255)


def _empty(rng) -> np.ndarray:
    return np.full((HEIGHT, WIDTH), rng.choice([0, 0, 255, int(rng.integers(256))]))


def _text(rng) -> np.ndarray:
    """A worksheet or a dialog: lines of text, a frame, dark on light or light on dark."""
    image = np.full((HEIGHT, WIDTH), 245, np.uint8)
    top = int(rng.integers(30, 70))
    for line in range(int(rng.integers(5, 16))):
        words = "".join(rng.choice(list("ABCDEFG abcdefghijklmnop 0123456789 .:- mm cm"), int(rng.integers(8, 60))))
        place = (int(rng.integers(20, 60)), top + 32 * line)
        cv2.putText(image, words, place, cv2.FONT_HERSHEY_SIMPLEX, float(rng.uniform(0.5, 0.9)), 20, 1, cv2.LINE_AA)
    cv2.rectangle(image, (8, 8), (WIDTH - 9, HEIGHT - 9), 120, 2)
    return image if rng.random() < 0.5 else 255 - image


def _chart(rng) -> np.ndarray:
    """A growth curve: axes, grid, smooth lines, dots."""
    image = np.full((HEIGHT, WIDTH), 250, np.uint8)
    for x in range(80, WIDTH - 20, 60):
        cv2.line(image, (x, 40), (x, HEIGHT - 60), 210, 1)
    x = np.linspace(80, WIDTH - 40, 60)
    for rise in np.sort(rng.uniform(0.4, 1.0, 3)):
        y = HEIGHT - 60 - rise * (HEIGHT - 120) * np.sqrt((x - 80) / WIDTH)
        cv2.polylines(image, [np.stack([x, y], axis=1).astype(np.int32)], False, 40, 2, cv2.LINE_AA)
    for _ in range(int(rng.integers(3, 12))):
        cv2.circle(image, (int(rng.integers(90, WIDTH - 50)), int(rng.integers(60, HEIGHT - 80))), 4, 0, -1)
    return image if rng.random() < 0.5 else 255 - image


def _photograph(rng) -> np.ndarray:
    """Smooth light and shade with a few objects, as a camera sees."""
    image = 128 + 60 * cv2.resize(rng.standard_normal((5, 7)), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    for _ in range(int(rng.integers(2, 7))):
        corners = rng.uniform([0, 0], [WIDTH, HEIGHT], (int(rng.integers(3, 6)), 2)).astype(np.int32)
        cv2.fillPoly(image, [corners], float(rng.uniform(0, 255)))
    return np.clip(cv2.GaussianBlur(image, (0, 0), 1.5) + rng.normal(0, 4, image.shape), 0, 255)


SCANS = {"tissue": _tissue, "abdomen": _abdomen, "femur": _femur, "cyst": _cyst}
KINDS = SCANS | {"noise": _noise, "empty": _empty, "text": _text, "chart": _chart, "photograph": _photograph}
TRAINING_KINDS = ("tissue", "abdomen", "cyst", "noise", "text")
HEAD = "head"  # the control: a classifier that refuses these as well tells drawings from scans


def draw_all(kinds, seeds, size: int, processes: int) -> tuple[list[np.ndarray], pd.DataFrame]:
    """Each seed of each kind, kind by kind: prepared images, see `geometry.fit_square`, and a row for each.

    Rows have ``image_name``, ``kind``, original ``width_px`` and ``height_px``.
    """
    wanted = [(kind, seed) for kind in kinds for seed in seeds]
    with drawing_processes(processes) as pool:
        drawn = list(pool.map(draw_negative, *zip(*wanted, strict=True), chunksize=4))
    rows = [
        {"image_name": f"{kind} {seed}", "kind": kind, "width_px": image.shape[1], "height_px": image.shape[0]}
        for (kind, seed), image in zip(wanted, drawn, strict=True)
    ]
    return [fit_square(image, size) for image in drawn], pd.DataFrame(rows)
