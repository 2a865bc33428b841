"""How files of settings are read, and what is wrong with them, in one line."""

import difflib
from collections.abc import Iterator
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from fetal_biometry.errors import InputError

YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C, where PyYAML was built with it: ten times as fast


class Block(BaseModel):
    """Settings, each with a known name and a value of its own type: true is no number, and a text is none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


def read_mapping(path) -> dict:
    """What a YAML file says, by name.

    Raises
    ------
    InputError
        A file that is missing, no YAML, or no list of names with values.
    """
    try:
        said = yaml.load(Path(path).read_text(encoding="utf-8"), YAML)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read ({' '.join(str(error).split())}).") from None
    if not isinstance(said, dict | None):
        raise InputError(f"{path}: holds no names with values; write NAME: VALUE in each line.")
    return said or {}


def describe_problem(error: ValidationError, model: type[BaseModel], *others: str) -> str:
    """The first problem that pydantic found: which key, what is allowed, and the nearest name of an unknown key.

    ``others`` are names that are known beside the fields of ``model`` and of the models in it.
    """
    problems = error.errors()
    first = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    key = ".".join(str(part) for part in first["loc"] if part not in ("float", "str"))  # the kinds of a union
    if first["type"] == "extra_forbidden":
        return f"there is no setting {key!r}{nearest(key, [*field_names(model), *others]) or '.'}"
    said = first["msg"].removeprefix("Value error, ")
    if not key:
        return f"{said}."
    if first["type"] == "missing":
        return f"{key} is missing; it has no default."
    if first["type"] == "value_error":
        return f"{key}: {said}."
    if first["type"] == "string_type":  # such as 2024_05_01, in which YAML sees a number
        said += f"; in a file write it in quotes, {key}: '...'"
    return f"{key} is {first['input']!r}: {said[0].lower()}{said[1:]}."


def nearest(name: str, names: list[str]) -> str:
    """A question for the name of ``names`` that is most like one, or nothing where none is.

    Examples
    --------
    >>> nearest("epoch", ["run", "epochs"])
    "; did you mean 'epochs'?"
    """
    tail = name.rpartition(".")[2]
    close = difflib.get_close_matches(name, names, 1)
    close = close or [one for one in names if difflib.get_close_matches(tail, [one.rpartition(".")[2]], 1)]
    return f"; did you mean {close[0]!r}?" if close else ""


def field_names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Names of a model's fields, and of the fields of the models among them."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        for kind in getattr(field.annotation, "__args__", (field.annotation,)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from field_names(kind, f"{prefix}{name}.")
