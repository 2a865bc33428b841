"""The lengths that a site measured itself: a csv of millimetres, landmarks or ellipses, a row an image."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date

from fetal_biometry.data.source import NAME_COLUMN
from fetal_biometry.errors import InputError
from fetal_biometry.model.geometry import head_circumference
from fetal_biometry.tables import Row, index_by_name, read_table
from fetal_biometry.terms import COLUMNS

MILLIMETRES = ("bpd_mm", "ofd_mm", "hc_mm")
ELLIPSE = ("ellipse_minor_px", "ellipse_major_px")
DATE = "measured_on"
_OTHER_FORMULA = 0.05  # by more a stated HC is no circumference of these diameters, by whatever formula


@dataclass(frozen=True)
class SiteHead:
    """One image as its site measured it: ``bpd``, ``ofd`` and ``hc`` in mm, or in original pixels; NaN where unknown.

    ``place`` says where it stands, for messages; ``measured_on`` is YYYY-MM-DD, or empty.
    """

    image_name: str
    place: str
    in_mm: bool
    bpd: float
    ofd: float
    hc: float
    measured_on: str


def read_site_table(path) -> list[SiteHead]:
    """The heads of a csv; where most rows have BPD above OFD, the two are exchanged in all.

    Raises
    ------
    InputError
        As of `tables.read_table`; a row without a length, with a bad number or date, or whose HC is not that of its
        diameters.
    """
    columns = {"image_name": NAME_COLUMN} | {name: (name,) for name in (*MILLIMETRES, *COLUMNS, *ELLIPSE, DATE)}
    rows = index_by_name(read_table(path, columns, optional=tuple(columns)[1:])).values()
    heads = [_head(row) for row in rows]
    if sum(head.bpd > head.ofd for head in heads) > len(heads) / 2:
        heads = [replace(head, bpd=head.ofd, ofd=head.bpd) for head in heads]
    return heads


def _head(row: Row) -> SiteHead:
    bpd, ofd, hc = math.nan, math.nan, math.nan
    in_mm = any(row[name] for name in MILLIMETRES)
    if in_mm:
        bpd, ofd, hc = (row.number_in(name, 1) if row[name] else math.nan for name in MILLIMETRES)
        if math.isnan(bpd) and math.isnan(ofd):
            raise InputError(f"{row.place}: hc_mm alone tells neither diameter; add bpd_mm and ofd_mm.")
    elif any(row[name] for name in COLUMNS):
        x = [row.number_in(name) for name in COLUMNS]
        ofd, bpd = math.dist(x[0:2], x[2:4]), math.dist(x[4:6], x[6:8])
    elif any(row[name] for name in ELLIPSE):
        bpd, ofd = sorted(row.number_in(name, 1) for name in ELLIPSE)
    else:
        raise InputError(
            f"{row.place}: no length; give bpd_mm and ofd_mm, the eight numbers {COLUMNS[0]} to {COLUMNS[-1]}, or "
            f"{' and '.join(ELLIPSE)}, or remove the row."
        )
    if 0 in (bpd, ofd):
        raise InputError(f"{row.place}: the two ends of a diameter are the same point; correct or remove the row.")
    own = float(head_circumference(bpd, ofd))
    if abs(hc / own - 1) > _OTHER_FORMULA:
        raise InputError(
            f"{row.place}: hc_mm is {hc:g}, but a head of BPD {bpd:g} and OFD {ofd:g} mm has {own:.1f}; correct or "
            "remove the row."
        )
    return SiteHead(row["image_name"], row.place, in_mm, bpd, ofd, own if math.isnan(hc) else hc, _day(row))


def _day(row: Row) -> str:
    try:
        return row[DATE] and date.fromisoformat(row[DATE]).isoformat()
    except ValueError:
        raise InputError(f"{row.place}: {DATE} is {row[DATE]!r}; write YYYY-MM-DD, or leave it empty.") from None
