"""Show a model images without a head: how many it takes for heads, beside the true and the drawn ones it lets pass."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from draw_strangers import draw_all
from fetal_biometry import job
from fetal_biometry.data.negatives import HEAD, KINDS, TAUGHT
from fetal_biometry.errors import InputError
from fetal_biometry.frames import points_of, read_frame, sizes_of, write_frame
from fetal_biometry.images.cache import Shards
from fetal_biometry.measure.biometry import doubts_of, interval_margins, measure, own_limits
from fetal_biometry.model.geometry import LENGTHS
from fetal_biometry.model.inference import Predictor, locate_all
from fetal_biometry.model.views import show_beside
from fetal_biometry.report.evaluation import set_apart_seen

BESIDE = "beside"  # what true images show beside their heads
FIRST_SEED = 100_000  # beyond those of draw_strangers, on which networks learn
PASSING = 0.98  # share of true heads that pass at the operating point


def doubts(found: pd.DataFrame, manifest: pd.DataFrame, calibration: dict, limits: dict, calliper: str) -> pd.DataFrame:
    """The flags of what was found, but for the want of a pixel size, and how near it is to one for want of a head.

    ``doubt`` is the largest of: the limit over the confidence, what the height of the filled head lacks over what it
    may lack, and the interval's margin over its limit. 1 and more is flagged.
    """
    table, _ = measure(found, manifest, calibration, limits, calliper)
    limits = own_limits(limits, calibration)
    millimetres, pixels = (table[[f"{length}_{unit}" for length in LENGTHS]].to_numpy() for unit in ("mm", "px"))
    lengths = np.where(np.isfinite(millimetres), millimetres, pixels)
    ends = table[[f"{length}_{end}" for length in LENGTHS for end in ("low", "high")]].to_numpy().reshape(-1, 3, 2)
    margins = interval_margins(ends, lengths)
    confidence, height = (found[name].to_numpy(dtype=float) for name in ("confidence", "height"))
    parts = [limits["confidence"] / np.maximum(confidence, 1e-9)]
    parts.append((1.02 - height) / (1.02 - limits["height"]))
    parts.append(np.nanmax(np.column_stack([margins, np.zeros(len(margins))]), axis=1) / limits["interval"])
    return pd.DataFrame({"flags": doubts_of(table["flags"]), "doubt": np.fmax.reduce(parts)})


def draw_images(of_each_kind: int, size: int, threads: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows like the manifest's, and images: heads, the control, and strangers of each kind."""
    kinds, seeds = [HEAD, *KINDS], range(FIRST_SEED, FIRST_SEED + of_each_kind)
    images, index = draw_all(kinds, seeds, size, threads)
    rows = pd.DataFrame(index).assign(kind=np.repeat(kinds, of_each_kind))
    return rows.assign(pixel_size_mm=0.15), np.stack(images)  # a usual one; only in mm is a head small or large


def look_beside(manifest: pd.DataFrame, shards: Shards) -> tuple[pd.DataFrame, np.ndarray]:
    """The same of what images show beside their heads."""
    images = shards.gather(manifest.index)
    seen, sides, shown = show_beside(images, sizes_of(manifest), points_of(manifest), shards.shape[0])
    rows = manifest[shown].assign(kind=BESIDE)
    rows[["width_px", "height_px"]] = sides.round().astype(int)
    return rows.reset_index(drop=True), seen


def passing(doubted: pd.DataFrame, limit: float) -> dict:
    """How many images, and the shares of them without a flag and with a doubt of `limit` at most."""
    unflagged, sure = doubted["flags"] == "", doubted["doubt"] <= limit
    return {"n": len(doubted), "without_a_flag": float(unflagged.mean()), "at_operating_point": float(sure.mean())}


def summarise(shown: pd.DataFrame, heads: pd.DataFrame) -> dict:
    """What passes for a head, by kind: without a flag, and at the doubt below which `PASSING` of the heads lie."""
    limit = float(np.quantile(heads["doubt"], PASSING))
    of_kind = {kind: passing(rows, limit) for kind, rows in shown.groupby("kind", sort=False)}
    return {
        "operating_point": {"heads_passing": PASSING, "doubt": limit},
        "heads": passing(heads, limit),
        "drawn_heads": of_kind.get(HEAD),
        "strangers": passing(shown[shown["kind"].isin(KINDS)], limit),
        "untaught_strangers": passing(shown[shown["kind"].isin(set(KINDS) - set(TAUGHT))], limit),
        "by_kind": {kind: {"taught": kind in TAUGHT, **of_kind[kind]} for kind in KINDS if kind in of_kind},
        "beside_heads": of_kind.get(BESIDE),
    }


if __name__ == "__main__":
    with job.start(snakemake):
        source, params = snakemake.input, snakemake.params
        if not source.get("split"):
            raise InputError("strangers are held against labelled heads; set a dataset that has labels.")
        predictor = Predictor(source.model, snakemake.threads)
        split, audit = (read_frame(source[name]) for name in ("split", "audit"))
        found = pd.concat(map(read_frame, source.landmarks))
        manifest = read_frame(source.manifest).loc[split.index]
        sides = set_apart_seen(manifest, split["split"].to_numpy(), predictor.metadata.get("seen", []))
        manifest = manifest[(sides == "test") & (audit["verdict"].reindex(split.index) == "sound")]
        if not len(manifest):
            raise InputError("no sound test image that the model has not seen to hold strangers against.")
        reading = predictor.metadata.get("calibration", {}), params.limits, params.calliper
        heads, shown = doubts(found.loc[manifest.index], manifest, *reading), []
        for rows, images in (
            draw_images(params.of_each_kind, predictor.cache_size, snakemake.threads),
            look_beside(manifest, Shards(source.images)),
        ):
            located = locate_all(predictor, rows["image_name"], images, sizes_of(rows))
            shown.append(pd.concat([rows[["image_name", "kind"]], doubts(located, rows, *reading)], axis=1))
        shown = pd.concat(shown)
        write_frame(shown, snakemake.output.table)
        summary = summarise(shown, heads)
        job.write_json({"model": str(Path(source.model)), **summary}, snakemake.output.summary)
        logging.info("%s", summary)
