"""Everything that is known of a run's images, in one table."""

from __future__ import annotations

import pandas as pd

from fetal_biometry.data.noisy_labels import SUGGESTED
from fetal_biometry.frames import points_of
from fetal_biometry.measure.contradictions import doubt_table
from fetal_biometry.model.geometry import all_lengths
from fetal_biometry.terms import COLUMNS, REFERENCE_COLUMNS, STATED, Split, Verdict

LABEL_FACTS = ("label_source", "origin", "verdict", "reasons")  # text; empty without a label
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
    index, labels, references : DataFrame
        Of all parts: prepared images, audited labels, independent references; None where there are none.
    facts, folds : DataFrame
        Of the plan.

    Returns
    -------
    DataFrame
        Columns of the plan, of prepared images, of labels and of references.
    """
    images = pd.concat([table.assign(split=part if part in set(Split) else "") for part, table in parts.items()])
    images = images[images.index.isin(index.index)].sort_index()
    names = images.index
    for column in ("width_px", "height_px", "calibrated_regions", "calibration_problem"):
        images[column] = index[column].reindex(names)
    images["frame"] = images["frame"].astype("Int64")
    for column in ("pixel_size_mm", *STATED, "gestational_age_weeks"):
        images[column] = facts[column].reindex(names).astype(float)
    known = pd.DataFrame(columns=["image_name"]) if labels is None else labels
    images["split"] = images["split"].where(names.isin(known.index), "")
    fold = pd.Series(dtype=float) if folds is None else folds["fold"]
    images["fold"] = fold.reindex(names).where(names.isin(known.index)).astype("Int64")
    for column in LABEL_FACTS:
        images[column] = known[column].reindex(names).fillna("") if column in known else ""
    suggested = [f"{SUGGESTED}{column}" for column in (*COLUMNS, "confidence")]
    for column in ("score", *COLUMNS, *suggested):
        images[column] = known[column].reindex(names).astype(float) if column in known else float("nan")
    for column, name in zip(COLUMNS, REFERENCE_COLUMNS, strict=True):
        images[name] = float("nan") if references is None else references[column].reindex(names).astype(float)
    return images


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
