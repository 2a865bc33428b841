"""How a model does on planes of other centres: heads that pass, negatives that do not, and sizes beside a reference."""

from __future__ import annotations

import numpy as np
import pandas as pd
from markupsafe import Markup

from fetal_biometry.frames import points_of
from fetal_biometry.measure.flags import doubts_of
from fetal_biometry.report.bootstrap import share_interval
from fetal_biometry.report.overlays import image_of, is_drawn, overlay
from fetal_biometry.report.page_tables import Block, Cell, Table
from fetal_biometry.report.pages import fill_template
from fetal_biometry.report.wording import MISSING, count, number, percent
from fetal_biometry.terms import LENGTHS, REFERENCE_COLUMNS

TABLE = ("centre", "images", "reference", "figure", "n", "count", "value", "low", "high")
ALL = "all centres"
WHOLE, CUT, HEADS, NEGATIVES = "whole heads", "cut heads", "heads", "negatives"
HEAD = "head"  # the presence that passes
SHOWN = 12  # pictures of a kind, at most
IMAGE_WIDTH_PX = 420


def report_elsewhere(found: pd.DataFrame, run: str, model: str, level: float, note: str = "") -> tuple:
    """The table of figures and the page as text.

    Parameters
    ----------
    found : DataFrame
        A row for each image: ``image_name``, ``path``, ``plane``, ``centre``, ``whole`` (whether the frame shows the
        head whole), ``is_head``, landmarks in original pixels, ``bpd_px``, ``ofd_px``, ``hc_px`` and their ends
        (``bpd_px_low``), NaN where no length is given; ``flags``; ``presence`` (head, faint head, no head);
        ``reference_kind`` and ``reference_bpd_px``, ``reference_ofd_px``, ``reference_hc_px``, empty and NaN where
        there is none; ``passes_dotted``, whether the image passes with a dotted ellipse
        drawn on it. ``frame`` and `terms.REFERENCE_COLUMNS` where they are known. An image with two references has
        two rows. Duplicates are left out before.
    run, model : str
        What the page names.
    level : float
        Of the intervals.
    note : str
        What a reader must know of the images, such as which of them had a part in training.

    Returns
    -------
    table : DataFrame
        See `elsewhere_table`.
    page : str
    """
    table = elsewhere_table(found)
    return table, _page(found, table, {"run": run, "model": model, "level": level, "note": note})


def elsewhere_table(found: pd.DataFrame) -> pd.DataFrame:
    """A row for each figure of a centre, with `TABLE`'s columns; see `report_elsewhere` for ``found``.

    Shares (``passed``, ``passed_dotted`` with a dotted ellipse drawn on the image, ``with_length``, ``without_length``,
    ``bpd_coverage``) are count over n with their 95 % interval (Wilson). Ratios (``bpd_ratio``) are measured over
    reference: the median, and the 5th and 95th percentile; of these ``bpd_difference`` is the mean distance from 1. An
    image passes as a head where it has a length, is taken for a head and has no flag that doubts it.
    """
    images = found.drop_duplicates("path")
    centres = {str(centre): rows for centre, rows in images.groupby("centre")}
    parts = ({ALL: images} if len(centres) > 1 else {}) | centres
    rows = [row for centre, part in parts.items() for row in _shares(centre, part)]
    referenced = found[(found["reference_kind"] != "") & found["is_head"] & _measured(found)]
    for (centre, kind), part in referenced.groupby(["centre", "reference_kind"]):
        rows += [row for length in LENGTHS for row in _sizes(str(centre), str(kind), part, length)]
    return pd.DataFrame(rows, columns=list(TABLE)).astype({"n": int, "count": "Int64"})


def passes(found: pd.DataFrame) -> pd.Series:
    """Whether each image passes as a head without a flag that doubts it, bool."""
    doubted = pd.Series(doubts_of(found["flags"]), found.index, dtype=str) != ""
    return _measured(found) & (found["presence"] == HEAD) & ~doubted


def _measured(found: pd.DataFrame) -> pd.Series:
    return found["hc_px"].notna()


def _shares(centre: str, images: pd.DataFrame) -> list[dict]:
    """What passes, and what has a length, of each kind of image of a centre."""
    is_head, whole = images["is_head"].astype(bool), images["whole"].astype(bool)
    passed, measured = passes(images), _measured(images)
    figures = [(WHOLE, is_head & whole, "passed", passed), (CUT, is_head & ~whole, "passed", passed)]
    figures += [(HEADS, is_head, "without_length", ~measured)]
    figures += [(NEGATIVES, ~is_head, "passed_dotted", images["passes_dotted"])]
    planes = sorted(images.loc[~is_head, "plane"].unique())
    groups = {NEGATIVES: ~is_head} | {plane: ~is_head & (images["plane"] == plane) for plane in planes}
    for name, inside in groups.items():
        figures += [(name, inside, "passed", passed), (name, inside, "with_length", measured)]
    return [
        {"centre": centre, "images": name, "reference": "", "figure": figure, **_share(which[inside])}
        for name, inside, figure, which in figures
        if inside.any()
    ]


def _share(which: pd.Series) -> dict:
    n, found = len(which), int(which.sum())
    low, high = share_interval(found, n)
    return {"n": n, "count": found, "value": found / n, "low": low, "high": high}


