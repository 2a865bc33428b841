"""What a run's results are of, so that those of other images are not replaced unasked."""

from __future__ import annotations

import json
import os
from pathlib import Path

from fetal_biometry.configuration import Config
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
                f"{results} holds results of {name}={shown[0]}, which those of {name}={shown[1]} would replace; give "
                f"--config run=NAME for the new ones, or remove {results} first."
            )
