"""The limits of the audit and of the flags, from ``limits.yaml``. One with a default here may be left out there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, ValidationError, model_validator

from fetal_biometry.errors import InputError
from fetal_biometry.problems import Block, describe_problem, read_mapping

Limit = Annotated[float, Field(ge=0)]
Share = Annotated[Limit, Field(le=1)]
Divisor = Annotated[Limit, Field(gt=0, le=10)]
Angle = Annotated[Limit, Field(gt=0, le=90)]


class AuditLimits(Block):
    """What four landmarks of one head cannot be."""

    shortest_ratio: Share
    longest_ratio: Annotated[Limit, Field(ge=1)]
    midpoint_distance: Divisor
    angle_deg: Angle
    shortest_diameter: Share


class NetworkLimits(Block):
    """Where an out-of-fold network overrules a label."""

    disagreement: Divisor
    confidence: Share


class FlagLimits(Block):
    """Beyond which a measurement is flagged."""

    confidence: Share
    height: Share
    disagreement: Share
    contrast: Share
    interval: Divisor
    cephalic_index_low: Share
    cephalic_index_high: Limit
    hc_low_mm: Limit
    hc_high_mm: Limit
    angle_deg: Angle
    midpoint_distance: Divisor
    border_px: Limit
    straight_edge: Limit
    second_disagreement: Share
    pixel_size: Share
    stated_length: Share

    @model_validator(mode="after")
    def _check_pairs(self) -> FlagLimits:
        for low, high in (("cephalic_index_low", "cephalic_index_high"), ("hc_low_mm", "hc_high_mm")):
            if getattr(self, low) >= getattr(self, high):
                raise ValueError(f"{low} is not below {high}, so that every head would be flagged")
        return self


class ReviewLimits(Block):
    """What an audit by networks needs."""

    audit: AuditLimits
    audit_networks: NetworkLimits


class Limits(ReviewLimits):
    """All limits of ``limits.yaml``."""

    flags: FlagLimits


Kind = TypeVar("Kind", AuditLimits, ReviewLimits, FlagLimits, Limits)


def read_limits(path: str | Path, kind: type[Kind] = Limits) -> Kind:
    """The limits that a file states: all of them, or those of one reader, see `by_reader`.

    Raises
    ------
    InputError
        A missing file or limit, an unknown one, one out of its range.
    """
    try:
        return kind.model_validate(read_mapping(path))
    except ValidationError as error:
        raise InputError(f"{path}: {describe_problem(error, kind)}") from None


def by_reader(limits: Limits) -> dict[str, dict]:
    """Plain values for each kind of reader, so that a limit of the flags trains nothing anew."""
    values = limits.model_dump()
    review = {name: values[name] for name in ReviewLimits.model_fields}
    return {"audit": values["audit"], "review": review, "flags": values["flags"]}
