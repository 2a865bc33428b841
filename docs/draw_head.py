"""Draw docs/head.png: the example image, the head that the pretrained model finds in it, and its lengths."""

import dataclasses
import hashlib
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure
from PIL import PngImagePlugin

from fetal_biometry.data.phantom import Phantom, draw_phantom, plan_phantoms, true_landmarks
from fetal_biometry.frames import points_of
from fetal_biometry.measure.api import HOME, PRETRAINED, measure_images
from fetal_biometry.model.geometry import all_lengths, landmarks_to_ellipse
from fetal_biometry.report.drawing import LENGTH_COLOURS, PALETTE
from fetal_biometry.terms import LENGTHS

PICTURE = Path(__file__).with_name("head.png")
EXAMPLE = HOME / "resources" / "examples" / "drawn_head.jpg"
PIXEL_SIZE_MM = 0.14
ON_BLACK = {"hc": "#ffa64d", "bpd": "#ff9ddf", "ofd": "#7be3b0"}


def example() -> Phantom:
    """The first phantom of the default run, with a round pixel size."""
    (phantom,) = plan_phantoms(1, seed=20)
    return dataclasses.replace(phantom, pixel_size_mm=PIXEL_SIZE_MM)


def made_of() -> str:
    """Digest of the files that the picture is made from."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in (EXAMPLE, PRETRAINED))).hexdigest()


def draw_head() -> None:
    """Write `PICTURE`, 1400 x 1000 pixels."""
    grey = cv2.imread(str(EXAMPLE), cv2.IMREAD_GRAYSCALE)
    measured = measure_images([EXAMPLE], PIXEL_SIZE_MM)
    (row,), (points,) = measured.to_dict("records"), points_of(measured)
    true = dict(zip(LENGTHS, all_lengths(true_landmarks([example()]))[0] * PIXEL_SIZE_MM, strict=True))
    figure = Figure(figsize=(14, 10), dpi=100, facecolor=PALETTE["paper"], layout="none")
    axes = figure.add_axes((0.03, 0.15, 0.94, 0.82))
    axes.imshow(grey, cmap="gray")
    axes.axis("off")
    centre, long, short, angle = landmarks_to_ellipse(points)
    around = np.linspace(0, 2 * np.pi, 200)
    along, across = long * np.cos(around), short * np.sin(around)
    axes.plot(
        centre[0] + along * np.cos(angle) - across * np.sin(angle),
        centre[1] + along * np.sin(angle) + across * np.cos(angle),
        color=ON_BLACK["hc"], linewidth=2,
    )  # fmt: skip
    for name, ends in (("ofd", points[:2]), ("bpd", points[2:])):
        axes.plot(*ends.T, "o-", color=ON_BLACK[name], linewidth=2, markersize=7)
    for place, name in enumerate(LENGTHS):
        value, low, high = (row[f"{name}_mm{end}"] for end in ("", "_low", "_high"))
        words = {"color": LENGTH_COLOURS[name], "ha": "center", "va": "baseline"}
        middle = 0.18 + 0.32 * place
        figure.text(middle, 0.083, f"{name.upper()} {value:.1f} mm", size=30, weight="bold", **words)
        figure.text(
            middle, 0.035, f"{low:.1f} to {high:.1f}; true {true[name]:.1f}", size=20,
            **(words | {"color": PALETTE["soft"]}),
        )  # fmt: skip
    note = PngImagePlugin.PngInfo()
    note.add_text("made-of", made_of())
    figure.savefig(PICTURE, pil_kwargs={"pnginfo": note, "optimize": True})


if __name__ == "__main__":
    cv2.imwrite(str(EXAMPLE), draw_phantom(example()), [cv2.IMWRITE_JPEG_QUALITY, 90])
    draw_head()
