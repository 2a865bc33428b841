"""The numbers of ``bench.yaml``."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from fetal_biometry.errors import InputError
from fetal_biometry.problems import describe_problem


class BenchSettings(BaseModel):
    """How much is measured; ``bench.yaml`` says what each number means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: int = Field(ge=2)
    rounds: PositiveInt
    resident: list[PositiveInt] = Field(min_length=1)
    run_at: PositiveInt
    plan_at: list[PositiveInt] = Field(min_length=1)


def read_settings(path) -> BenchSettings:
    """The numbers that a file states.

    Raises
    ------
    InputError
        A missing or unknown number, or one out of range.
    """
    try:
        return BenchSettings.model_validate(yaml.safe_load(Path(path).read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not a readable file ({' '.join(str(error).split())}).") from None
    except ValueError as error:
        raise InputError(f"{path}: {describe_problem(error, BenchSettings)}") from None
