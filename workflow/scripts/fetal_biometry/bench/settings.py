"""The numbers of ``bench.yaml``."""

from __future__ import annotations

from pydantic import Field, PositiveInt, ValidationError

from fetal_biometry.errors import InputError
from fetal_biometry.problems import Block, describe_problem, read_mapping


class BenchSettings(Block):
    """How much is timed; ``bench.yaml`` says what each number means."""

    images: int = Field(ge=2)
    rounds: PositiveInt
    measured: PositiveInt
    run_at: PositiveInt
    plan_at: list[PositiveInt] = Field(min_length=1)
    default_run: dict


def read_settings(path) -> BenchSettings:
    """The numbers that a file states.

    Raises
    ------
    InputError
        A missing or unknown number, or one out of range.
    """
    try:
        return BenchSettings.model_validate(read_mapping(path))
    except ValidationError as error:
        raise InputError(f"{path}: {describe_problem(error, BenchSettings)}") from None
