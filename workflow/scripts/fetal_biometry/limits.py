"""The limits of the audit and of the flags, from ``limits.yaml``."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from fetal_biometry.errors import InputError


@dataclass(frozen=True)
class AuditLimits:
    """What four landmarks of one head cannot be."""

    shortest_ratio: float
    longest_ratio: float
    midpoint_distance: float
    angle_deg: float
    shortest_diameter: float


@dataclass(frozen=True)
class NetworkLimits:
    """Where an out-of-fold network overrules a label."""

    disagreement: float
    confidence: float


@dataclass(frozen=True)
class FlagLimits:
    """Beyond which a measurement is flagged."""

    confidence: float
    height: float
    disagreement: float
    contrast: float
    interval: float
    cephalic_index_low: float
    cephalic_index_high: float
    hc_low_mm: float
    hc_high_mm: float
    angle_deg: float
    midpoint_distance: float
    border_px: float

    def __post_init__(self):
        for low, high in (("cephalic_index_low", "cephalic_index_high"), ("hc_low_mm", "hc_high_mm")):
            if getattr(self, low) >= getattr(self, high):
                raise InputError(f"flags.{low} is not below flags.{high}, so that every head would be flagged.")


@dataclass(frozen=True)
class Limits:
    """All limits of a file."""

    audit: AuditLimits
    audit_networks: NetworkLimits
    flags: FlagLimits


def read_limits(path) -> Limits:
    """The limits that a file states.

    Raises
    ------
    InputError
        A missing file or limit, an unknown one, or one that is no number of at least 0.
    """
    try:
        given = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not a readable file of limits ({' '.join(str(error).split())}).") from None
    blocks = {"audit": AuditLimits, "audit_networks": NetworkLimits, "flags": FlagLimits}
    found = {}
    for name, kind in blocks.items():
        values, wanted = (given or {}).get(name) or {}, {field.name for field in fields(kind)}
        if wrong := sorted(wanted ^ values.keys()):
            what = "no limit of this name is known" if wrong[0] in values else "the limit is missing"
            raise InputError(f"{path}: {name}.{wrong[0]}: {what}; {name} holds {', '.join(sorted(wanted))}.")
        for key, value in values.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
                raise InputError(f"{path}: {name}.{key} is {value!r}; give a number of at least 0.")
        try:
            found[name] = kind(**values)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
    return Limits(**found)
