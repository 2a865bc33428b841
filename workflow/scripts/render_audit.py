"""Write the audit's page, and a table of every label for the annotator."""

from collections import Counter

import numpy as np
import pandas as pd
from markupsafe import Markup

from fetal_biometry import job
from fetal_biometry.data.audit import sure_heads
from fetal_biometry.errors import InputError
from fetal_biometry.frames import points_of, read_frame, sizes_of, write_frame
from fetal_biometry.model.geometry import all_lengths
from fetal_biometry.model.landmarks import COLUMNS
from fetal_biometry.report.figures import HEAD_SIZES
from fetal_biometry.report.overlays import DrawnHead, overlay
from fetal_biometry.report.pages import fill_template
from fetal_biometry.report.plots import Figure, Plot
from fetal_biometry.report.statistics import band_names
from fetal_biometry.report.wording import number
from fetal_biometry.tables import as_text

SUSPECTS_SHOWN = 60
DOUBTFUL_SHOWN = 12
BORDERLINE_SHOWN = 6
IMAGE_WIDTH_PX = 420  # a third of the report's: 60 suspects stay below 2 MB
TOP_SCORE = 4.0  # scores beyond it share the histogram's last bar


def audited_rows(manifest: pd.DataFrame, audit: pd.DataFrame, found: pd.DataFrame, limits: dict) -> pd.DataFrame:
    """One row per label: its verdict beside its image and what networks found; suspects first, then doubtful ones.

    Adds ``suggested_`` landmarks and ``confidence`` (NaN without networks), ``sure`` (whether the network's word
    counts, as in `audit.judge_against_heads`) and ``band`` of HC (empty where no millimetres are known).

    Raises
    ------
    InputError
        When nothing is labelled.
    """
    if audit.empty:
        raise InputError(
            "manifest.csv: no image has a label, so there is nothing to audit. Set landmark_table (dataset: "
            "challenge), or dataset: hc18 with its annotation images."
        )
    rows = manifest.loc[audit.index].copy()
    rows[["verdict", "reasons", "score"]] = audit[["verdict", "reasons", "score"]]
    suggested = found.reindex(index=audit.index, columns=[*COLUMNS, "confidence"]).astype(float)
    rows[[f"suggested_{column}" for column in COLUMNS]] = suggested[list(COLUMNS)].to_numpy()
    rows["confidence"] = suggested["confidence"]
    heads = points_of(suggested)
    has_head = np.isfinite(heads).all(axis=(1, 2))
    rows["sure"] = has_head & sure_heads(heads, rows["confidence"], sizes_of(rows), limits["confidence"], limits)
    trusted = np.where(rows["sure"].to_numpy()[:, None, None], heads, points_of(rows))
    measured = all_lengths(trusted)[:, 2] * rows["pixel_size_mm"].to_numpy(dtype=float)
    hc_mm = rows["reference_hc_mm"].astype(float).fillna(pd.Series(measured, rows.index))
    rows["band"] = band_names(hc_mm.to_numpy())
    rows["suspect"] = rows["verdict"] == "suspect"
    rows["doubtful"] = rows["verdict"] == "doubtful"
    order = ["suspect", "doubtful", "score", "image_name"]
    return rows.reset_index(drop=True).sort_values(order, ascending=[False, False, False, True], ignore_index=True)


def annotator_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Every label for the person who put it, with room for a decision and a comment.

    Text that a spreadsheet would take for a formula gets a single quote in front; numbers stay numbers.
    """
    suggested = [f"suggested_{column}" for column in COLUMNS]
    columns = ["image_name", "path", "verdict", "reasons", "score", *COLUMNS, *suggested, "confidence"]
    table = rows[columns].copy()
    for column in ("image_name", "path", "verdict", "reasons"):
        table[column] = table[column].astype(str).map(as_text)
    return table.assign(annotator_decision="", annotator_comment="")


def score_figure(rows: pd.DataFrame) -> Figure:
    """Histogram of the scores, those beyond `TOP_SCORE` in its last bar, with the threshold."""
    bins = np.arange(41) / 40 * TOP_SCORE
    counts, _ = np.histogram(rows["score"].clip(0, TOP_SCORE), bins)
    x_label = f"score ({TOP_SCORE:g} and above in the last bar)"
    plot = Plot((0, TOP_SCORE), (0, 1.14 * counts.max()), x_label, "labels", height=220)
    for low, high, n in zip(bins[:-1], bins[1:], counts, strict=True):
        if n:
            plot.bar(low, high, n, "fill constant" if high <= 1 + 1e-9 else "fill prediction")
    plot.upright(1, "line best", "threshold 1")
    over = int((rows["score"] > 1).sum())
    label = f"Histogram of {len(rows)} scores, median {number(rows['score'].median())}; {over} lie above 1."
    legend = (("circle constant", "sound"), ("circle prediction", "suspect"))
    return Figure("Scores of all labels", plot.svg(label), legend)


def band_table(rows: pd.DataFrame) -> list[dict]:
    """Labels and suspects by band of HC; empty where no label's HC is known in millimetres."""
    if not (rows["band"] != "").any():
        return []
    titles = {**HEAD_SIZES, "": "HC unknown"}
    parts = {title: rows[rows["band"] == band] for band, title in titles.items()}
    return [
        {"title": title, "labels": len(part), "suspect": int(part["suspect"].sum())}
        for title, part in parts.items()
        if len(part)
    ]


