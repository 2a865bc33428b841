"""How many images without a head pass as heads."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fetal_biometry.data.negatives import HEAD, KINDS, TRAINING_KINDS
from fetal_biometry.errors import InputError
from fetal_biometry.frames import contents, sizes_of
from fetal_biometry.limits import FlagLimits
from fetal_biometry.measure.biometry import measure
from fetal_biometry.measure.flags import doubts_of
from fetal_biometry.model.inference import Predictor, locate_all
from fetal_biometry.terms import Calliper, Split, Verdict

FIRST_SEED = 100_000  # beyond those that the head-presence classifier is trained on
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
            "negatives: no valid test label, of an image that the model was not trained on, to compare with; give a "
            "dataset that has one."
        )
    return heads


def doubts(found: pd.DataFrame, images: pd.DataFrame, predictor: Predictor, limits: FlagLimits) -> pd.DataFrame:
    """The flags that doubt each head, and whether it has lengths."""
    table = measure(found, images, predictor.calibration, limits, Calliper.OUTER_TO_OUTER)
    return pd.DataFrame({"flags": doubts_of(table["flags"]), "measured": table["bpd_px"].notna().astype(int)})


def located_doubts(
    predictor: Predictor, rows: pd.DataFrame, images: list[np.ndarray], limits: FlagLimits
) -> pd.DataFrame:
    """`doubts` of drawn images, ``rows`` as of `negatives.draw_all`, beside their names and kinds."""
    facts = rows.assign(pixel_size_mm=_PIXEL_MM, calibrated_regions="")
    found = locate_all(predictor, list(rows["image_name"]), images, sizes_of(rows))
    return pd.concat([rows[["image_name", "kind"]], doubts(found, facts, predictor, limits)], axis=1)


def summarise(shown: pd.DataFrame, heads: pd.DataFrame) -> dict:
    """What passes as a head without a flag, and what has lengths, by kind."""
    of_kind = {kind: _passing(rows) for kind, rows in shown.groupby("kind", sort=False)}
    others = set(KINDS) - set(TRAINING_KINDS)
    return {
        "heads": _passing(heads),
        "drawn_heads": of_kind.get(HEAD),
        "negatives": _passing(shown[shown["kind"].isin(KINDS)]),
        "held_out_kinds": _passing(shown[shown["kind"].isin(others)]),
        "by_kind": {kind: {"trained_on": kind in TRAINING_KINDS, **of_kind[kind]} for kind in KINDS if kind in of_kind},
    }


def _passing(doubted: pd.DataFrame) -> dict:
    """How many images, and the shares of them without a flag and with lengths."""
    unflagged, measured = doubted["flags"] == "", doubted["measured"] == 1
    return {"n": len(doubted), "without_a_flag": float(unflagged.mean()), "with_lengths": float(measured.mean())}
