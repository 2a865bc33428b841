"""docs/outputs.md: every file, column, flag and growth chart, from the code. ``make settings`` writes it."""

from __future__ import annotations

from fetal_biometry.measure.columns import EXAMINATIONS, PREDICTIONS, Column
from fetal_biometry.measure.exports import EXPORTS
from fetal_biometry.measure.flags import FLAGS
from fetal_biometry.measure.growth import CHARTS

PAGE = """# What a run writes

`make settings` writes this page from the code. Do not edit it.

## Files for other programs

In `results/<run>/`, beside the report and `predictions.csv`. A length is an empty cell, or null, where no head was
found, and in millimetres also where the pixel size is unknown.

{exports}

With `dicom_sr: true` also `exports/dicom_sr/`, a DICOM structured report (TID 1500) for each DICOM file: the head's
ellipse with HC and flags, BPD and OFD as lines. Only these files hold the patient and the study, as the image's file
states them.

## Columns of predictions.csv

Units are UCUM codes, except px. A LOINC code is given where one exists for the quantity.

{predictions}

## Columns of examinations.csv

{examinations}

## Flags

A flag asks a person to check the measurement. Their limits are in `limits.yaml`.

{flags}

## Growth charts

`growth_chart` chooses one; for research. Centiles need the gestational age by dates. NICHD's chart is not included: no
second source was found to check its tables against.

{charts}
"""


def outputs() -> str:
    """The text of docs/outputs.md."""
    exports = [(f"`{name}`", made.__doc__.splitlines()[0].rstrip(".")) for name, made in EXPORTS.items()]
    flags = [(flag.name, flag.meaning) for flag in FLAGS]
    charts = [
        (f"`{name}`", f"{chart.name}: {chart.population}", f"{chart.ages[0]:g} to {chart.ages[1]:g}", chart.source)
        for name, chart in CHARTS.items()
    ]
    return PAGE.format(
        exports=markdown_table(("file", "content"), exports),
        predictions=_dictionary(PREDICTIONS),
        examinations=_dictionary(EXAMINATIONS),
        flags=markdown_table(("flag", "meaning"), flags),
        charts=markdown_table(("setting", "chart and population", "weeks", "source"), charts),
    )


def _dictionary(columns: tuple[Column, ...]) -> str:
    rows = [(f"`{column.name}`", column.unit, column.meaning, column.loinc) for column in columns]
    return markdown_table(("column", "unit", "meaning", "LOINC"), rows)


def markdown_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
