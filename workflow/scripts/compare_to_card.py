"""How a rebuilt model's figures on the test images compare with those of the shipped one."""

import json
from pathlib import Path

import pandas as pd

from fetal_biometry import job
from fetal_biometry.errors import InputError
from fetal_biometry.frames import write_frame
from fetal_biometry.model.geometry import LENGTHS

FIGURES = (
    "mae", "bias", "relative_loa_low", "relative_loa_high", "over_10_percent", "unflagged_over_10_percent", "coverage",
)  # fmt: skip


def compare(rebuilt: dict, shipped: dict) -> pd.DataFrame:
    """One row a figure: the shipped value with its 95 % interval, and the rebuilt one.

    The first tells on how many images.
    """
    judged = [metrics["splits"]["test"]["all"] for metrics in (shipped, rebuilt)]
    rows = [["all", "n", judged[0]["n"], None, None, judged[1]["n"]]]
    for length in LENGTHS:
        theirs, ours = ({**group["endpoint"].get(length, {}), **group[length]} for group in judged)
        for figure in (*FIGURES, "nme"):
            if theirs.get(figure) is not None:
                ends = [theirs.get(f"{figure}_{end}") for end in ("low", "high")]
                rows.append([length, figure, theirs[figure], *ends, ours[figure]])
    columns = ["length", "figure", "shipped", "shipped_low", "shipped_high", "rebuilt"]
    return pd.DataFrame(rows, columns=columns)


if __name__ == "__main__":
    with job.start(snakemake):
        rebuilt, shipped = (
            json.loads(Path(path).read_text(encoding="utf-8"))
            for path in (snakemake.input.metrics, snakemake.input.shipped)
        )
        if not all("all" in metrics["splits"].get("test", {}) for metrics in (rebuilt, shipped)):
            raise InputError("no labelled test image to compare on; use the dataset that the model card names.")
        table = compare(rebuilt, shipped)
        write_frame(table, snakemake.output.table)
        print(table.round(3).to_string(index=False, na_rep=""), flush=True)
