"""What becomes of labels that the audit does not call valid, before anything trains on them."""

from __future__ import annotations

import numpy as np
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
        out-of-fold networks' landmarks where these were sure of a head within the limits and drops the rest,
        ``teach`` leaves them to the network's own points while it trains.

    Returns
    -------
    DataFrame
        ``image_name``, landmarks, ``weight`` in the loss (0: left out), ``taught`` (0 or 1), ``valid`` (0 or 1).

    Raises
    ------
    InputError
        ``repair`` without out-of-fold landmarks.
    """
    valid = (labels["verdict"] == Verdict.VALID).to_numpy()
    points, weight, taught = points_of(labels).copy(), np.ones(len(labels)), np.zeros(len(labels), dtype=int)
    if settings.policy == "repair":
        if f"{SUGGESTED}confidence" not in labels:
            raise InputError("noisy_labels.policy repair needs out-of-fold networks; set audit_method: out_of_fold.")
        suggested, confidence = points_of(labels, SUGGESTED), labels[f"{SUGGESTED}confidence"].to_numpy(dtype=float)
        sizes = sizes_of(index.loc[labels.index])
        sure = ~valid & sure_heads(suggested, confidence, sizes, settings.repair_confidence, limits)
        points[sure] = suggested[sure]
        weight[~valid & ~sure] = 0
    elif settings.policy in ("drop", "teach"):
        weight[~valid] = 0
        taught[~valid] = settings.policy == "teach"
    table = pd.DataFrame({"image_name": labels.index})
    table[list(COLUMNS)] = points.reshape(-1, 8)
    return table.assign(weight=weight, taught=taught, valid=valid.astype(int))