def _sizes(centre: str, kind: str, heads: pd.DataFrame, length: str) -> list[dict]:
    """One length beside a reference of one kind: its ratio, the mean distance from 1, and the intervals' coverage."""
    column, reference = f"{length}_px", heads[f"reference_{length}_px"].astype(float)
    heads, reference = heads[reference.notna()], reference.dropna()
    if heads.empty:
        return []
    ratio = heads[column] / reference
    low, middle, high = np.percentile(ratio, [5, 50, 95])
    place = {"centre": centre, "images": HEADS, "reference": kind}
    rows = [
        {"figure": f"{length}_ratio", "n": len(ratio), "value": middle, "low": low, "high": high},
        {"figure": f"{length}_difference", "n": len(ratio), "value": (ratio - 1).abs().mean()},
    ]
    ends = heads[[f"{column}_low", f"{column}_high"]].astype(float)
    inside = (reference >= ends.iloc[:, 0]) & (reference <= ends.iloc[:, 1])
    known = ends.notna().all(axis=1)
    if known.any():
        rows.append({"figure": f"{length}_coverage", **_share(inside[known])})
    return [place | row for row in rows]


def _page(found: pd.DataFrame, table: pd.DataFrame, facts: dict) -> str:
    rows = found.assign(passes=passes(found), hc_ratio=found["hc_px"] / found["reference_hc_px"])
    rows["flag_list"] = [[flag for flag in flags.split(";") if flag] for flags in rows["flags"]]
    return fill_template(
        "elsewhere.html.j2",
        **facts,
        rows=rows.to_dict("records"),
        n=rows["path"].nunique(),
        passing=_passing_table(table[table["reference"] == ""]),
        sizes=_sizes_table(table[table["reference"] != ""]),
        gallery=_gallery(rows),
    )


def _passing_table(shares: pd.DataFrame) -> Table:
    """What passes and what has a length, by centre."""
    columns = {
        (WHOLE, "passed"): "Whole heads that pass",
        (CUT, "passed"): "Cut heads that pass",
        (HEADS, "without_length"): "Heads without a length",
        (NEGATIVES, "with_length"): "Negatives with a length",
        (NEGATIVES, "passed"): "Negatives that pass",
        (NEGATIVES, "passed_dotted"): "With a dotted ellipse",
    }
    planes = sorted(set(shares["images"]) - {WHOLE, CUT, HEADS, NEGATIVES})
    columns |= {(plane, "passed"): plane.capitalize() for plane in planes}
    rows = []
    for centre, part in shares.groupby("centre", sort=False):
        figures = part.set_index(["images", "figure"]).to_dict("index")
        rows.append((centre, [_counted(figures.get(column), ends=True) for column in columns]))
    return Table("passing", "What passes, by centre", ["Centre", *columns.values()], [Block(rows)])


def _sizes_table(sizes: pd.DataFrame) -> Table | None:
    """Ratios and coverage by centre and reference; None without a reference."""
    if sizes.empty:
        return None
    headings = ["Centre", "Reference", "n", *(f"{length.upper()} ratio" for length in LENGTHS)]
    headings += ["HC, mean distance from 1", *(f"{length.upper()} in interval" for length in LENGTHS)]
    blocks = []
    for centre, of_centre in sizes.groupby("centre", sort=False):
        rows = []
        for kind, part in of_centre.groupby("reference", sort=False):
            figures = part.set_index("figure").to_dict("index")
            ratios, off = [figures.get(f"{length}_ratio") for length in LENGTHS], figures.get("hc_difference")
            cells = [Cell(count(off and off["n"])), *map(_ratio, ratios), Cell(percent(off and off["value"], 1))]
            rows.append((kind, [*cells, *(_counted(figures.get(f"{length}_coverage")) for length in LENGTHS)]))
        blocks.append(Block(rows, centre))
    return Table("ratios", "Sizes, by centre and reference", headings, blocks)


def _counted(figure: dict | None, ends: bool = False) -> Cell:
    if figure is None:
        return Cell(MISSING)
    interval = f"{number(100 * figure['low'], 1)}–{percent(figure['high'], 1)}"
    return Cell(f"{count(figure['count'])} of {count(figure['n'])}", interval if ends else "")


def _ratio(figure: dict | None) -> Cell:
    if figure is None:
        return Cell(MISSING)
    return Cell(number(figure["value"], 3), f"{number(figure['low'], 3)}–{number(figure['high'], 3)}")


def _gallery(rows: pd.DataFrame) -> list[tuple[str, str, list[dict]]]:
    """The worst images, drawn, by kind: each with a name and a title."""
    images = rows.drop_duplicates("path")
    images = images.iloc[images.groupby("centre").cumcount().argsort(kind="stable")]  # each centre in turn
    is_head = images["is_head"].astype(bool)
    missed = images[is_head & images["whole"].astype(bool) & ~images["passes"]]
    usual = rows.groupby(["centre", "reference_kind"])["hc_ratio"].transform("median")
    off = (rows["hc_ratio"] / usual - 1).abs().where(rows["is_head"].astype(bool))
    groups = (
        ("negatives", "Negatives that pass as heads", images[~is_head & images["passes"]]),
        ("missed", "Whole heads that do not pass", missed.sort_values("hc_px", na_position="first", kind="stable")),
        ("sizes", "Heads whose HC is furthest from what is usual in their centre",
         rows.loc[off.dropna().sort_values(ascending=False, kind="stable").index]),
    )  # fmt: skip
    return [
        (name, title, [{**row, "overlay": _drawn(row)} for row in part.head(SHOWN).to_dict("records")])
        for name, title, part in groups
        if len(part)
    ]


def _drawn(row: dict) -> Markup:
    """An image with the head that was measured and, where it is known, that of the reference."""
    frame = pd.DataFrame([row]).reindex(columns=[*row, *(c for c in REFERENCE_COLUMNS if c not in row)])
    head = points_of(frame)[0]
    heads = {"prediction": head, "reference": points_of(frame, "reference_")[0]}
    label = f"Ultrasound image {row['image_name']}" + (" with the measured head" if is_drawn(head) else "")
    return overlay(image_of({"frame": "", **row}), heads, label, IMAGE_WIDTH_PX)
