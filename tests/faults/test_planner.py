"""Images come, go and change between runs; after each one the tables say what measuring them all from nothing would.

PLANS says how many runs there are, some seconds each.
"""

import os

import cv2
import numpy as np
import pandas as pd
import pytest

from fetal_biometry.data.phantom import draw_phantom, plan_phantoms
from fetal_biometry.measure.api import measure_images

pytestmark = pytest.mark.long
PLANS = int(os.environ.get("PLANS", 100))
WORLDS = 4  # that start from nothing
NAMES = [f"{examination:03}_{number}.png" for examination in range(8) for number in range(2)]
SIZES = (0.1, 0.16, 0.23)
PREDICTIONS, QUARANTINE = "results/plan/work/given_model/predictions.csv", "results/plan/work/quarantine.csv"
SETTINGS = """
run: plan
dataset: images
images: images
data_root: .
pixel_sizes: sizes.csv
on_bad_image: quarantine
shards: 5
"""
BROKEN = "broken"


@pytest.fixture(scope="module")
def pool():
    """Contents that an image can have: phantoms and what measuring each alone finds, and a file that is no image."""
    images = [draw_phantom(plan) for plan in plan_phantoms(12, seed=31)]
    found = measure_images(images)
    contents = {number: cv2.imencode(".png", image)[1].tobytes() for number, image in enumerate(images)}
    lengths = found[["bpd_px", "ofd_px", "hc_px"]].to_numpy()
    return contents | {BROKEN: b"no image"}, lengths


def change(world: dict, rng: np.random.Generator) -> str:
    """Add, remove, replace or rename an image, or change its pixel size; ``world`` is {name: [content, size]}."""
    absent, present = [name for name in NAMES if name not in world], list(world)
    what = rng.choice(["add", "add", "remove", "replace", "resize", "rename", "nothing"])
    content = int(rng.integers(12)) if rng.random() < 0.9 else BROKEN
    if what == "add" and absent:
        world[str(rng.choice(absent))] = [content, float(rng.choice(SIZES))]
    elif what == "remove" and len(present) > 2:
        del world[str(rng.choice(present))]
    elif what == "replace":
        world[str(rng.choice(present))][0] = content
    elif what == "resize":
        world[str(rng.choice(present))][1] = float(rng.choice(SIZES))
    elif what == "rename" and absent:
        world[str(rng.choice(absent))] = world.pop(str(rng.choice(present)))
    return what


def lay_out(world: dict, house, contents: dict) -> None:
    """Make the folder of images, and the table of pixel sizes, those of the world; untouched files stay untouched."""
    folder = house.folder / "images"
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.name not in world:
            path.unlink()
    for name, (content, _) in world.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != contents[content]:
            path.write_bytes(contents[content])
    rows = "".join(f"{name},{size}\n" for name, (_, size) in sorted(world.items()))
    (house.folder / "sizes.csv").write_text(f"image_name,pixel_size_mm\n{rows}")


@pytest.mark.parametrize("start", range(WORLDS))
def test_no_row_is_stale_and_none_is_missing(copy_workflow, tmp_path, pool, start):
    contents, lengths = pool
    house, rng = copy_workflow(tmp_path), np.random.default_rng(start)
    (tmp_path / "plan.yaml").write_text(SETTINGS)
    world, done = {name: [number, SIZES[0]] for number, name in enumerate(NAMES[:4])}, []
    for run in range(-(-PLANS // WORLDS)):
        done.append([change(world, rng) for _ in range(rng.integers(1, 4))] if run else ["start"])
        if all(content == BROKEN for content, _ in world.values()):
            world[NAMES[0]] = [0, SIZES[0]]
        lay_out(world, house, contents)
        house.snakemake(PREDICTIONS, QUARANTINE, "--configfile", "plan.yaml")
        table = pd.read_csv(house.folder / PREDICTIONS, index_col="image_name")
        aside = pd.read_csv(house.folder / QUARANTINE)["image_name"]
        expected = {name: lengths[content] * size for name, (content, size) in world.items() if content != BROKEN}
        assert sorted(table.index) == sorted(expected), (run, done[-5:])
        assert sorted(aside) == sorted(set(world) - set(expected)), (run, done[-5:])
        measured = table.loc[list(expected), ["bpd_mm", "ofd_mm", "hc_mm"]].to_numpy()
        assert np.allclose(measured, list(expected.values()), atol=2e-3), (run, done[-5:])
    print(f"\nworld {start}: {len(done)} runs, {sum(map(len, done))} changes")
