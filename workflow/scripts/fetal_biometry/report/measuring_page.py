"""The page of a run without labels: what was measured, what to check, and a person's review of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from fetal_biometry.digests import digest
from fetal_biometry.frames import points_of
from fetal_biometry.measure.corrections import REVIEW_COLUMNS
from fetal_biometry.measure.examinations import by_examination
from fetal_biometry.measure.flags import FLAGS, doubts_of
from fetal_biometry.measure.head_size import BANDS
from fetal_biometry.measure.lengths import to_outer
from fetal_biometry.report.overlays import DrawnHead, marks_of
from fetal_biometry.report.own_lengths import compare_lengths
from fetal_biometry.report.pages import fill_template, flatten
from fetal_biometry.report.pictures import MOST_EMBEDDED
from fetal_biometry.report.report import LENGTHS, ReportInputs, growth_columns, measured_rows
from fetal_biometry.report.sentences import convention_notes
from fetal_biometry.report.wording import percent
from fetal_biometry.terms import Review

MOST_SHOWN = 12  # images to check, as pictures; the table has all
FEWEST_IN_BAND = 10  # of the model's test images; of fewer a mean error says little


@dataclass(frozen=True)
class GivenModel:
    """The model that measured: its file's name, the first digits of its sha256, and its figures (a metrics.json)."""

    name: str
    digest: str
    figures: dict = field(default_factory=dict)


@dataclass(frozen=True)
class MeasuringInputs:
    """What the page is made from.

    ``report`` holds the run's tables, and in ``overlays`` the addresses of pictures; ``thumbnails`` those of small
    ones. ``date`` is of the run, ``program`` its version.
    """

    report: ReportInputs
    model: GivenModel
    thumbnails: dict[str, str] = field(default_factory=dict)
    date: str = ""
    program: str = ""


def render_measuring_page(inputs: MeasuringInputs) -> str:
    """The page as text."""
    report, model = inputs.report, inputs.model
    rows = reviewable_rows(report)
    in_mm = (rows["unit"] == "mm").any()
    own = compare_lengths(rows, report.metrics.get("images_seen", []))
    calliper = report.metrics["model"]["calliper"]
    offset, both = (float(to_outer(np.array(bpd), calliper)) for bpd in (0.0, 1.0))
    records = rows.to_dict("records")
    to_check = sorted((row for row in records if row["check"]), key=_urgency)
    return fill_template(
        "measuring.html.j2",
        measuring=True,
        inputs=report,
        thumbnails=inputs.thumbnails,
        date=inputs.date,
        program=inputs.program,
        model_name=f"{model.name} {model.digest}",
        metrics=report.metrics,
        labels=report.metrics["labels"],
        model=report.metrics["model"],
        level=percent(report.metrics["model"]["interval_level"]),
        lengths=LENGTHS,
        shown_unit="mm" if in_mm else "px",
        unit="mm",
        rows=records,
        notes=convention_notes(report.metrics["model"]),
        counts=count_rows(rows),
        to_check=to_check[:MOST_SHOWN],
        expected=expected_errors(model.figures),
        seen=report.metrics.get("images_seen", []),
        quarantined=report.quarantine.to_dict("records"),
        own=own,
        examinations=examinations_of(report),
        growth=growth_columns(rows, report.settings.get("growth_chart", "none")),
        flags=sorted({flag for flags in rows["flags"] for flag in flags}),
        flag_meanings={flag.name: flag.meaning for flag in FLAGS},
        doubting={flag.name for flag in FLAGS if flag.doubts_head},
        bpd_conversion=(offset, both - offset),
        review_key=f"fetal-head-biometry {report.run} {digest(model.digest, report.predictions.to_csv())}",
        in_folder=len(rows) > MOST_EMBEDDED and bool(report.overlays),
        whole_frames=report.settings.get("show_whole_frames", False),
        settings=flatten(report.settings),
        versions=report.versions,
    )


def reviewable_rows(report: ReportInputs) -> pd.DataFrame:
    """One row an image, see `report.measured_rows`, with what the page adds.

    ``margin`` is half the breadth of HC's interval, in the row's unit; ``pixel`` its width and height in mm as text;
    ``check`` whether a person has still to look; ``marks`` the drawn head; `corrections.REVIEW_COLUMNS`.
    """
    rows = measured_rows(report)
    for column in REVIEW_COLUMNS:
        rows[column] = rows[column].fillna("") if column in rows else ""
    known = rows["pixel_width_mm"].notna()
    sizes = rows["pixel_width_mm"].map(repr) + " " + rows["pixel_height_mm"].map(repr)
    rows["pixel"] = sizes.where(known, "")
    rows["margin"] = (rows["hc_high"] - rows["hc_low"]) / 2
    doubted = np.array(doubts_of(rows["flags"].str.join(";"))) != ""
    rows["check"] = (doubted | rows["hc_shown"].isna()) & (rows["review"] == "")
    rows["marks"] = [
        marks_of([DrawnHead(first, "prediction"), DrawnHead(second, "second")], width, height, name)
        for first, second, width, height, name in zip(
            points_of(rows),
            points_of(rows, "second_"),
            rows["width_px"],
            rows["height_px"],
            rows["image_name"],
            strict=True,
        )
    ]
    return rows


def count_rows(rows: pd.DataFrame) -> dict[str, int]:
    """How many images there are, how many are fine, to check, without a pixel size, and reviewed, by status."""
    measured, in_px = rows["hc_shown"].notna(), rows["unit"] == "px"
    no_size = measured & in_px
    return {
        "images": len(rows),
        "fine": int((~rows["check"] & ~no_size).sum()),
        "check": int(rows["check"].sum()),
        "no_size": int(no_size.sum()),
        **{str(status): int((rows["review"] == status).sum()) for status in Review},
    }


def expected_errors(figures: dict) -> list[dict]:
    """What the model's card says of its errors: a row for each band of head size.

    ``title``, ``n``, the mean absolute error of each length in mm, the 95 % limits of HC's, and whether they are
    ``out_of_fold``, since no test image has such a head.
    """
    if figures.get("unit") != "mm":
        return []
    rows = []
    for band, (low, high) in BANDS.items():
        tested, folded = figures["splits"].get("test", {}).get(band, {}), figures["out_of_fold"].get(band, {})
        enough = tested.get("n", 0) >= FEWEST_IN_BAND
        group = tested if enough else folded or tested
        if group:
            title = f"under {high}" if not low else f"over {low}" if high == np.inf else f"{low} to {high}"
            errors = {length: group[length]["mae"] for length in LENGTHS}
            limits = {"low": group["hc"]["loa_low"], "high": group["hc"]["loa_high"]}
            rows.append({"title": title, "n": group["n"], **errors, **limits, "out_of_fold": not enough})
    return rows


def examinations_of(report: ReportInputs) -> list[dict]:
    """Examinations of several images with the median and the spread of each length."""
    table = by_examination(report.predictions.assign(examination=report.images["examination"]))
    return table[table["images"] > 1].to_dict("records")


def _urgency(row: dict) -> tuple:
    """Images without a head first, then by the breadth of the interval over the length."""
    share = row["margin"] / row["hc_shown"] if row["hc_shown"] == row["hc_shown"] else np.inf
    return (-share if share == share else 0.0, row["image_name"])
