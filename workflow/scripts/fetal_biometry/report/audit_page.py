"""The audit's page, and a table of every label for the person who annotates."""

from collections import Counter

import numpy as np
import pandas as pd
from markupsafe import Markup

from fetal_biometry.data.audit import sure_heads
from fetal_biometry.errors import InputError
from fetal_biometry.frames import points_of, sizes_of
from fetal_biometry.limits import ReviewLimits
from fetal_biometry.measure.head_size import band_names
from fetal_biometry.model.geometry import all_lengths
from fetal_biometry.report.figures import score_figure
from fetal_biometry.report.overlays import image_of, is_drawn, overlay
from fetal_biometry.report.page_tables import Block, Cell, Table
from fetal_biometry.report.pages import fill_template
from fetal_biometry.report.wording import HEAD_SIZES, count, percent
from fetal_biometry.tables import as_text
from fetal_biometry.terms import COLUMNS, Verdict

INVALID_SHOWN, QUESTIONABLE_SHOWN, BORDERLINE_SHOWN = 60, 12, 6
IMAGE_WIDTH_PX = 420  # a third of the report's: 60 images stay below 2 MB
SUGGESTED = tuple(f"suggested_{column}" for column in COLUMNS)


def audited_rows(images: pd.DataFrame, limits: ReviewLimits) -> pd.DataFrame:
    """The labelled rows of images.csv: invalid labels first, then questionable ones, the highest score first.

    Adds ``sure`` (whether out-of-fold networks are sure of their head, see `audit.sure_heads`), ``band`` of HC (empty
    where no HC in mm is known), ``invalid`` and ``questionable``.

    Raises
    ------
    InputError
        When nothing is labelled.
    """
    rows = images[images["label_source"] != ""].reset_index(drop=True)
    if rows.empty:
        raise InputError(
            "no image has a label, so there is nothing to audit; set landmark_table (dataset: challenge), or dataset: "
            "hc18 with its annotation images."
        )
    heads, confidence = points_of(rows, "suggested_"), rows["suggested_confidence"]
    sure = sure_heads(heads, confidence, sizes_of(rows), limits.audit_networks.confidence, limits.audit)
    rows["sure"] = np.isfinite(heads).all(axis=(1, 2)) & sure
    trusted = np.where(rows["sure"].to_numpy()[:, None, None], heads, points_of(rows))
    measured = all_lengths(trusted)[:, 2] * rows["pixel_size_mm"].to_numpy(dtype=float)
    rows["band"] = band_names(rows["reference_hc_mm"].astype(float).fillna(pd.Series(measured)).to_numpy())
    rows["invalid"], rows["questionable"] = (rows["verdict"] == v for v in (Verdict.INVALID, Verdict.QUESTIONABLE))
    order = ["invalid", "questionable", "score", "image_name"]
    return rows.sort_values(order, ascending=[False, False, False, True], ignore_index=True)


def annotator_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Every label, with empty columns for a decision and a comment.

    Text that a spreadsheet would take for a formula gets a single quote in front; numbers stay numbers.
    """
    text = ["image_name", "path", "verdict", "reasons"]
    table = rows[[*text, "score", *COLUMNS, *SUGGESTED, "suggested_confidence"]].copy()
    for column in text:
        table[column] = table[column].astype(str).map(as_text)
    return table.assign(annotator_decision="", annotator_comment="")


def audit_tables(rows: pd.DataFrame) -> list[Table]:
    """Verdicts, reasons and, where an HC in mm is known, invalid labels by head size."""
    invalid, unsure = rows["invalid"], ~rows["sure"]
    counts = {verdict.capitalize(): count((rows["verdict"] == verdict).sum()) for verdict in Verdict}
    every, touched = (part["examination"].nunique() for part in (rows, rows[invalid]))
    counts["Examinations with an invalid label"] = f"{count(touched)} of {count(every)}"
    if rows["suggested_confidence"].notna().any():
        counts["Networks not sure"] = f"{count(unsure.sum())}, {count((unsure & invalid).sum())} of them invalid"
    reasons = Counter(reason for text in rows["reasons"] for reason in text.split(";") if reason)
    by_reason = {reason: count(n) for reason, n in reasons.most_common()}
    tables = [_counts("verdicts", "Verdict", counts), _counts("reasons", "Reason", by_reason)]
    if (rows["band"] != "").any():
        parts = {title: rows[rows["band"] == band] for band, title in {**HEAD_SIZES, "": "HC unknown"}.items()}
        lines = [
            (title, [Cell(f"{part['invalid'].sum()} of {len(part)}"), Cell(percent(part["invalid"].mean()))])
            for title, part in parts.items()
            if len(part)
        ]
        tables.append(Table("bands", "By head size", ["Head size", "Invalid labels", "Share"], [Block(lines)]))
    return [table for table in tables if table.blocks[0].rows]


def _counts(name: str, heading: str, counts: dict[str, str]) -> Table:
    return Table(name, heading, [heading, "Labels"], [Block([(text, [Cell(said)]) for text, said in counts.items()])])


def label_overlay(row: dict) -> Markup:
    """The image with the label's two diameters and, where there is one, the head that networks found."""
    frame = pd.DataFrame([row])
    found = points_of(frame, "suggested_")[0]
    heads = {"prediction" if row["sure"] else "prediction unsure": found, "reference diameters": points_of(frame)[0]}
    seen = "its label’s two diameters" + (" and the head that networks found" if is_drawn(found) else "")
    return overlay(image_of(row), heads, f"Ultrasound image {row['image_name']} with {seen}", IMAGE_WIDTH_PX)


def gallery(rows: pd.DataFrame) -> list[tuple[str, str, list[dict]]]:
    """Groups of labels drawn on their images, each with a name and a title."""
    invalid = rows[rows["invalid"]]
    shown = invalid.head(INVALID_SHOWN)
    extent = f"the {len(shown)} of {len(invalid)} with the highest scores" if len(shown) < len(invalid) else "all"
    groups = (
        ("invalid", f"Invalid, {extent}", shown),
        ("questionable", "Questionable", rows[rows["questionable"]].head(QUESTIONABLE_SHOWN)),
        ("borderline", "Valid, the highest scores", rows[rows["verdict"] == Verdict.VALID].head(BORDERLINE_SHOWN)),
    )
    return [
        (name, title, [{**row, "overlay": label_overlay(row)} for row in part.to_dict("records")])
        for name, title, part in groups
        if len(part)
    ]


def audit_page(rows: pd.DataFrame, run: str, method: str, limits: ReviewLimits, annotator: str) -> str:
    """The page as text, of `audited_rows`; ``annotator`` is the path of the `annotator_table` to name."""
    shown = rows.assign(reasons=[[part for part in text.split(";") if part] for text in rows["reasons"]])
    return fill_template(
        "audit.html.j2",
        run=run,
        method=method,
        limits=limits,
        annotator=annotator,
        rows=shown.to_dict("records"),
        invalid=int(rows["invalid"].sum()),
        questionable=int(rows["questionable"].sum()),
        names_swapped=bool(rows["label_source"].str.contains("swapped").any()),
        networks=bool(rows["suggested_confidence"].notna().any()),
        reasons=sorted({reason for reasons in shown["reasons"] for reason in reasons}),
        tables=audit_tables(rows),
        score_figure=score_figure(rows["score"]),
        gallery=gallery(shown),
    )
