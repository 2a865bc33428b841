"""The data dictionary: each column of predictions.csv and examinations.csv, with its unit, meaning and LOINC code."""

from __future__ import annotations

from dataclasses import dataclass

from fetal_biometry.terms import LANDMARKS, LENGTHS, SECOND_COLUMNS

PIXELS, MILLIMETRES, WEEKS, PERCENT, TEXT, NUMBER = "px", "mm", "wk", "%", "", "1"


@dataclass(frozen=True)
class Column:
    """A column: its name, its unit, what it means, and the LOINC code of what it measures, where there is one.

    ``unit`` is a UCUM code (``1`` of a bare number), but for ``px``, which UCUM does not know, and empty for text.
    """

    name: str
    unit: str
    meaning: str
    loinc: str = ""


_NAMES = {
    "bpd": "biparietal diameter",
    "ofd": "occipitofrontal diameter",
    "hc": "head circumference (perimeter of the ellipse)",
}
_LOINC = {"bpd": "11820-8", "ofd": "11851-3", "hc": "11984-2"}
_ENDS = {"": "", "_low": ", low end of its interval", "_high": ", high end of its interval"}
_ON_IMAGE = {
    PIXELS: "between the landmarks in the original image",
    MILLIMETRES: "outer-to-outer, empty without a pixel size",
}


def _landmark(name: str, axis: str) -> Column:
    place = {"ofd_1": "left", "ofd_2": "right", "bpd_1": "upper", "bpd_2": "lower"}[name]
    side = {"x": "column", "y": "row"}[axis]
    meaning = f"{place} end of the {name[:3].upper()}: {side} of the original image, 0 at the centre of the first one"
    return Column(f"{name}_{axis}", PIXELS, meaning)


PREDICTIONS = (
    Column("image_name", TEXT, "the image; #3 behind a file's name is its third frame"),
    *(_landmark(name, axis) for name in LANDMARKS for axis in "xy"),
    *(
        Column(
            f"{name}_{unit}{end}",
            unit,
            f"{_NAMES[name]}{said}; {_ON_IMAGE[unit]}",
            _LOINC[name] if unit == MILLIMETRES and not end else "",
        )
        for unit in (PIXELS, MILLIMETRES)
        for name in LENGTHS
        for end, said in _ENDS.items()
    ),
    Column("pixel_width_mm", MILLIMETRES, "width of a pixel where the head lies; empty where it is unknown"),
    Column("pixel_height_mm", MILLIMETRES, "height of a pixel where the head lies; empty where it is unknown"),
    Column("confidence", NUMBER, "0 to 1, from the network's output; ranks images and is no probability"),
    Column("contrast", NUMBER, "0 to 1, range of the image's grey levels"),
    Column("head_odds", NUMBER, "logarithm of the odds that a head was found; empty where the model cannot tell"),
    Column("contradiction", TEXT, "evidence against the pixel size, with both figures; empty where there is none"),
    Column("flags", TEXT, "why a person should check the measurement, joined by semicolons; empty without a flag"),
    *(Column(name, PIXELS, "of a second head; empty where there is none") for name in SECOND_COLUMNS),
    Column("cephalic_index", NUMBER, "BPD over OFD; with a growth chart", "11823-2"),
    Column("age_weeks_hc", WEEKS, "gestational age that the growth chart gives for HC", "18185-9"),
    Column("age_weeks_bpd", WEEKS, "gestational age that the growth chart gives for BPD", "18185-9"),
    *(
        Column(
            f"{name}_centile",
            PERCENT,
            f"centile of {name.upper()} at the gestational age by dates; with a growth chart",
        )
        for name in LENGTHS
    ),
    Column("convention", TEXT, "whose callipers the lengths follow; where a site is given"),
    Column("bpd_factor", NUMBER, "factor by which BPD was multiplied; where a site is given"),
    Column("ofd_factor", NUMBER, "factor by which OFD was multiplied; where a site is given"),
    Column("review", TEXT, "accepted, corrected or rejected by a person; where corrections are given"),
    Column("reviewer", TEXT, "name of that person; where corrections are given"),
    Column("reviewed", TEXT, "time of the review, in UTC; where corrections are given"),
    Column("comment", TEXT, "what that person wrote; where corrections are given"),
)
EXAMINATIONS = (
    Column("examination", TEXT, "the images' common name, see the setting examination_pattern"),
    Column("images", NUMBER, "number of its images"),
    Column("measured", NUMBER, "number of its images with lengths in millimetres; medians and spreads are of these"),
    Column("flagged", NUMBER, "number of its images with a flag that doubts the head"),
    *(
        column
        for name in LENGTHS
        for column in (
            Column(f"{name}_mm", MILLIMETRES, f"{_NAMES[name]}: median over the images", _LOINC[name]),
            Column(f"{name}_mm_spread", MILLIMETRES, "largest minus smallest; empty with fewer than two images"),
        )
    ),
)
