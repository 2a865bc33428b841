"""The report of a run: one self-contained HTML page made from its tables, metrics and images."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from importlib import metadata

import numpy as np
import pandas as pd
from markupsafe import Markup

from fetal_biometry.frames import points_of
from fetal_biometry.measure import growth
from fetal_biometry.measure.flags import FLAGS, doubts_of
from fetal_biometry.measure.growth import CHARTS
from fetal_biometry.measure.head_size import band_names
from fetal_biometry.measure.lengths import reported_lengths
from fetal_biometry.model.geometry import all_lengths
from fetal_biometry.report import figures
from fetal_biometry.report.comparison_figures import recipes_figure
from fetal_biometry.report.figures import HEAD_SIZES, LENGTHS
from fetal_biometry.report.overlays import DrawnHead, image_of, overlay
from fetal_biometry.report.pages import fill_template, flatten
from fetal_biometry.report.wording import percent
from fetal_biometry.terms import COLUMNS, SEEN, Split, Verdict
from fetal_biometry.terms import LENGTHS as LENGTH_ORDER

GROUPS = {"all": "all valid labels", **HEAD_SIZES, "with_invalid": "all labels"}
KINDS = {  # of images: a title, and the decimals of its numbers
    "pixel_size_mm": ("Pixel size, mm", 3),
    "contrast": ("Contrast", 2),
    "head_share": ("OFD over the image’s height", 2),
    "direction_deg": ("Direction of the OFD, degrees from the horizontal", 0),
    "cephalic_index": ("Cephalic index, BPD over OFD", 2),
}
GROWTH_COLUMNS = (  # a column, its heading, what stands small below it (of centiles their chart's name), decimals
    ("cephalic_index", "Cephalic index", "BPD over OFD", 2),
    ("age_weeks_hc", "Age by HC", "weeks", 1),
    ("age_weeks_bpd", "Age by BPD", "weeks", 1),
    *((f"{length}_centile", f"{length.upper()} centile", "", 1) for length in ("hc", "bpd", "ofd")),
)
NOISY_LABELS = {  # what training did with labels that are not valid, by policy
    None: "",
    "drop": "Training left them out.",
    "keep": "Training took them as they are.",
    "repair": "Training replaced them by confident points of out-of-fold networks, and left out the rest.",
    "teach": "Training replaced them by confident points of the network itself.",
}
WONG = "BPDoo = 0.5559 + 1.0273 BPDoi"  # in mm
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
    """The page as text."""
    rows, metrics, unit = measured_rows(inputs), inputs.metrics, inputs.metrics["unit"]
    model, test = metrics["model"], metrics["splits"].get("test", {})
    test_rows = rows[(rows["split"] == Split.TEST) & (rows["verdict"] == Verdict.VALID)]
    shown_unit = "mm" if (rows["unit"] == "mm").any() else "px"
    reference = metrics["reference"] or {"model": {}, "labels": {}}
    comparison = inputs.comparison
    return fill_template(
        "report.html.j2",
        inputs=inputs,
        metrics=metrics,
        unit=unit,
        shown_unit=shown_unit,
        lengths=LENGTHS,
        groups=GROUPS,
        labels=metrics["labels"],
        model=model,
        recipe=inputs.settings.get("recipe_values"),
        external=model["kind"] == "external",
        out_of_fold=model["calibrate_on"] == "out_of_fold",
        level=percent(model["interval_level"]),
        test=test,
        headline=test.get("all"),
        reference=reference,
        independent=reference["model"].get("all"),
        noisy_policy=NOISY_LABELS[model["noisy_labels"]],
        wong=WONG,
        rows=rows.to_dict("records"),
        to_check=sum(map(bool, doubts_of(rows["flags"].str.join(";")))),
        measured=measured_summary(rows[rows["unit"] == shown_unit]),
        split_table=split_table(rows),
        examinations_shared=examinations_shared(rows),
        settings=flatten(inputs.settings),
        digest=content_digest(inputs.images),
        quarantined=inputs.quarantine.to_dict("records"),
        **_growth(rows, inputs.settings.get("growth_chart", "none")),
        flags=sorted({flag for flags in rows["flags"] for flag in flags}),
        flag_meanings={flag.name: flag.meaning for flag in FLAGS},
        image_kinds=KINDS,
        comparison=None if comparison is None else comparison.to_dict("records"),
        **_figures(inputs, rows, test_rows, reference),
        gallery=gallery(rows, test_rows),
    )


def _growth(rows: pd.DataFrame, name: str) -> dict:
    """What the page says of gestational ages and centiles: the columns that hold something, and the charts."""
    if name == "none":
        return {"growth": [], "chart": None, "centile_chart": None}
    chart, centile_chart = CHARTS[name], growth.centile_chart(name)
    columns = [
        (column, heading, small or centile_chart.name, digits)
        for column, heading, small, digits in GROWTH_COLUMNS
        if column in rows and rows[column].notna().any()
    ]
    return {"growth": columns, "chart": chart, "centile_chart": centile_chart}


def _figures(inputs: ReportInputs, rows: pd.DataFrame, test_rows: pd.DataFrame, reference: dict) -> dict:
    """The page's figures by name."""
    metrics, comparison, unit = inputs.metrics, inputs.comparison, inputs.metrics["unit"]
    test = metrics["splits"].get("test", {})
    return {
        "recipes_figure": None if comparison is None else recipes_figure(comparison, unit),
        "training_figures": figures.training_figures(inputs.history, metrics),
        "error_figures": figures.error_figures(test_rows, test.get("all"), unit),
        "agreement_figures": figures.agreement_figures(test_rows, test.get("all"), unit),
        "head_size_figure": figures.head_size_figure(test, unit),
        "reference_figure": figures.reference_figure(reference, unit),
        "confidence_figure": figures.confidence_figure(rows),
    }


