"""The measurements for people and other programs: a file here and an entry of `EXPORTS` for each export.

An export is a function of the predictions table, see `biometry.measure`, with the ``examination``, ``path``, ``frame``,
``width_px`` and ``height_px`` of each image beside. It returns the file's text or bytes. A row may lack lengths: NaN.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from fetal_biometry.job import atomic_path
from fetal_biometry.measure.exports.coco import coco
from fetal_biometry.measure.exports.csv_tables import circumferences, examinations, hc18_submission, task_a
from fetal_biometry.measure.exports.fhir import bundle
from fetal_biometry.measure.exports.labelme import labelme
from fetal_biometry.measure.exports.measurements import measurements
from fetal_biometry.measure.exports.workbook import workbook

EXPORTS = {
    "predictions.xlsx": workbook,
    "examinations.csv": examinations,
    "exports/taskA_predictions.csv": task_a,
    "exports/HC_results.csv": circumferences,
    "exports/hc18_submission.csv": hc18_submission,
    "exports/measurements.json": measurements,
    "exports/fhir.json": bundle,
    "exports/coco.json": coco,
    "exports/labelme.zip": labelme,
}
"""From a file's place under results/<run>/ to what makes its content."""


def write_exports(table: pd.DataFrame, paths: Iterable[str], results: Path) -> None:
    """Write exports, each whole or not at all, to paths below ``results`` that are names of `EXPORTS`."""
    for path in paths:
        made = EXPORTS[Path(path).relative_to(results).as_posix()](table)
        with atomic_path(path) as temporary:
            temporary.write_bytes(made if isinstance(made, bytes) else made.encode("utf-8"))
