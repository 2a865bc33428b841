"""Ten thousand images in one run: every row is there, memory stays flat, and no shard takes longer than others."""

import os

import cv2
import numpy as np
import pandas as pd
import pytest

from fetal_biometry.data.phantom import draw_phantom, plan_phantoms

pytestmark = pytest.mark.long
IMAGES = int(os.environ.get("LOAD", 10_000))
SHARDS = 10
STAGES = ("prepare_images", "given_model/predict_landmarks")
SETTINGS = """
dataset: images
pixel_sizes: 0.1
shards: {shards}
overlays: false
run: {run}
images: {run}.csv
"""


def test_ten_thousand_images_take_no_more_memory_than_a_thousand(copy_workflow, tmp_path):
    house = copy_workflow(tmp_path)
    (tmp_path / "images").mkdir()
    for number, plan in enumerate(plan_phantoms(40, seed=11)):
        cv2.imwrite(str(tmp_path / "images" / f"{number}.png"), draw_phantom(plan))
    jobs = {}
    for run, count in (("few", IMAGES // 10), ("many", IMAGES)):
        rows = [f"{number}.png,images/{number % 40}.png" for number in range(count)]
        (tmp_path / f"{run}.csv").write_text("\n".join(["image_name,path", *rows]) + "\n")
        shards = max(1, SHARDS * count // IMAGES)  # of as many images in either run
        (tmp_path / f"{run}.yaml").write_text(SETTINGS.format(run=run, shards=shards))
        house.snakemake("measure", "--configfile", f"{run}.yaml")
        table = pd.read_csv(tmp_path / "results" / run / "predictions.csv", index_col="image_name")
        assert sorted(table.index) == sorted(f"{number}.png" for number in range(count))
        same = table["hc_mm"].groupby([int(name[:-4]) % 40 for name in table.index])
        assert (same.max() - same.min()).max() < 2e-3, "the same image has the same length, wherever it stands"
        for stage in STAGES:
            folder = tmp_path / "results" / run / "work" / "benchmarks" / stage / "images"
            jobs[run, stage] = pd.concat(pd.read_csv(path, sep="\t") for path in folder.glob("*.tsv"))
    for stage in STAGES:
        few, many = jobs["few", stage], jobs["many", stage]
        memory = [part["max_rss"].max() for part in (few, many)]
        print(f"\n{stage}: {memory[0]:.0f} and {memory[1]:.0f} MiB, {many['s'].median():.1f} s a shard")
        assert memory[1] < 1.2 * memory[0]
        assert many["s"].max() < 3 * many["s"].median() + 2, "no shard waits for the others"
    assert np.isfinite(table["hc_mm"]).all()
