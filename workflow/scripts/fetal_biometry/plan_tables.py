"""The tables of the plan: what is known of images, a text for each kind of reader."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from fetal_biometry.configuration import Config
from fetal_biometry.data import splits
from fetal_biometry.data.planes import Plane
from fetal_biometry.data.source import Source
from fetal_biometry.digests import FileIndex
from fetal_biometry.tables import as_text
from fetal_biometry.terms import COLUMNS, STATED

IMAGE_COLUMNS = ("image_name", "path", "frame", "examination", "sha256")
LABEL_COLUMNS = ("image_name", "label_source", "origin", *COLUMNS, "annotation", "annotation_sha256")
FACT_COLUMNS = ("image_name", "pixel_size_mm", *STATED, "gestational_age_weeks")
FOLD_COLUMNS = ("image_name", "fold")
PLANE_COLUMNS = ("image_name", "plane", "centre", "whole")
PLANES = "planes"  # the part of images of other hospitals
QUARANTINE_COLUMNS = ("image_name", "path", "reason")


def part_tables(
    sources: list[Source], examinations: dict[str, str], config: Config, index: FileIndex
) -> dict[str, str]:
    """What is known of the images of one part, a text for each kind of reader, by the ending of its file."""
    images = (_image_row(one, examinations[one.image_name], one.sha256(index)) for one in sources)
    tables = {"csv": _table(images, IMAGE_COLUMNS), "facts.csv": _table(map(vars, sources), FACT_COLUMNS)}
    labelled = [one for one in sources if one.labelled]
    if labelled:
        labels = (_label_row(one, one.annotation or one.landmarks, index) for one in labelled)
        folds = (
            {"image_name": name, "fold": splits.fold_of(examinations[name], config.split_seed, config.folds)}
            for name in (one.image_name for one in labelled)
        )
        tables |= {"labels.csv": _table(labels, LABEL_COLUMNS), "folds.csv": _table(folds, FOLD_COLUMNS)}
    references = [_label_row(one, one.reference, index) for one in sources if one.reference]
    if references:
        tables["references.csv"] = _table(references, LABEL_COLUMNS)
    return tables


def plane_tables(planes: list[Plane], index: FileIndex) -> dict[str, str]:
    """The images of other hospitals, what is known of each, and the references of their heads."""
    images = [_image_row(one, one.patient, index.sha256(one.image.path)) for one in planes]
    references = [
        {"image_name": one.image_name, "label_source": kind, "origin": one.image.path} | _label(truth, index)
        for one in planes
        for kind, truth in one.references.items()
    ]
    known = ({**vars(one), "whole": int(one.whole)} for one in planes)
    return {
        f"{PLANES}.csv": _table(images, IMAGE_COLUMNS),
        f"{PLANES}.known.csv": _table(known, PLANE_COLUMNS),
        f"{PLANES}.references.csv": _table(references, LABEL_COLUMNS),
    }


def quarantine_table(sources: list[Source]) -> str:
    bad = ((one.image_name, str(one.image), one.problem) for one in sources if one.problem)
    rows = (dict(zip(QUARANTINE_COLUMNS, map(as_text, row), strict=True)) for row in bad)
    return _table(rows, QUARANTINE_COLUMNS)


def _image_row(one: Source | Plane, examination: str, sha256: str) -> dict:
    place = {"path": one.image.path, "frame": one.image.frame}
    return {"image_name": one.image_name, **place, "examination": examination, "sha256": sha256}


def _label_row(source: Source, label: Path | tuple[float, ...], index: FileIndex) -> dict:
    row = {"image_name": source.image_name, "label_source": source.label_source, "origin": source.origin}
    return row | _label(label, index)


def _label(label: Path | tuple[float, ...], index: FileIndex) -> dict:
    """The columns of a label or a reference: eight numbers, or an annotation image."""
    if isinstance(label, Path):
        return {"annotation": label, "annotation_sha256": index.sha256(label)}
    return dict(zip(COLUMNS, label, strict=True))


def _table(rows: Iterable[dict], columns: tuple[str, ...]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
