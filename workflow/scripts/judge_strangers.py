"""Show a model images without a head: how many it takes for heads, beside the true and the drawn ones it lets pass."""

import logging
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from draw_strangers import draw_all
from fetal_biometry import job
from fetal_biometry.biometry import interval_margins, measure, own_limits, reported_lengths
from fetal_biometry.errors import InputError
from fetal_biometry.frames import points_of, read_frame, sizes_of, write_frame
from fetal_biometry.geometry import LENGTHS
from fetal_biometry.inference import Predictor, locate_all
from fetal_biometry.strangers import HEAD, KINDS, TAUGHT

FIRST_SEED = 100_000  # beyond those of draw_strangers, on which networks learn
PASSING = 0.98  # share of true heads that pass at the operating point


def doubts(found: pd.DataFrame, manifest: pd.DataFrame, calibration: dict, limits: dict, calliper: str) -> pd.DataFrame:
    """The flags of what was found and, as ``doubt``, how near it is to being flagged for want of a head.

    The largest of: the limit over the confidence, what the height of the filled head lacks over what it may lack, and
    the interval's margin over its limit. 1 and more is flagged.
    """
    table, pixel_size = measure(found, manifest, calibration, limits, calliper)
    limits = own_limits(limits, calibration)
    lengths = reported_lengths(points_of(table), pixel_size, calliper)
    ends = table[[f"{length}_{end}" for length in LENGTHS for end in ("low", "high")]].to_numpy().reshape(-1, 3, 2)
    margins = interval_margins(ends, lengths)
    confidence, height = (found[name].to_numpy(dtype=float) for name in ("confidence", "height"))
    parts = [limits["confidence"] / np.maximum(confidence, 1e-9)]
    parts.append((1.02 - height) / (1.02 - limits["height"]))
    parts.append(np.nanmax(np.column_stack([margins, np.zeros(len(margins))]), axis=1) / limits["interval"])
    return pd.DataFrame({"flags": table["flags"].to_numpy(), "doubt": np.fmax.reduce(parts)})


def draw_and_measure(predictor: Predictor, of_each_kind: int, threads: int, limits: dict, calliper: str):
    """A row a drawn image, of a head or of a stranger: its kind, its seed, what `doubts` says of it."""
    kinds, seeds = [HEAD, *KINDS], range(FIRST_SEED, FIRST_SEED + of_each_kind)
    images, index = draw_all(kinds, seeds, predictor.cache_size, threads)
    manifest = pd.DataFrame(index).assign(pixel_size_mm=0.15)  # a usual one; only in mm is a head small or large
    found = locate_all(predictor, manifest["image_name"], images, sizes_of(manifest))
    said = doubts(found, manifest, predictor.metadata.get("calibration", {}), limits, calliper)
    return pd.concat([pd.DataFrame(product(kinds, seeds), columns=["kind", "seed"]), said], axis=1)


def summarise(drawn: pd.DataFrame, heads: pd.DataFrame) -> dict:
    """Shares that pass, by kind: without a flag, and at the doubt below which `PASSING` of the heads lie."""
    limit = float(np.quantile(heads["doubt"], PASSING))
    control, strangers = drawn[drawn["kind"] == HEAD], drawn[drawn["kind"] != HEAD]
    unflagged, passing = strangers["flags"] == "", strangers["doubt"] <= limit
    return {
        "heads": len(heads),
        "heads_without_a_flag": float((heads["flags"] == "").mean()),
        "strangers": len(strangers),
        "accepted_without_a_flag": float(unflagged.mean()),
        "drawn_heads": {
            "n": len(control),
            "without_a_flag": float((control["flags"] == "").mean()),
            "at_operating_point": float((control["doubt"] <= limit).mean()),
        },
        "operating_point": {"heads_passing": PASSING, "doubt": limit, "accepted": float(passing.mean())},
        "by_kind": {
            kind: {
                "n": int(of_kind.sum()),
                "taught": kind in TAUGHT,
                "accepted_without_a_flag": float(unflagged[of_kind].mean()),
                "accepted_at_operating_point": float(passing[of_kind].mean()),
            }
            for kind in KINDS
            if (of_kind := strangers["kind"] == kind).any()
        },
    }


if __name__ == "__main__":
    with job.start(snakemake):
        source, params = snakemake.input, snakemake.params
        predictor = Predictor(source.model, snakemake.threads)
        split, audit = (read_frame(source[name]) for name in ("split", "audit"))
        found = pd.concat(map(read_frame, source.landmarks))
        test = split.index[(split["split"] == "test") & (audit["verdict"].reindex(split.index) == "sound")]
        if not len(test):
            raise InputError("no sound test image to hold strangers against; raise test_fraction.")
        manifest = read_frame(source.manifest).loc[test]
        calibration = predictor.metadata["calibration"]
        heads = doubts(found.loc[test], manifest, calibration, params.limits, params.calliper)
        drawn = draw_and_measure(predictor, params.of_each_kind, snakemake.threads, params.limits, params.calliper)
        write_frame(drawn, snakemake.output.table)
        summary = summarise(drawn, heads)
        job.write_json({"model": str(Path(source.model)), **summary}, snakemake.output.summary)
        logging.info("%s", summary)
