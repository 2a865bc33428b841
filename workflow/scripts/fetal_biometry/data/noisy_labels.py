"""What becomes of labels that the audit does not call valid, before anything trains on them."""

from __future__ import annotations

import pandas as pd

from fetal_biometry.data.audit import sure_heads
from fetal_biometry.errors import InputError
from fetal_biometry.frames import points_of, sizes_of
from fetal_biometry.limits import AuditLimits
from fetal_biometry.recipe import NoisyLabels
from fetal_biometry.terms import COLUMNS, Verdict

SUGGESTED = "suggested_"  # with which the columns of out-of-fold networks' landmarks begin


def training_labels(
    labels: pd.DataFrame, index: pd.DataFrame, settings: NoisyLabels, limits: AuditLimits
) -> pd.DataFrame:
    """The labels that a recipe trains on.

    Parameters
    ----------
    labels : DataFrame
        Audited ones of one part; with ``suggested_`` landmarks and ``suggested_confidence`` where networks audited.
    index : DataFrame
        ``work/prepared/<part>.csv``.
    settings : NoisyLabels
        ``drop`` leaves labels that are not valid out, ``keep`` takes them as they are, ``repair`` takes the
        out-of-fold networks' landmarks where these were sure of a head within the limits and drops the rest.

    Returns
    -------
    DataFrame
        ``image_name``, landmarks, ``trains`` and ``valid`` (0 or 1).

    Raises
    ------
    InputError
        ``repair`` without out-of-fold landmarks.
    """
    valid = (labels["verdict"] == Verdict.VALID).to_numpy()
    points, trains = points_of(labels).copy(), valid.copy()
    if settings.policy == "repair":
        if f"{SUGGESTED}confidence" not in labels:
            raise InputError("noisy_labels.policy repair needs out-of-fold networks; set audit_method: out_of_fold.")
        suggested, confidence = points_of(labels, SUGGESTED), labels[f"{SUGGESTED}confidence"].to_numpy(dtype=float)
        sizes = sizes_of(index.loc[labels.index])
        sure = ~valid & sure_heads(suggested, confidence, sizes, settings.repair_confidence, limits)
        points[sure] = suggested[sure]
        trains |= sure
    elif settings.policy == "keep":
        trains[:] = True
    table = pd.DataFrame({"image_name": labels.index})
    table[list(COLUMNS)] = points.reshape(-1, 8)
    return table.assign(trains=trains.astype(int), valid=valid.astype(int))