def measured_rows(inputs: ReportInputs) -> pd.DataFrame:
    """One row per measured image: its prediction, label, split, verdict and errors.

    For each length L, L_shown, L_low, L_high and L_label are in the row's unit: mm where its pixel size is known, else
    px. L_error (prediction minus label) and L_mean of the two are in the unit of the metrics; L_relative is the error
    over the label.
    """
    predictions, images = (table.reset_index(drop=True) for table in (inputs.predictions, inputs.images))
    rows = predictions.merge(images, on="image_name", suffixes=("", "_label"), validate="one_to_one")
    rows["labelled"] = rows[[f"{column}_label" for column in COLUMNS]].notna().all(axis=1)
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
    labels = reported_lengths(label_points(rows), pixel_size, metrics["calliper"])
    judged_labels = labels if in_mm else all_lengths(label_points(rows))
    rows = rows.assign(unit=np.where(np.isfinite(pixel_size[:, 0]), "mm", "px"))
    for i, length in enumerate(LENGTH_ORDER):
        for end, shown in (("", "shown"), ("_low", "low"), ("_high", "high")):
            rows[f"{length}_{shown}"] = rows[f"{length}_mm{end}"].fillna(rows[f"{length}_px{end}"])
        rows[f"{length}_label"] = labels[:, i]
        judged, truth = rows[f"{length}_shown" if in_mm else f"{length}_px"], judged_labels[:, i]
        rows[f"{length}_error"], rows[f"{length}_mean"] = judged - truth, (judged + truth) / 2
        rows[f"{length}_relative"] = judged / truth - 1
    return rows


def label_points(rows: pd.DataFrame) -> np.ndarray:
    """Label landmarks (n, 4, 2) of measured rows in original pixels; NaN where a row has none."""
    return points_of(rows[[f"{column}_label" for column in COLUMNS]].set_axis(COLUMNS, axis=1))


def measured_summary(rows: pd.DataFrame) -> dict[str, tuple[float, float, float]]:
    """Median, smallest and largest of each length."""
    shown = {length: rows[f"{length}_shown"] for length in LENGTHS}
    return {length: (values.median(), values.min(), values.max()) for length, values in shown.items()}


def split_table(rows: pd.DataFrame) -> list[dict]:
    """Images, examinations and verdicts of each split, unlabelled images last."""
    table = []
    for name in (*Split, SEEN, ""):
        part = rows[rows["split"] == name]
        if len(part):
            counts = {str(verdict): int((part["verdict"] == verdict).sum()) for verdict in Verdict}
            facts = {"images": len(part), "examinations": part["examination"].nunique()}
            table.append({"split": name or "not in a split", **facts, **counts})
    return table


def examinations_shared(rows: pd.DataFrame) -> int:
    """Number of examinations with images in more than one split."""
    in_split = rows[rows["split"] != ""]
    pairs = in_split[["examination", "split"]].drop_duplicates()
    return int((pairs["examination"].value_counts() > 1).sum())


def content_digest(images: pd.DataFrame) -> str:
    """Twelve hex digits that change when any image of the run changes."""
    return hashlib.sha256("\n".join(sorted(images["sha256"])).encode()).hexdigest()[:12]


def gallery(rows: pd.DataFrame, test_rows: pd.DataFrame) -> list[tuple[str, list[dict]]]:
    """Titled groups of overlays: best, median and worst test images, invalid labels; or the least confident images."""
    judged = test_rows[test_rows["hc_relative"].notna()]
    judged = judged.iloc[np.argsort(judged["hc_relative"].abs().to_numpy(), kind="stable")]
    if judged.empty:
        groups = {"Lowest confidence": rows.sort_values("confidence", kind="stable").head(12)}
    else:
        size = min(3, len(judged))
        middle = (len(judged) - size) // 2
        groups = {
            "Smallest HC error": judged.head(size),
            "Median HC error": judged.iloc[middle : middle + size],
            "Largest HC error": judged.tail(size).iloc[::-1],
        }
        invalid = rows[rows["verdict"] == Verdict.INVALID]
        if len(invalid):
            repeated = invalid["reasons"].str[0].fillna("").duplicated()
            groups["Invalid labels, one for each reason"] = invalid[~repeated].head(6)
    return [
        (title, [{**row, "overlay": prediction_overlay(row)} for row in part.to_dict("records")])
        for title, part in groups.items()
    ]


def prediction_overlay(row: dict) -> Markup:
    """The image of a measured row with the predicted head and, where it has one, its label's."""
    frame = pd.DataFrame([row])
    heads = {"prediction": DrawnHead(points_of(frame)[0], "prediction")}
    if row["labelled"]:
        heads["label"] = DrawnHead(label_points(frame)[0], "reference")
    text = f"Ultrasound image {row['image_name']} with the head ellipse and its two axes: {' and '.join(heads)}"
    return overlay(image_of(row), list(heads.values()), text)
