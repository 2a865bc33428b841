"""The report of a run: one self-contained HTML page made from its tables, metrics and images."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from importlib import metadata

import numpy as np
import pandas as pd
from markupsafe import Markup

from fetal_biometry.frames import points_of
from fetal_biometry.measure.flags import FLAGS, doubts_of
from fetal_biometry.measure.growth import CHARTS, centile_chart
from fetal_biometry.measure.head_size import band_names
from fetal_biometry.measure.lengths import reported_lengths
from fetal_biometry.model.geometry import all_lengths
from fetal_biometry.report import figures
from fetal_biometry.report.overlays import image_of, overlay
from fetal_biometry.report.pages import fill_template
from fetal_biometry.report.section import Run
from fetal_biometry.report.sections import report_sections, summary_table
from fetal_biometry.report.sentences import WONG, facts, notices, result
from fetal_biometry.report.wording import LENGTH_NAMES, percent
from fetal_biometry.terms import COLUMNS, LENGTHS, Split, Verdict

GROWTH_COLUMNS = (  # a column, its heading, what stands small below it (of centiles their chart's name), decimals
    ("cephalic_index", "Cephalic index", "BPD over OFD", 2),
    ("age_weeks_hc", "Age by HC", "weeks", 1),
    ("age_weeks_bpd", "Age by BPD", "weeks", 1),
    *((f"{length}_centile", f"{length.upper()} centile", "", 1) for length in ("hc", "bpd", "ofd")),
)
PACKAGES = ("torch", "onnxruntime", "opencv-python-headless", "numpy", "pandas", "pydicom", "snakemake")


@dataclass(frozen=True)
class ReportInputs:
    """What a report is made from; the tables have the columns of the run's csv files.

    ``history`` is None for a given model, ``comparison`` where none was asked for. Image paths are absolute or start at
    the working directory. ``overlays`` are addresses of overlay files, seen from the page, by image name.
    """

    run: str
    recipe: str
    images: pd.DataFrame
    predictions: pd.DataFrame
    errors: pd.DataFrame
    quarantine: pd.DataFrame
    metrics: dict
    history: pd.DataFrame | None = None
    comparison: pd.DataFrame | None = None
    settings: dict = field(default_factory=dict)
    versions: dict = field(default_factory=dict)
    overlays: dict[str, str] = field(default_factory=dict)


def installed_versions() -> dict[str, str]:
    """Versions of the packages that a result can depend on, where installed, without importing them."""
    installed = {dist.metadata["Name"].lower() for dist in metadata.distributions()}
    return {name: metadata.version(name) for name in PACKAGES if name in installed}


def render_report(inputs: ReportInputs) -> str:
    """The page of a run with labels, as text.

    Raises
    ------
    InputError
        When an image that it shows cannot be read.
    """
    rows, metrics = measured_rows(inputs), inputs.metrics
    shared = table_values(inputs, rows)
    judged = rows[(rows["split"] == Split.TEST) & (rows["verdict"] == Verdict.VALID)]
    headline = metrics["splits"].get("test", {}).get("all")
    known = Run(inputs, rows, judged)
    to_check = sum(map(bool, doubts_of(rows["flags"].str.join(";"))))
    chart = inputs.settings.get("growth_chart", "none")
    drawn = headline and judged["hc_error"].notna().any()
    return fill_template(
        "report.html.j2",
        **shared,
        result=result(metrics),
        facts=facts(metrics, to_check, len(inputs.quarantine)),
        notices=notices(metrics, shared["shown_unit"]),
        summary_table=summary_table(known),
        agreement=figures.bland_altman(judged, "hc", headline["hc"], known.unit) if drawn else None,
        worst=with_overlays(by_hc_error(judged).tail(3)[::-1]),
        gallery=gallery(rows, judged),
        sections=report_sections(known),
        digest=content_digest(inputs.images),
        unit=known.unit,
        wong=WONG,
        chart=CHARTS.get(chart),
        centiles=centile_chart(chart) if chart in CHARTS else None,
    )


def table_values(inputs: ReportInputs, rows: pd.DataFrame) -> dict:
    """What the table of all images is filled with."""
    metrics = inputs.metrics
    return {
        "inputs": inputs,
        "metrics": metrics,
        "labels": metrics["labels"],
        "model": metrics["model"],
        "level": percent(metrics["model"]["interval_level"]),
        "lengths": LENGTH_NAMES,
        "shown_unit": "mm" if (rows["unit"] == "mm").any() else "px",
        "rows": rows.to_dict("records"),
        "growth": growth_columns(rows, inputs.settings.get("growth_chart", "none")),
        "in_folder": any(not address.startswith("data:") for address in inputs.overlays.values()),
        "whole_frames": bool(inputs.overlays) and inputs.settings.get("show_whole_frames", False),
        "flags": sorted({flag for flags in rows["flags"] for flag in flags}),
        "flag_meanings": {flag.name: flag.meaning for flag in FLAGS},
    }


def growth_columns(rows: pd.DataFrame, name: str) -> list[tuple]:
    """The columns of ages and centiles that hold something, each with heading, what stands small below, decimals."""
    if name == "none":
        return []
    chart = centile_chart(name).name
    return [
        (column, heading, small or chart, digits)
        for column, heading, small, digits in GROWTH_COLUMNS
        if column in rows and rows[column].notna().any()
    ]


def measured_rows(inputs: ReportInputs) -> pd.DataFrame:
    """One row per measured image: its prediction, label, split, verdict and errors.

    For each length L, L_shown, L_low, L_high and L_label are in the row's unit: mm where its pixel size is known, else
    px. L_error (prediction minus label) and L_mean of the two are in the unit of the metrics; L_relative is the error
    over the label.
    """
    predictions, images = (table.reset_index(drop=True) for table in (inputs.predictions, inputs.images))
    images = images.rename(columns={column: f"label_{column}" for column in COLUMNS})
    rows = predictions.merge(images, on="image_name", suffixes=("", "_label"), validate="one_to_one")
    rows["labelled"] = rows[[f"label_{column}" for column in COLUMNS]].notna().all(axis=1)
    if "split" in inputs.errors:  # there with images that a given model was trained on
        rows["split"] = inputs.errors["split"].reindex(rows["image_name"]).to_numpy()
    text = ["verdict", "reasons", "split"]
    rows[text] = rows[text].astype(object).fillna("")
    for column in ("flags", "reasons"):
        rows[column] = [[part for part in text.split(";") if part] for text in rows[column]]
    rows = _with_lengths(rows, inputs.metrics)
    hc_mm = rows["reference_hc_mm"].fillna(rows["hc_label"].where(rows["unit"] == "mm"))
    rows["band"] = band_names(hc_mm.to_numpy(dtype=float))
    return rows.sort_values("image_name", kind="stable", ignore_index=True)


def _with_lengths(rows: pd.DataFrame, metrics: dict) -> pd.DataFrame:
    """The rows with lengths of prediction and label, and their differences, see `measured_rows`."""
    pixel_size, in_mm = rows[["pixel_width_mm", "pixel_height_mm"]].to_numpy(dtype=float), metrics["unit"] == "mm"
    points = points_of(rows, "label_")
    labels = reported_lengths(points, pixel_size, metrics["calliper"])
    judged_labels = labels if in_mm else all_lengths(points)
    rows = rows.assign(unit=np.where(np.isfinite(pixel_size[:, 0]), "mm", "px"))
    for i, length in enumerate(LENGTHS):
        for end, shown in (("", "shown"), ("_low", "low"), ("_high", "high")):
            rows[f"{length}_{shown}"] = rows[f"{length}_mm{end}"].fillna(rows[f"{length}_px{end}"])
        rows[f"{length}_label"] = labels[:, i]
        judged, truth = rows[f"{length}_shown" if in_mm else f"{length}_px"], judged_labels[:, i]
        rows[f"{length}_error"], rows[f"{length}_mean"] = judged - truth, (judged + truth) / 2
        rows[f"{length}_relative"] = judged / truth - 1
    return rows


def content_digest(images: pd.DataFrame) -> str:
    """Twelve hex digits that change when any image of the run changes."""
    return hashlib.sha256("\n".join(sorted(images["sha256"])).encode()).hexdigest()[:12]


def by_hc_error(judged: pd.DataFrame) -> pd.DataFrame:
    """Judged images, the smallest relative HC error first."""
    judged = judged[judged["hc_relative"].notna()]
    return judged.iloc[np.argsort(judged["hc_relative"].abs().to_numpy(), kind="stable")]


def gallery(rows: pd.DataFrame, judged: pd.DataFrame) -> list[tuple[str, list[dict]]]:
    """Titled groups of overlays: test images with the median HC error, and an invalid label for each reason."""
    judged = by_hc_error(judged)
    middle = max((len(judged) - 3) // 2, 0)
    invalid = rows[rows["verdict"] == Verdict.INVALID]
    repeated = invalid["reasons"].str[0].fillna("").duplicated()
    groups = {
        "Median HC error": judged.iloc[middle : middle + 3],
        "Invalid labels, one for each reason": invalid[~repeated].head(6),
    }
    return [(title, with_overlays(part)) for title, part in groups.items() if len(part)]


def with_overlays(rows: pd.DataFrame) -> list[dict]:
    """Rows as dicts, each with its ``overlay`` and the ``address`` of its row."""
    return [
        {**row, "overlay": prediction_overlay(row), "address": figures.row_address(row["image_name"])}
        for row in rows.to_dict("records")
    ]


def prediction_overlay(row: dict) -> Markup:
    """The image of a measured row with the predicted head and, where it has one, its label's."""
    frame = pd.DataFrame([row])
    prefixes = {"prediction": "", "reference": "label_", "second": "second_"}
    heads = {style: points_of(frame, prefix)[0] for style, prefix in prefixes.items()}
    drawn = "prediction and label" if row["labelled"] else "prediction"
    text = f"Ultrasound image {row['image_name']} with the head ellipse and its two axes: {drawn}"
    return overlay(image_of(row), heads, text)
