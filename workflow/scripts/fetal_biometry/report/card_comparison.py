"""A rebuilt model's figures on the test images beside those of the pretrained model."""

import pandas as pd

from fetal_biometry.errors import InputError
from fetal_biometry.terms import LENGTHS

FIGURES = (
    "mae", "bias", "relative_loa_low", "relative_loa_high", "over_10_percent", "unflagged_over_10_percent", "coverage",
)  # fmt: skip


def compare_to_card(rebuilt: dict, pretrained: dict) -> pd.DataFrame:
    """One row a figure: the pretrained model's value with its 95 % interval, and the rebuilt one's.

    Takes two metrics.json. The first row is the number of images.

    Raises
    ------
    InputError
        Where one of the two has no test image.
    """
    if not all("all" in metrics["splits"].get("test", {}) for metrics in (rebuilt, pretrained)):
        raise InputError("no labelled test image to compare on; use the dataset that the model card names.")
    theirs, ours = (metrics["splits"]["test"]["all"] for metrics in (pretrained, rebuilt))
    rows = [["all", "n", theirs["n"], None, None, ours["n"]]]
    for length in LENGTHS:
        their, our = ({**group["endpoint"].get(length, {}), **group[length]} for group in (theirs, ours))
        for figure in (*FIGURES, "nme"):
            if their.get(figure) is not None:
                ends = [their.get(f"{figure}_{end}") for end in ("low", "high")]
                rows.append([length, figure, their[figure], *ends, our[figure]])
    columns = ["length", "figure", "pretrained", "pretrained_low", "pretrained_high", "rebuilt"]
    return pd.DataFrame(rows, columns=columns)