def label_overlay(row: dict) -> Markup:
    """The image with the label's two diameters and, where there is one, the head that networks found."""
    frame = pd.DataFrame([row])
    suggested = frame[[f"suggested_{column}" for column in COLUMNS]].set_axis(COLUMNS, axis=1)
    heads = [
        DrawnHead(points_of(suggested)[0], "prediction" if row["sure"] else "prediction unsure"),
        DrawnHead(points_of(frame)[0], "reference", ellipse=False),
    ]
    seen = "its label’s two diameters" + (" and the head that networks found" if heads[0] else "")
    return overlay(row["path"], heads, f"Ultrasound image {row['image_name']} with {seen}", IMAGE_WIDTH_PX)


def gallery(rows: pd.DataFrame) -> list[tuple[str, list[dict]]]:
    """Titled groups of labels drawn on their images: the worst suspects, and the sound ones nearest to being any."""
    suspects = rows[rows["suspect"]]
    shown = suspects.head(SUSPECTS_SHOWN)
    number = f"the worst {len(shown)} of {len(suspects)}" if len(shown) < len(suspects) else "all, worst first"
    groups = {
        f"Suspects, {number}": shown,
        "Doubtful: on the head, but not the ends of its axes": rows[rows["doubtful"]].head(DOUBTFUL_SHOWN),
        "Borderline: the highest scores among sound labels": rows[rows["verdict"] == "sound"].head(BORDERLINE_SHOWN),
    }
    return [
        (title, [{**row, "overlay": label_overlay(row)} for row in part.to_dict("records")])
        for title, part in groups.items()
        if len(part)
    ]


def audit_page(rows: pd.DataFrame, run: str, method: str, limits: dict, annotator: str) -> str:
    """The page as text, of `audited_rows`; annotator is where the page says that the table for the annotator lies."""
    reasons = Counter(reason for text in rows["reasons"] for reason in text.split(";") if reason)
    shown = rows.assign(reasons=[[part for part in text.split(";") if part] for text in rows["reasons"]])
    return fill_template(
        "audit.html.j2",
        run=run,
        method=method,
        limits=limits,
        annotator=annotator,
        rows=shown.to_dict("records"),
        suspect=int(rows["suspect"].sum()),
        doubtful=int(rows["doubtful"].sum()),
        examinations=rows["examination"].nunique(),
        examinations_suspect=rows.loc[rows["suspect"], "examination"].nunique(),
        names_swapped=bool(rows["label_source"].str.contains("swapped").any()),
        networks=bool(rows["confidence"].notna().any()),
        unsure=int((~rows["sure"]).sum()),
        unsure_suspect=int((~rows["sure"] & rows["suspect"]).sum()),
        reasons=dict(reasons.most_common()),
        bands=band_table(rows),
        score_figure=score_figure(rows),
        gallery=gallery(shown),
    )


if __name__ == "__main__":
    with job.start(snakemake):
        source, params, output = snakemake.input, snakemake.params, snakemake.output
        rows = audited_rows(*map(read_frame, (source.manifest, source.audit, source.found)), params.limits)
        write_frame(annotator_table(rows), output.annotator)
        page = audit_page(rows, params.run, params.method, params.limits, output.annotator)
        with job.atomic_path(output.html) as temporary:
            temporary.write_text(page, encoding="utf-8")
