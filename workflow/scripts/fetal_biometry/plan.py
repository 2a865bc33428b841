"""What a run consists of, written where each rule reads its own part: ``work/plan/``.

The plan is written while Snakemake reads the rules, and a file of it only when its text differs. Rules take these files
as inputs, and so Snakemake alone decides what to make anew. Standard library, pyyaml and pydantic alone; phantoms need
numpy.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import yaml

from fetal_biometry.configuration import Config
from fetal_biometry.data import splits
from fetal_biometry.data.planes import Plane, list_planes
from fetal_biometry.data.source import MissingData, Source, examination_of
from fetal_biometry.data.sources import list_sources
from fetal_biometry.digests import FileIndex
from fetal_biometry.errors import InputError
from fetal_biometry.job import atomic_path
from fetal_biometry.limits import Limits, by_reader
from fetal_biometry.recipe import Recipe
from fetal_biometry.run_inputs import FILE, describe_inputs, refuse_other_inputs
from fetal_biometry.tables import as_text
from fetal_biometry.terms import ACCEPTED_PREDICTION, COLUMNS, STATED, Split

IMAGE_COLUMNS = ("image_name", "path", "frame", "examination", "sha256")
LABEL_COLUMNS = ("image_name", "label_source", "origin", *COLUMNS, "annotation", "annotation_sha256")
FACT_COLUMNS = ("image_name", "pixel_size_mm", *STATED, "gestational_age_weeks")
FOLD_COLUMNS = ("image_name", "fold")
PLANE_COLUMNS = ("image_name", "plane", "centre", "whole")
PLANES = "planes"  # the part of images of other hospitals
QUARANTINE_COLUMNS = ("image_name", "path", "reason")
SUMMARY = "plan.json"
CLOCKS_DIFFER_S = 60  # of the machines of a cluster


@dataclass(frozen=True)
class Plan:
    """What the rules ask for.

    ``parts`` that have images: of labelled ones the splits, of others ``images/<shard>``; ``referenced`` those of
    them with an independent reference; ``planes`` the centres of the images of other hospitals; ``missing`` why
    there are no images, where the data is not there.
    """

    parts: list[str] = field(default_factory=list)
    referenced: list[str] = field(default_factory=list)
    planes: list[str] = field(default_factory=list)
    missing: str = ""

    @property
    def labelled(self) -> list[str]:
        return [part for part in self.parts if part in set(Split)]

    @property
    def trained_on(self) -> list[str]:
        return [part for part in self.labelled if part != Split.TEST]


def shard_of(image_name: str, shards: int) -> int:
    """The shard of an image without a label: a hash of its name alone, so other images never move it."""
    return int.from_bytes(hashlib.sha256(image_name.encode()).digest()[:8], "big") % shards


def locked(results: str, folder: Path = Path(".snakemake/locks")) -> bool:
    """Whether another run is at work on the same results, whose jobs read the plan."""
    for file in folder.glob("*"):
        with suppress(FileNotFoundError):  # that run has just ended
            if any(line.startswith(f"{results}/") for line in file.read_text().splitlines()):
                return True
    return False


def refuse_earlier_clock(marks: Path = Path(".snakemake/incomplete")) -> None:
    """InputError where the last job ended in the future: Snakemake compares times, and would not see what changes now.

    Snakemake adds a mark to this folder before each job, and removes it afterwards.
    """
    if marks.is_dir() and marks.stat().st_mtime > time.time() + CLOCKS_DIFFER_S:
        raise InputError(
            "the clock was set back, and results are from the future; give them an old date with `find results "
            ".snakemake -newermt now -exec touch -d 2000-01-01 {} +`, then run the same command."
        )


def refuse_braces(*paths) -> None:
    """InputError where a path that stands in rules has braces: Snakemake takes what is between them for a variable."""
    for path in map(str, paths):
        if "{" in path or "}" in path:
            raise InputError(f"{path}: Snakemake cannot work with braces in this name; rename the folder.")


def read_plan(folder: Path) -> Plan:
    """The plan as it was written last."""
    try:
        return Plan(**json.loads((folder / SUMMARY).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Plan(missing=f"{folder}: there is no plan; run snakemake in this folder.")


def write_plan(
    config: Config, recipes: dict[str, Recipe], limits: Limits, folder: Path, drawn: Path, index_file: Path
) -> Plan:
    """List the images, split them, and write down what of this changed.

    Parameters
    ----------
    config, recipes, limits
        Of `configuration.read_config`, `read_recipes` and `limits.read_limits`.
    folder : Path
        Of the plan.
    drawn : Path
        Where the workflow draws phantoms.
    index_file : Path
        See `digests.FileIndex`.

    Raises
    ------
    InputError
        Whatever is wrong with tables, names or the split; results of other images under the run's name. A folder that
        is not there is no error yet: `Plan.missing`.
    """
    refuse_other_inputs(config, folder.parents[1], folder)
    for name, recipe in recipes.items():
        _write(folder / "recipes" / f"{name}.training.yaml", _as_yaml(recipe.training_part()))
        _write(folder / "recipes" / f"{name}.reading.yaml", _as_yaml(recipe.reading.model_dump()))
    for reader, values in by_reader(limits).items():
        _write(folder / f"limits.{reader}.yaml", _as_yaml(values))
    try:
        sources, planes = list_sources(config, drawn), list_planes(config)
    except MissingData as error:
        return Plan(missing=str(error))
    usable = sorted((source for source in sources if not source.problem), key=lambda source: source.image_name)
    pattern = config.examination_pattern
    examinations = {source.image_name: examination_of(source.image_name, pattern) for source in usable}
    labelled = {source.image_name: examinations[source.image_name] for source in usable if source.labelled}
    split = splits.assign_splits(labelled, config)
    usable = _without_own_judges(usable, split)
    if labelled and not config.given_model:
        splits.refuse_no_training(split, labelled)
    parts: dict[str, list[Source]] = {}
    for source in usable:
        name = source.image_name
        parts.setdefault(split.get(name) or f"images/{shard_of(name, config.shards)}", []).append(source)
    index = FileIndex(index_file)
    texts = {"quarantine.csv": _quarantine_table(sources), FILE: json.dumps(describe_inputs(config), indent=1) + "\n"}
    for part, inside in parts.items():
        texts |= {f"{part}.{end}": text for end, text in _part_tables(inside, examinations, config, index).items()}
    referenced = [part for part in parts if f"{part}.references.csv" in texts]
    if planes:
        texts |= _plane_tables(planes, index)
    plan = Plan(sorted(parts), sorted(referenced), sorted({plane.centre for plane in planes}))
    for name, text in texts.items():
        _write(folder / name, text)
    for path in [*folder.glob("*.csv"), *folder.glob("images/*.csv")]:
        if str(path.relative_to(folder)) not in texts:
            path.unlink()
    _write(folder / SUMMARY, json.dumps(asdict(plan), indent=1) + "\n")
    index.save()
    return plan


def _without_own_judges(sources: list[Source], split: dict[str, Split]) -> list[Source]:
    """The sources, where a prediction that a person accepted is a label only in training.

    It would judge, or choose and calibrate, the model that made it by that model's own word. Others leave ``split``.
    """
    kept = []
    for source in sources:
        if source.label_source == ACCEPTED_PREDICTION and split[source.image_name] != Split.TRAIN:
            split.pop(source.image_name)
            source = replace(source, landmarks=None, label_source="", origin="")
        kept.append(source)
    return kept


def _part_tables(
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


def _plane_tables(planes: list[Plane], index: FileIndex) -> dict[str, str]:
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


def _quarantine_table(sources: list[Source]) -> str:
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


def _as_yaml(values: dict) -> str:
    return yaml.safe_dump(values, sort_keys=False, default_flow_style=False)


def _write(path: Path, text: str) -> None:
    """Write a file of the plan, unless it has this text already; what is no UTF-8 in a name is escaped."""
    content = text.encode("utf-8", "backslashreplace")
    if not path.is_file() or path.read_bytes() != content:
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
