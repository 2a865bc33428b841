"""The page of a run without labels: what was measured, what to check, and a person's review of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from fetal_biometry.digests import digest
from fetal_biometry.frames import points_of
from fetal_biometry.measure.corrections import REVIEW_COLUMNS, content_marks
from fetal_biometry.measure.examinations import by_examination
from fetal_biometry.measure.flags import FLAGS, doubts_of
from fetal_biometry.measure.lengths import to_outer
from fetal_biometry.report.overlays import marks_of
from fetal_biometry.report.own_lengths import compare_lengths
from fetal_biometry.report.page_tables import Block, Cell, Table, name_table
from fetal_biometry.report.pages import fill_template, flatten
from fetal_biometry.report.report import ReportInputs, measured_rows, table_values
from fetal_biometry.report.sentences import convention_notes
from fetal_biometry.report.wording import HEAD_SIZES, count, number
from fetal_biometry.terms import LENGTHS, Review

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
    rows, seen = reviewable_rows(report), report.metrics.get("images_seen", [])
    calliper = report.metrics["model"]["calliper"]
    offset, both = (float(to_outer(np.array(bpd), calliper)) for bpd in (0.0, 1.0))
    shared = table_values(report, rows)
    to_check = sorted((row for row in shared["rows"] if row["check"]), key=_urgency)
    return fill_template(
        "measuring.html.j2",
        **shared,
        measuring=True,
        thumbnails=inputs.thumbnails,
        date=inputs.date,
        program=inputs.program,
        model_name=f"{model.name} {model.digest}",
        unit="mm",
        notes=convention_notes(report.metrics["model"]),
        counts=count_rows(rows),
        to_check=to_check[:MOST_SHOWN],
        expected=expected_errors(model.figures),
        seen=seen,
        quarantined=report.quarantine.to_dict("records"),
        own=compare_lengths(rows, seen),
        examinations=examinations_of(report),
        only_examination=only_examination(report.images),
        doubting={flag.name for flag in FLAGS if flag.doubts_head},
        bpd_conversion=(offset, both - offset),
        review_key=f"fetal-head-biometry {report.run} {digest(model.digest, report.predictions.to_csv())}",
        settings=name_table(
            "configuration", "Settings and software", [*report.versions.items(), *flatten(report.settings)]
        ),
    )


def reviewable_rows(report: ReportInputs) -> pd.DataFrame:
    """One row an image, see `report.measured_rows`, with what the page adds.

    ``margin`` is half the breadth of HC's interval, in the row's unit; ``pixel`` its width and height in mm as text;
    ``check`` whether a person has still to look; ``marks`` the drawn head; `corrections.REVIEW_COLUMNS`, and what
    `corrections.content_marks` gives as ``content``.
    """
    rows = measured_rows(report)
    rows["content"] = content_marks(rows)
    for column in REVIEW_COLUMNS:
        rows[column] = rows[column].fillna("") if column in rows else ""
    known = rows["pixel_width_mm"].notna()
    sizes = rows["pixel_width_mm"].map(repr) + " " + rows["pixel_height_mm"].map(repr)
    rows["pixel"] = sizes.where(known, "")
    rows["margin"] = (rows["hc_high"] - rows["hc_low"]) / 2
    doubted = np.array(doubts_of(rows["flags"].str.join(";"))) != ""
    rows["check"] = (doubted | rows["hc_shown"].isna()) & (rows["review"] == "")
    rows["check"] |= doubted & (rows["review"] == Review.CORRECTED)  # of a placed head only the pixel size is doubted
    rows["marks"] = [
        marks_of({"prediction": first, "second": second}, width, height, name)
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
        "fine": int((measured & ~rows["check"] & ~no_size).sum()),
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
    for band, title in HEAD_SIZES.items():
        tested, folded = figures["splits"].get("test", {}).get(band, {}), figures["out_of_fold"].get(band, {})
        enough = tested.get("n", 0) >= FEWEST_IN_BAND
        group = tested if enough else folded or tested
        if group:
            errors = {length: group[length]["mae"] for length in LENGTHS}
            limits = {"low": group["hc"]["loa_low"], "high": group["hc"]["loa_high"]}
            size = title.removeprefix("HC ").removesuffix(" mm")
            rows.append({"title": size, "n": group["n"], **errors, **limits, "out_of_fold": not enough})
    return rows


def examinations_of(report: ReportInputs) -> Table | None:
    """Examinations with several lengths in mm: the median and the spread of each; None where there are none."""
    table = by_examination(report.predictions.assign(examination=report.images["examination"]))
    rows = []
    for row in table[table["measured"] > 1].to_dict("records"):
        medians, spreads = ([number(row[f"{length}_mm{end}"], 1) for length in LENGTHS] for end in ("", "_spread"))
        images = Cell(count(row["images"]), "" if row["images"] == row["measured"] else f"{row['measured']} measured")
        cells = [Cell(*texts) for texts in zip(medians, [f"spread {text}" for text in spreads], strict=True)]
        rows.append((str(row["examination"]), [images, *cells]))
    headings = ["Examination", "Images", *(length.upper() for length in LENGTHS)]
    return Table("examination-table", "Examinations", headings, [Block(rows)]) if rows else None


def only_examination(images: pd.DataFrame) -> str:
    """The examination that all images belong to; empty where there are several. Names such as IM_0001 look like one."""
    names = images["examination"].unique()
    return names[0] if len(names) == 1 < len(images) else ""


def _urgency(row: dict) -> tuple:
    """Images without a head first, then by the breadth of the interval over the length."""
    share = row["margin"] / row["hc_shown"] if row["hc_shown"] == row["hc_shown"] else np.inf
    return (-share if share == share else 0.0, row["image_name"])
