"""How many images without a head pass as heads."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fetal_biometry.data.negatives import HEAD, KINDS, TRAINING_KINDS
from fetal_biometry.errors import InputError
from fetal_biometry.frames import contents, sizes_of
from fetal_biometry.limits import FlagLimits
from fetal_biometry.measure.biometry import measure
from fetal_biometry.measure.flags import doubts_of, own_limits
from fetal_biometry.model.inference import Predictor, locate_all
from fetal_biometry.terms import LENGTHS, Calliper, Split, Verdict

FIRST_SEED = 100_000  # beyond those that the head-presence classifier is trained on
PASSING = 0.98  # share of labelled heads that pass at the operating point
_PIXEL_MM = 0.15  # a usual one; only in mm is a head small or large


def known_heads(images: pd.DataFrame, seen: list[str]) -> pd.DataFrame:
    """Test images with valid labels of examinations that a model was not trained on, rows of ``work/images.csv``.

    Raises
    ------
    InputError
        Where there is none.
    """
    examinations = images["examination"][contents(images).isin(seen)]
    tests = (images["split"] == Split.TEST) & (images["verdict"] == Verdict.VALID)
    heads = images[tests & ~images["examination"].isin(examinations)]
    if not len(heads):
        raise InputError(
            "negatives: there is no valid test label, of an image that the model was not trained on, beside them."
        )
    return heads


def doubts(found: pd.DataFrame, images: pd.DataFrame, predictor: Predictor, limits: FlagLimits) -> pd.DataFrame:
    """The flags that doubt a head, and how near each image is to one for want of a head.

    ``doubt`` is the largest of: the limit over the confidence, what the height of the head mask lacks over what it
    may lack, and the interval's margin over its limit. 1 and more is flagged.
    """
    calibration = predictor.calibration
    table = measure(found, images, calibration, limits, Calliper.OUTER_TO_OUTER)
    limits = own_limits(limits, calibration)
    margins = [(table[f"{name}_px_high"] - table[f"{name}_px_low"]) / (2 * table[f"{name}_px"]) for name in LENGTHS]
    confidence, height = (found[name].to_numpy(dtype=float) for name in ("confidence", "height"))
    parts = [limits.confidence / np.maximum(confidence, 1e-9), (1.02 - height) / (1.02 - limits.height)]
    parts.append(np.nan_to_num(np.column_stack(margins)).max(axis=1) / limits.interval)
    return pd.DataFrame({"flags": doubts_of(table["flags"]), "doubt": np.fmax.reduce(parts)})


def located_doubts(
    predictor: Predictor, rows: pd.DataFrame, images: list[np.ndarray], limits: FlagLimits
) -> pd.DataFrame:
    """`doubts` of drawn images, ``rows`` as of `negatives.draw_all`, beside their names and kinds."""
    facts = rows.assign(pixel_size_mm=_PIXEL_MM, calibrated_regions="")
    found = locate_all(predictor, list(rows["image_name"]), images, sizes_of(rows))
    return pd.concat([rows[["image_name", "kind"]], doubts(found, facts, predictor, limits)], axis=1)


def summarise(shown: pd.DataFrame, heads: pd.DataFrame) -> dict:
    """What passes as a head, by kind: without a flag, and at the doubt below which `PASSING` of the heads lie."""
    limit = float(np.quantile(heads["doubt"], PASSING))
    of_kind = {kind: _passing(rows, limit) for kind, rows in shown.groupby("kind", sort=False)}
    others = set(KINDS) - set(TRAINING_KINDS)
    return {
        "operating_point": {"heads_passing": PASSING, "doubt": limit},
        "heads": _passing(heads, limit),
        "drawn_heads": of_kind.get(HEAD),
        "negatives": _passing(shown[shown["kind"].isin(KINDS)], limit),
        "held_out_kinds": _passing(shown[shown["kind"].isin(others)], limit),
        "by_kind": {kind: {"trained_on": kind in TRAINING_KINDS, **of_kind[kind]} for kind in KINDS if kind in of_kind},
    }


def _passing(doubted: pd.DataFrame, limit: float) -> dict:
    """How many images, and the shares of them without a flag and with a doubt of ``limit`` at most."""
    unflagged, sure = doubted["flags"] == "", doubted["doubt"] <= limit
    return {"n": len(doubted), "without_a_flag": float(unflagged.mean()), "at_operating_point": float(sure.mean())}
