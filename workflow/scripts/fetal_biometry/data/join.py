"""Everything that is known of a run's images, in one table."""

from __future__ import annotations

import pandas as pd

from fetal_biometry.data.noisy_labels import SUGGESTED
from fetal_biometry.frames import points_of
from fetal_biometry.measure.contradictions import doubt_table
from fetal_biometry.model.geometry import all_lengths
from fetal_biometry.terms import COLUMNS, REFERENCE_COLUMNS, STATED, Split, Verdict

FACTS = ("pixel_size_mm", *STATED, "gestational_age_weeks")
LABEL_FACTS = ("label_source", "origin", "verdict", "reasons")  # text; empty without a label
LABEL_NUMBERS = ("score", *COLUMNS, *(f"{SUGGESTED}{column}" for column in (*COLUMNS, "confidence")))
SHOWN = 20  # files that are named on the terminal
STATED_HC = 0.05  # share by which a label's HC may differ from the stated one
AUDIT_COLUMNS = ("image_name", "examination", "split", "verdict", "reasons", "score")


def join_images(
    parts: dict[str, pd.DataFrame],
    index: pd.DataFrame,
    facts: pd.DataFrame,
    folds: pd.DataFrame | None,
    labels: pd.DataFrame | None,
    references: pd.DataFrame | None,
) -> pd.DataFrame:
    """One row an image that could be prepared, sorted by name; without a split where its label was refused.

    Parameters
    ----------
    parts : dict
        The plan's image table by part.
    index, facts, folds, labels, references : DataFrame
        Of all parts: prepared images, the plan's facts and folds, audited labels, independent references.
    """
    images = pd.concat([table.assign(split=part if part in set(Split) else "") for part, table in parts.items()])
    images = images[images.index.isin(index.index)].sort_index()
    unlabelled = pd.DataFrame(columns=["image_name"], dtype=str)
    known = (unlabelled if labels is None else labels).reindex(columns=[*LABEL_FACTS, *LABEL_NUMBERS])
    truth = (unlabelled if references is None else references).reindex(columns=list(COLUMNS))
    folds = pd.DataFrame(columns=["fold"]) if folds is None else folds[["fold"]]
    tables = (
        index[["width_px", "height_px", "calibrated_regions", "calibration_problem"]],
        facts[list(FACTS)].astype(float),
        folds.loc[folds.index.isin(known.index)],
        known.astype(dict.fromkeys(LABEL_NUMBERS, float)),
        truth.astype(float).set_axis(REFERENCE_COLUMNS, axis="columns"),
    )
    images = pd.concat([images, *(table.reindex(images.index) for table in tables)], axis="columns")
    images["split"] = images["split"].where(images.index.isin(known.index), "")
    images[list(LABEL_FACTS)] = images[list(LABEL_FACTS)].astype(object).fillna("")
    return images.astype({"frame": "Int64", "fold": "Int64"})


def describe_join(images: pd.DataFrame, quarantine: pd.DataFrame) -> list[str]:
    """What a reader must know of a run's images, a line each: files not measured, a table that is wrong."""
    lines = [f"not measured: {reason}" for reason in quarantine["reason"].head(SHOWN)]
    if len(quarantine):
        lines.append(f"{len(quarantine)} files are not measured; quarantine.csv lists them.")
    valid = images[images["verdict"] == Verdict.VALID]
    hc_px = all_lengths(points_of(valid))[:, 2]
    sizes, stated = (valid[column].to_numpy(dtype=float) for column in ("pixel_size_mm", "reference_hc_mm"))
    if doubt := doubt_table(hc_px, sizes, stated, STATED_HC):
        lines.append(f"the table of pixel sizes, by the valid labels: {doubt}.")
    return lines
