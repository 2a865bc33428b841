"""What a run consists of, written where each rule reads its own part: ``work/plan/``.

The plan is written while Snakemake reads the rules, and a file of it only when its text differs. Rules take these files
as inputs, and so Snakemake alone decides what to make anew. Standard library, pyyaml and pydantic alone; phantoms need
numpy.
"""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import yaml

from fetal_biometry.configuration import Config
from fetal_biometry.data import splits
from fetal_biometry.data.planes import list_planes
from fetal_biometry.data.source import MissingData, Source, examination_of
from fetal_biometry.data.sources import list_sources
from fetal_biometry.digests import FileIndex
from fetal_biometry.errors import InputError
from fetal_biometry.job import atomic_path
from fetal_biometry.limits import Limits, by_reader
from fetal_biometry.plan_tables import part_tables, plane_tables, quarantine_table
from fetal_biometry.recipe import Recipe
from fetal_biometry.run_inputs import FILE, describe_inputs, refuse_other_inputs
from fetal_biometry.terms import ACCEPTED_PREDICTION, Split

SUMMARY = "plan.json"
CLOCKS_DIFFER_S = 60  # of the machines of a cluster


@dataclass(frozen=True)
class Plan:
    """What the rules ask for.

    ``parts`` that have images: of labelled ones the splits, of others ``images/<shard>``; ``referenced`` those of
    them with an independent reference; ``planes`` the centres of the images of other hospitals; ``missing`` why
    there are no images, where the data is not there. ``out_of_fold`` recipes are calibrated by ``folds`` networks.
    """

    parts: list[str] = field(default_factory=list)
    referenced: list[str] = field(default_factory=list)
    planes: list[str] = field(default_factory=list)
    missing: str = ""
    out_of_fold: list[str] = field(default_factory=list)
    folds: int = 0

    @property
    def labelled(self) -> list[str]:
        return [part for part in self.parts if part in set(Split)]

    @property
    def trained_on(self) -> list[str]:
        return [part for part in self.labelled if part != Split.TEST]

    def calibrating(self, recipe: str) -> list[str]:
        """The parts whose images calibrate a recipe's model."""
        if recipe in self.out_of_fold:
            return self.trained_on
        return [part for part in self.labelled if part == Split.VALIDATION]

    def found_by_folds(self, recipe: str, part: str) -> list[str]:
        """What the networks of a recipe's folds found in a part, a file a fold below ``work/``."""
        return [f"{recipe}/fold_{fold}/predicted/{part}.csv" for fold in range(self.folds)]

    def found(self, recipe: str, parts: list[str]) -> list[str]:
        """What a recipe found in some parts, files below ``work/``: by networks of folds where its images train."""
        files = []
        for part in parts:
            folded = recipe in self.out_of_fold and part in self.trained_on
            files += self.found_by_folds(recipe, part) if folded else [f"{recipe}/predicted/{part}.csv"]
        return files


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
            "the clock was set back, so results have a date in the future; give them an old date with `find results "
            ".snakemake -newermt now -exec touch -d 2000-01-01 {} +`, then run the same command."
        )


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
    settings = {f"limits.{reader}": values for reader, values in by_reader(limits).items()}
    for name, recipe in recipes.items():
        settings[f"recipes/{name}.training"] = recipe.training_part()
        settings[f"recipes/{name}.reading"] = recipe.reading.model_dump()
    for name, values in settings.items():
        _write(folder / f"{name}.yaml", yaml.safe_dump(values, sort_keys=False))
    out_of_fold = [name for name, recipe in recipes.items() if recipe.training.calibrate_on == "out_of_fold"]
    try:
        sources, planes = list_sources(config, drawn), list_planes(config)
    except MissingData as error:
        return Plan(missing=str(error), out_of_fold=out_of_fold, folds=config.folds)
    usable = sorted((source for source in sources if not source.problem), key=lambda source: source.image_name)
    examinations = {
        source.image_name: examination_of(source.image_name, config.examination_pattern, source.image.suffix)
        for source in usable
    }
    parts = _divide(usable, examinations, config)
    index = FileIndex(index_file)
    texts = {"quarantine.csv": quarantine_table(sources), FILE: json.dumps(describe_inputs(config), indent=1) + "\n"}
    for part, inside in parts.items():
        texts |= {f"{part}.{end}": text for end, text in part_tables(inside, examinations, config, index).items()}
    referenced = [part for part in parts if f"{part}.references.csv" in texts]
    if planes:
        texts |= plane_tables(planes, index)
    centres = sorted({plane.centre for plane in planes})
    plan = Plan(sorted(parts), sorted(referenced), centres, out_of_fold=out_of_fold, folds=config.folds)
    for name, text in texts.items():
        _write(folder / name, text)
    for path in [*folder.glob("*.csv"), *folder.glob("images/*.csv")]:
        if str(path.relative_to(folder)) not in texts:
            path.unlink()
    _write(folder / SUMMARY, json.dumps(asdict(plan), indent=1) + "\n")
    index.save()
    return plan


def _divide(sources: list[Source], examinations: dict[str, str], config: Config) -> dict[str, list[Source]]:
    """The images of each part: of labelled ones by split, of others by shard."""
    labelled = {source.image_name: examinations[source.image_name] for source in sources if source.labelled}
    split = splits.assign_splits(labelled, config)
    sources = _without_own_judges(sources, split)
    if labelled and not config.given_model:
        splits.refuse_no_training(split, labelled)
    shards = config.shards_of(len(sources) - len(split))
    parts: dict[str, list[Source]] = {}
    for source in sources:
        name = source.image_name
        parts.setdefault(split.get(name) or f"images/{shard_of(name, shards)}", []).append(source)
    return parts


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


def _write(path: Path, text: str) -> None:
    """Write a file of the plan, unless it has this text already; what is no UTF-8 in a name is escaped."""
    content = text.encode("utf-8", "backslashreplace")
    if not path.is_file() or path.read_bytes() != content:
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
