"""The report of a run: one self-contained HTML page made from its tables, metrics and images."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from markupsafe import Markup

from fetal_biometry.data.splits import SPLITS
from fetal_biometry.frames import points_of
from fetal_biometry.measure.biometry import FLAGS, head_pixel_sizes, reported_lengths
from fetal_biometry.model.geometry import LENGTHS as LENGTH_ORDER
from fetal_biometry.model.landmarks import COLUMNS
from fetal_biometry.report import figures
from fetal_biometry.report.figures import HEAD_SIZES, LENGTHS
from fetal_biometry.report.overlays import DrawnHead, overlay
from fetal_biometry.report.pages import fill_template, flatten
from fetal_biometry.report.statistics import band_names

GROUPS = {"all": "all sound labels", **HEAD_SIZES, "with_suspects": "suspect labels included"}
KINDS = {  # of images: a title, and the decimals of its numbers
    "pixel_size_mm": ("Pixel size, mm", 3),
    "contrast": ("Contrast", 2),
    "head_share": ("OFD over the image’s height", 2),
    "direction_deg": ("Direction of the OFD, degrees from the horizontal", 0),
    "cephalic_index": ("Cephalic index, BPD over OFD", 2),
}
GROWTH_COLUMNS = (  # a column, its heading, what stands small below it, decimals
    ("cephalic_index", "Cephalic index", "BPD over OFD", 2),
    ("age_weeks_hc", "Age by HC", "weeks", 1),
    ("age_weeks_bpd", "Age by BPD", "weeks", 1),
    *((f"{length}_centile", f"{length.upper()} centile", "INTERGROWTH-21st", 1) for length in ("hc", "bpd", "ofd")),
)


@dataclass(frozen=True)
class ReportInputs:
    """What a report is made from; the tables have the columns of the run's csv files.

    audit, split and history are None where nothing is labelled or the model was trained elsewhere, comparison where
    none was asked for; quarantine lists the images that were put aside. Image paths of the manifest are absolute or
    start at the working directory. ``overlays`` are addresses of each image's overlay, from the page, by image name,
    where they are files of their own.
    """

    run: str
    experiment: str
    manifest: pd.DataFrame
    predictions: pd.DataFrame
    metrics: dict
    audit: pd.DataFrame | None = None
    split: pd.DataFrame | None = None
    quarantine: pd.DataFrame | None = None
    history: pd.DataFrame | None = None
    comparison: pd.DataFrame | None = None
    settings: dict = field(default_factory=dict)
    versions: dict = field(default_factory=dict)
    overlays: dict[str, str] = field(default_factory=dict)


def render_report(inputs: ReportInputs) -> str:
    """Return the page as text."""
    rows = measured_rows(inputs)
    metrics = inputs.metrics
    test = metrics["splits"].get("test", {})
    test_rows = rows[(rows["split"] == "test") & (rows["verdict"] == "sound")]
    unit = metrics["unit"]
    shown_unit = "mm" if (rows["unit"] == "mm").any() else "px"
    reference = metrics.get("reference") or {"model": {}, "labels": {}}
    return fill_template(
        "report.html.j2",
        inputs=inputs,
        metrics=metrics,
        unit=unit,
        shown_unit=shown_unit,
        lengths=LENGTHS,
        groups=GROUPS,
        test=test,
        reference=reference,
        suspects=metrics["model"].get("suspects"),
        keep_epoch=metrics["model"].get("keep_epoch"),
        rows=rows.to_dict("records"),
        measured=measured_summary(rows[rows["unit"] == shown_unit]),
        split_table=split_table(rows),
        examinations_shared=examinations_shared(rows),
        settings=flatten(inputs.settings),
        digest=content_digest(inputs.manifest),
        aside=[] if inputs.quarantine is None else inputs.quarantine.to_dict("records"),
        chart=inputs.settings.get("growth_chart"),
        growth=[column for column in GROWTH_COLUMNS if column[0] in rows and rows[column[0]].notna().any()],
        flags=sorted({flag for flags in rows["flags"] for flag in flags}),
        flag_meanings=FLAGS,
        image_kinds=KINDS,
        comparison=[] if inputs.comparison is None else inputs.comparison.to_dict("records"),
        experiments_figure=None if inputs.comparison is None else figures.experiments_figure(inputs.comparison, unit),
        training_figures=figures.training_figures(inputs.history, metrics),
        error_figures=figures.error_figures(test_rows, test.get("all"), unit),
        agreement_figures=figures.agreement_figures(test_rows, test.get("all"), unit),
        head_size_figure=figures.head_size_figure(test, unit),
        reference_figure=figures.reference_figure(reference, unit),
        confidence_figure=figures.confidence_figure(rows),
        gallery=gallery(rows, test_rows),
    )


def measured_rows(inputs: ReportInputs) -> pd.DataFrame:
    """One row per predicted image: its prediction, label, split, verdict and errors.

    For each length L, L_shown and L_label are in the row's unit: mm where its pixel size is known, else px.
    L_error (prediction minus label) and L_mean of the two are in the unit of the metrics, L_relative is the
    error over the label. BPD and HC in mm are outer-to-outer, as in the predictions.
    """
    predictions, manifest = (table.reset_index(drop=True) for table in (inputs.predictions, inputs.manifest))
    rows = predictions.merge(manifest, on="image_name", suffixes=("", "_label"), validate="one_to_one")
    rows["labelled"] = rows[[f"{column}_label" for column in COLUMNS]].notna().all(axis=1)
    for table, columns in ((inputs.audit, ["verdict", "reasons"]), (inputs.split, ["split"])):
        rows[columns] = (
            "" if table is None else table.set_index("image_name").reindex(rows["image_name"])[columns].to_numpy()
        )
    rows[["verdict", "reasons", "split"]] = rows[["verdict", "reasons", "split"]].fillna("")
    for column in ("flags", "reasons"):
        rows[column] = [[part for part in text.split(";") if part] for text in rows[column]]

    predicted, labels = points_of(rows), label_points(rows)
    pixel_size = head_pixel_sizes(rows, predicted)
    of_labels = inputs.metrics.get("calliper")
    of_model = inputs.metrics["model"].get("calliper", of_labels)
    known = np.isfinite(pixel_size[:, 0])
    rows["unit"] = np.where(known, "mm", "px")
    judged_size = pixel_size if inputs.metrics["unit"] == "mm" else np.full(len(rows), np.nan)
    shown, judged = (
        [reported_lengths(predicted, sizes, of_model), reported_lengths(labels, sizes, of_labels)]
        for sizes in (pixel_size, judged_size)
    )
    for i, length in enumerate(LENGTH_ORDER):
        rows[f"{length}_shown"], rows[f"{length}_label"] = shown[0][:, i], shown[1][:, i]
        rows[f"{length}_error"] = (judged[0] - judged[1])[:, i]
        rows[f"{length}_mean"] = (judged[0] + judged[1])[:, i] / 2
        rows[f"{length}_relative"] = judged[0][:, i] / judged[1][:, i] - 1
    hc_mm = rows["reference_hc_mm"].fillna(rows["hc_label"].where(known))
    rows["band"] = band_names(hc_mm.to_numpy(dtype=float))
    return rows.sort_values("image_name", kind="stable", ignore_index=True)


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
    for name in (*SPLITS, "seen", ""):
        part = rows[rows["split"] == name]
        if len(part):
            verdicts = part["verdict"].value_counts()
            table.append(
                {
                    "split": name or "not in a split",
                    "images": len(part),
                    "examinations": part["examination"].nunique(),
                    "sound": int(verdicts.get("sound", 0)),
                    "suspect": int(verdicts.get("suspect", 0)),
                    "doubtful": int(verdicts.get("doubtful", 0)),
                }
            )
    return table


def examinations_shared(rows: pd.DataFrame) -> int:
    """Number of examinations with images in more than one split."""
    in_split = rows[rows["split"] != ""]
    pairs = in_split[["examination", "split"]].drop_duplicates()
    return int((pairs["examination"].value_counts() > 1).sum())


def content_digest(manifest: pd.DataFrame) -> str:
    """Twelve hex digits that change when any image of the run changes."""
    return hashlib.sha256("\n".join(sorted(manifest["sha256"])).encode()).hexdigest()[:12]


def gallery(rows: pd.DataFrame, test_rows: pd.DataFrame) -> list[tuple[str, list[dict]]]:
    """Titled groups of overlays: best, median, worst test images, labels left out; or the least confident."""
    judged = test_rows[test_rows["hc_relative"].notna()]
    judged = judged.iloc[np.argsort(judged["hc_relative"].abs().to_numpy(), kind="stable")]
    if judged.empty:
        least = rows.sort_values("confidence", kind="stable").head(12)
        groups = {"Least confident": least}
    else:
        size = min(3, len(judged))
        middle = (len(judged) - size) // 2
        groups = {
            "Smallest HC error": judged.head(size),
            "Median HC error": judged.iloc[middle : middle + size],
            "Largest HC error": judged.tail(size).iloc[::-1],
        }
        suspects = rows[rows["verdict"] == "suspect"]
        if len(suspects):
            repeated = suspects["reasons"].str[0].fillna("").duplicated()
            groups["Labels that the audit suspects, one for each reason"] = suspects[~repeated].head(6)
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
    return overlay(row["path"], list(heads.values()), text)
