"""What is wrong with settings, in one line."""

import difflib
from collections.abc import Iterator

from pydantic import BaseModel, ValidationError


def describe_problem(error: ValidationError, model: type[BaseModel]) -> str:
    """The first problem that pydantic found: which key, what is allowed, and the nearest name of an unknown key."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"] if not str(part).startswith(("function-", "constrained-")))
    if first["type"] == "extra_forbidden":
        names = sorted(_names(model))
        near = difflib.get_close_matches(key, names, 1) or difflib.get_close_matches(
            key.rpartition(".")[2], [name.rpartition(".")[2] for name in names], 1
        )
        return f"there is no setting {key!r}" + (f"; did you mean {near[0]!r}?" if near else ".")
    said = first["msg"].removeprefix("Value error, ")
    if not key:
        return f"{said}."
    if first["type"] == "missing":
        return f"{key} is missing; it has no default."
    return f"{key} is {first['input']!r}: {said[0].lower()}{said[1:]}."


def _names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        kinds = getattr(field.annotation, "__args__", (field.annotation,))
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _names(kind, f"{prefix}{name}.")
