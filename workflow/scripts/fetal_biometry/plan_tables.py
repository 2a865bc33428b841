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
    tables = {"csv": _image_table(sources, examinations, index), "facts.csv": _table(map(vars, sources), FACT_COLUMNS)}
    names = [source.image_name for source in sources if source.labelled]
    if names:
        folds = (splits.fold_of(examinations[name], config.split_seed, config.folds) for name in names)
        rows = [dict(zip(FOLD_COLUMNS, row, strict=True)) for row in zip(names, folds, strict=True)]
        tables |= {"labels.csv": _label_table(sources, "landmarks", index), "folds.csv": _table(rows, FOLD_COLUMNS)}
    if any(source.reference for source in sources):
        tables["references.csv"] = _label_table(sources, "reference", index)
    return tables


def plane_tables(planes: list[Plane], index: FileIndex) -> dict[str, str]:
    """The images of other hospitals, what is known of each, and the references of their heads."""
    images, references = [], []
    for one in planes:
        row = {"image_name": one.image_name, "path": one.image.path, "frame": one.image.frame}
        images.append(row | {"examination": one.patient, "sha256": index.sha256(one.image.path)})
        for kind, truth in one.references.items():
            row = {"image_name": one.image_name, "label_source": kind, "origin": one.image.path}
            if isinstance(truth, Path):
                row |= {"annotation": truth, "annotation_sha256": index.sha256(truth)}
            else:
                row |= dict(zip(COLUMNS, truth, strict=True))
            references.append(row)
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


def _image_table(sources: list[Source], examinations: dict[str, str], index: FileIndex) -> str:
    rows = (
        {
            "image_name": source.image_name,
            "path": source.image.path,
            "frame": source.image.frame,
            "examination": examinations[source.image_name],
            "sha256": source.sha256(index),
        }
        for source in sources
    )
    return _table(rows, IMAGE_COLUMNS)


def _label_table(sources: list[Source], which: str, index: FileIndex) -> str:
    """Labels, or references, of those images that have one: eight numbers, or an annotation image."""
    rows = []
    for source in sources:
        label = source.reference if which == "reference" else source.annotation or source.landmarks
        if label is None:
            continue
        row = {"image_name": source.image_name, "label_source": source.label_source, "origin": source.origin}
        if isinstance(label, Path):
            row |= {"annotation": label, "annotation_sha256": index.sha256(label)}
        else:
            row |= dict(zip(COLUMNS, label, strict=True))
        rows.append(row)
    return _table(rows, LABEL_COLUMNS)


def _table(rows: Iterable[dict], columns: tuple[str, ...]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
