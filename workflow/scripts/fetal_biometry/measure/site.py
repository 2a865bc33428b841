"""What a site's callipers make of the model's lengths: the factors of a ``site.json``, and those of named conventions.

Standard library and pydantic alone, so that a plan can read it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from fetal_biometry.digests import sha256_of
from fetal_biometry.errors import InputError
from fetal_biometry.problems import Block, describe_problem
from fetal_biometry.terms import LENGTHS, Calliper

OWN = "site"  # the convention of a site that measured images itself
_NEAR = 0.01  # a factor this near to 1 corrects nothing that callipers can tell


class Factor(Block):
    """What one diameter is multiplied by, and what that rests on."""

    factor: float = Field(gt=0.5, lt=2, description="1 where `refused` says why the length is not corrected")
    estimate: float | None = Field(None, description="Hodges-Lehmann estimate of the site's length over the model's")
    low: float | None = Field(None, description="low end of its 95 % interval")
    high: float | None = None
    n: int = Field(0, ge=0, description="images")
    refused: str = ""


class LeftOut(Block):
    """How a length fits the site's own where an image has no part in its factor and its interval."""

    n: int = Field(ge=0)
    before: float | None = Field(None, description="mean absolute difference, a share of the site's length")
    after: float | None = None
    held_before: int = Field(description="images whose interval holds the site's length")
    held_after: int


class Site(Block):
    """The content of ``site.json``."""

    convention: str = OWN
    bpd: Factor
    ofd: Factor
    widening: dict[Literal["bpd", "ofd", "hc"], Annotated[float, Field(ge=1)]] = Field(
        min_length=3, description="what the breadth of each length's interval is multiplied by"
    )
    leave_one_out: dict[str, LeftOut] = Field({})
    level: float | None = Field(None, description="share of true lengths that the intervals should hold")
    without_length: list[str] = Field([], description="images in which the model finds no head")
    date: str = Field("", description="the last day in measured_on of the site's table")
    model_sha256: str = Field("", description="empty: for any model of outer-to-outer ellipses tight on the bone")
    lengths_sha256: str = ""

    @property
    def corrects(self) -> bool:
        """Whether it changes a length."""
        return not (self.bpd.refused and self.ofd.refused)

    def summary(self) -> list[str]:
        """A line a length: its factor or why it has none, and how it fits before and after, leave one out."""
        lines = []
        for name, fit in self.leave_one_out.items():
            of = {"bpd": self.bpd, "ofd": self.ofd}.get(name)
            line = f"{name.upper()}: "
            if of:
                line += (
                    f"not corrected: {of.refused}; " if of.refused else f"x {of.factor:.4f} ({of.low} to {of.high}); "
                )
            line += f"n = {fit.n}, mean difference {_percent(fit.before)} before, {_percent(fit.after)} after; "
            lines.append(f"{line}your length in its interval: {fit.held_before} before, {fit.held_after} after")
        return lines

    def describe(self) -> str:
        """A line: the convention, and what BPD and OFD are multiplied by."""
        factors = (f"{name} x {of.factor:.4f} (n = {of.n})" for name, of in (("BPD", self.bpd), ("OFD", self.ofd)))
        return f"convention {self.convention}: {', '.join(factors)}"


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.1f} %"


def far_from_one(low: float, high: float) -> bool:
    """Whether a factor's interval lies where callipers can tell that it corrects something."""
    return low > 1 + _NEAR or high < 1 - _NEAR


def _named(convention: str, n: int, bpd: tuple, ofd: tuple, widening: tuple) -> Site:
    """A convention from each diameter's estimate and 95 % interval, as `calibrate_site` found them."""
    factors = []
    for estimate, low, high in (bpd, ofd):
        refused = "" if far_from_one(low, high) else "its interval comes within 1 % of 1: nothing to correct"
        factor = 1.0 if refused else estimate
        factors.append(Factor(factor=factor, estimate=estimate, low=low, high=high, n=n, refused=refused))
    widths = dict(zip(LENGTHS, widening, strict=True))
    return Site(convention=convention, bpd=factors[0], ofd=factors[1], widening=widths, level=0.9)


_MEASURED = (  # with the pretrained model, on images that it was not trained on
    # HC18's ellipses in its published test images
    _named("outer_to_outer_tight", 164, (1.0017, 0.9991, 1.0046), (1.0004, 0.9971, 1.0038), (1.1, 1.0, 1.0)),
    # ellipses that sonographers in Uganda drew (Zenodo 7540448)
    _named("outer_to_outer_scalp", 25, (1.0596, 1.0529, 1.0667), (0.9893, 0.9767, 1.0055), (1.18, 1.84, 2.12)),
    # landmarks of Di Vece et al. (arXiv 2512.16710) in images of Barcelona (Zenodo 3904280)
    _named("mid_skull", 35, (0.9812, 0.9762, 0.9849), (0.9683, 0.9572, 0.9771), (1.0, 1.31, 1.23)),
    # valid rows of the landmark challenge's table in published test images of HC18
    _named("outer_to_inner", 109, (0.9613, 0.9586, 0.9638), (1.0038, 1.0, 1.0072), (1.12, 1.3, 1.24)),
)
CONVENTIONS = {site.convention: site for site in _MEASURED}


def refuse_other_calliper(site: Site | None, calliper: Calliper) -> None:
    """InputError where a convention by name is to correct a model that takes BPD otherwise than the pretrained one."""
    if site and site.convention in CONVENTIONS and calliper != Calliper.OUTER_TO_OUTER:
        raise InputError(
            f"site={site.convention}: its factors are for models whose BPD is outer_to_outer, and this one's is "
            f"{calliper}; run `snakemake calibrate_site` with lengths of your own."
        )


def read_site(given: str | Path, model) -> Site | None:
    """The site that a setting names: a convention or a ``site.json``; None where it is empty.

    Raises
    ------
    InputError
        No such file, none of `calibrate_site`, one that corrects no length, or of another model.
    """
    if not str(given):
        return None
    if str(given) in CONVENTIONS:
        return CONVENTIONS[str(given)]
    try:
        site = Site.model_validate_json(Path(given).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise InputError(
            f"site: {given} cannot be read; give a site.json of `snakemake calibrate_site`, or a convention: "
            f"{', '.join(CONVENTIONS)}."
        ) from None
    except ValidationError as error:
        raise InputError(
            f"{given}: {describe_problem(error, Site)} Write it with `snakemake calibrate_site`."
        ) from None
    if not site.corrects:
        raise InputError(
            f"{given}: it corrects no length (BPD: {site.bpd.refused}; OFD: {site.ofd.refused}); leave site out."
        )
    if site.model_sha256 not in ("", sha256_of(model)):
        raise InputError(f"{given}: made for another model, not {model}; run `snakemake calibrate_site` with this one.")
    return site
