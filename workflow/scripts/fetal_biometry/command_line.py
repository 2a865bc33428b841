"""What was typed on the command line: Snakemake reads ``--config`` values as numbers and YAML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pydantic import BaseModel

from fetal_biometry.errors import InputError

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def as_typed(given: dict, entries: Iterable[str], parsed: Mapping, model: type[BaseModel]) -> dict:
    """Settings by name, texts among them as they were typed.

    ``run=2024_05_01`` reaches a workflow as the number 20240501, ``001`` as 1, ``images=scans #2`` as ``scans``.

    Parameters
    ----------
    given : dict
        What Snakemake gathered from files and from the command line.
    entries : iterable of str
        ``NAME=VALUE``, as typed behind ``--config``.
    parsed : mapping
        What Snakemake made of these; a setting that is another value by now was set in a Snakefile, and stays.
    model : type
        The settings, with their types.

    Raises
    ------
    InputError
        A number that no one else would read as Snakemake does, such as ``1_000``.
    """
    given = dict(given)
    for entry in entries:
        name, _, text = entry.partition("=")
        text = text.strip("'\"")  # as Snakemake does
        value = given.get(name)
        if name not in model.model_fields or not text or value != parsed.get(name):
            continue
        kind = model.model_json_schema()["properties"][name]
        number = isinstance(value, int | float) and not isinstance(value, bool)
        kinds = [kind, *kind.get("anyOf", ())]
        if "$ref" in kind or kind.get("type") == "string" or (not number and {"type": "string"} in kinds):
            given[name] = text
        elif number and not _NUMBER.fullmatch(text.strip()):
            raise InputError(f"{name}={text} on the command line is read as {value:g}; write plain digits.")
    return given
