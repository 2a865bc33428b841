"""What a run works on: its results are not replaced by those of other images, and a target has what it needs."""

from __future__ import annotations

import json
import os
from pathlib import Path

from fetal_biometry.configuration import Config
from fetal_biometry.data.splits import published
from fetal_biometry.digests import check_model
from fetal_biometry.errors import InputError

FILE = "inputs.json"  # in the folder of the plan
RESULTS = ("report.html", "predictions.csv", "audit.csv")  # what a user would miss
LABELS = ("image_folder", "landmark_table")  # settings whose paths start from data_root


def describe_inputs(config: Config) -> dict:
    """The dataset, and each folder or table of images and labels that the configuration names, by its setting."""
    given = {"images": config.images}
    given |= {name: os.path.join(config.data_root, path) for name in LABELS if (path := getattr(config, name))}
    return {"dataset": config.data, **{name: _spellings(path) for name, path in given.items() if path}}


def _spellings(path: str) -> list[str]:
    """A path from here and from the root: if one of them stays, nothing moved but the user or the whole folder."""
    return [os.path.relpath(path), os.path.abspath(path)]


def refuse_other_inputs(config: Config, results: Path, plan: Path) -> None:
    """InputError where the run's results are of another dataset, folder or table."""
    try:
        earlier = dict(json.loads((plan / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return
    if not any((results / name).exists() for name in RESULTS):
        return
    for name, now in describe_inputs(config).items():
        before = earlier.get(name, now)
        if now != before and not (name != "dataset" and set(now) & set(before)):
            shown = [value if isinstance(value, str) else value[0] for value in (before, now)]
            raise InputError(
                f"{results} holds results of {name}={shown[0]}, and results of {name}={shown[1]} would replace them; "
                f"give --config run=NAME for the new ones, or remove {results} first."
            )


def refuse_unusable(config: Config, model: str, home: Path) -> None:
    """InputError where a file that the configuration names is missing, or a path could not stand in a rule."""
    for path in map(str, (Path.cwd(), home.resolve(), config.data_root, config.model)):
        if "{" in path or "}" in path:  # between which Snakemake looks for a variable
            raise InputError(f"{path}: Snakemake cannot work with braces in this name; rename the folder.")
    if model:
        check_model(model)
    if config.corrections and not Path(config.corrections).is_file():
        raise InputError(f"corrections: {config.corrections} does not exist; save it from report.html of that run.")


def lengths_of_site(config: Config) -> str:
    """The table of ``snakemake calibrate_site``, or InputError."""
    if not config.site_lengths:
        raise InputError(
            "calibrate by what? Give --config images=FOLDER site_lengths=FILE, a csv of lengths measured at the site."
        )
    if not Path(config.site_lengths).is_file():
        raise InputError(f"{config.site_lengths}: the table does not exist; correct site_lengths.")
    return config.site_lengths


def figures_of_card(config: Config, pretrained: Path) -> str:
    """The figures of the pretrained model that learned from the run's dataset and split, or InputError."""
    figures = pretrained / f"{config.data}.json"
    if not figures.is_file():
        raise InputError(
            "rebuild_model compares its model with a pretrained one, but none was trained on dataset "
            f"{config.data}; give --configfile datasets/hc18.yaml."
        )
    if config.data != "phantom" and not published(config):
        raise InputError(
            f"rebuild_model needs the published split that the card's figures are of; put {config.split_file} into "
            f"{config.data_root}."
        )
    return str(figures)
