"""Csv files that people bring, read strictly, with errors that name file, row and remedy; and cells that they open."""

import csv
import math
import re
from pathlib import Path

from fetal_biometry.errors import InputError
from fetal_biometry.names import composed, on_disk

OTHER_TABLES = (".xlsx", ".xls", ".ods", ".numbers", ".tsv", ".tab", ".txt")  # suffixes of tables that are no csv files
_WORDS = r"(?:true|truth|gt|ref|reference|manual|measured|value|in|mm|cm|inch|inches)"  # beside a length's name
_STATED = rf"^(?:{_WORDS}\W*_?)*(?:{{}})(?:\W*_?{_WORDS})*\W*$"
ALIKE = {  # what other columns for the same fact are called, whose unit or meaning is not known
    "pixel_size_mm": r"pixel.*(size|spacing|width|height|mm|cm|\bum\b)|spacing|mm_?(per|/)|per_?(px|pixel)|"
    r"(px|size).?(to|size|mm|cm)",
    "gestational_age_weeks": r"gestation|\bga\b|\bga_|weeks",
    "reference_hc_mm": _STATED.format(r"hc|head.?circ\w*"),
    "reference_bpd_mm": _STATED.format("bpd|biparietal.diameter"),
    "reference_ofd_mm": _STATED.format("ofd|fod|(occipito.?frontal|fronto.?occipital).diameter"),
}
FORMULA_MARKS = ("=", "+", "-", "@", "\t", "\r")  # with which a cell begins that spreadsheets calculate


def as_text(cell: str) -> str:
    """A text as a cell that no spreadsheet calculates: with a single quote in front where it would.

    Examples
    --------
    >>> as_text("=1+1.png"), as_text("000_HC.png")
    ("'=1+1.png", '000_HC.png')
    """
    return f"'{cell}" if cell.startswith(FORMULA_MARKS) else cell


class Row(dict):
    """A table's row that knows where it stands: ``row.place`` is ``file, row 12 (000_HC.png)``."""

    def __init__(self, values: dict, table: Path, number: int):
        super().__init__(values)
        self.table, self.number = table, number

    @property
    def place(self) -> str:
        first = next(iter(self.values()), "")
        return f"{self.table}, row {self.number} ({first})"

    def number_in(self, column: str, minimum: float = -math.inf) -> float:
        """The finite number in a column, or InputError."""
        text = self[column].strip()
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value < minimum:
            wanted = "a finite number" if minimum == -math.inf else f"a number of at least {minimum:g}"
            raise InputError(f"{self.place}: {column} is {text!r}, not {wanted}; correct or remove the row.")
        return value


def read_table(
    path,
    columns: dict[str, tuple[str, ...]],
    optional: tuple[str, ...] = (),
    refuse_alike: bool = True,
    separator: str = ",",
) -> list[Row]:
    """Read a csv file whose columns may go by several names.

    Parameters
    ----------
    path : path
    columns : dict
        For each wanted column the names it may have in the header, whose case, blanks and brackets do not count.
    optional : tuple of str
        Wanted columns that may be missing; they are then empty strings.
    refuse_alike : bool
        Whether another column whose name is like a missing one's is refused; else it is passed over.
    separator : str
        Between cells.

    Returns
    -------
    list of Row
        With the wanted names as keys; row 1 is the header, as in a spreadsheet.

    Raises
    ------
    InputError
        When the file is missing, is no csv file, lacks a column, has it twice or has one like it under another name,
        or a row is too short or too long.
    """
    path = on_disk(Path(path))
    if path.suffix.lower() in OTHER_TABLES:
        raise InputError(f"{path}: a csv file is wanted, not {path.suffix}; save it as csv and name that file.")
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            lines = list(csv.reader(file, delimiter=separator))
    except OSError as error:
        what = "does not exist" if isinstance(error, FileNotFoundError | IsADirectoryError) else "cannot be read"
        raise InputError(f"{path}: the table {what}; correct its path in the configuration.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a csv file in UTF-8 ({error}); save it as one.") from error
    header = [composed(name.strip().lower()) for name in (lines[0] if lines else [])]
    place = _places(path, header, columns, optional, refuse_alike)
    rows = []
    for number, cells in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) < len(header) or any(cell.strip() for cell in cells[len(header) :]):
            remedy = "complete the row" if len(cells) < len(header) else "quote cells that hold a comma"
            raise InputError(
                f"{path}, row {number} ({cells[0]}): {len(cells)} cells under {len(header)} columns; {remedy}."
            )
        found = {name: composed(cells[place[name]].strip()) if name in place else "" for name in columns}
        rows.append(Row(found, path, number))
    return rows


def _places(
    path: Path, header: list[str], columns: dict[str, tuple[str, ...]], optional: tuple[str, ...], refuse_alike: bool
) -> dict[str, int]:
    """Where in the header each wanted column stands that is there."""
    place, plain = {}, [_plain(name) for name in header]
    for wanted, names in columns.items():
        found = [plain.index(name) for name in map(_plain, names) if name in plain]
        alike = [] if found else [name for name in header if re.search(ALIKE.get(wanted, r"(?!)"), name)]
        if found:
            place[wanted] = found[0]
            if plain.count(plain[found[0]]) > 1:
                raise InputError(f"{path}: the column {header[found[0]]} stands twice; remove one.")
        elif alike and refuse_alike:
            raise InputError(
                f"{path}: the column {alike[0]} resembles {wanted}, but may hold something else; call it {wanted} and "
                f"give {'millimetres' if wanted.endswith('mm') else 'weeks'}, or remove it."
            )
        elif wanted not in optional:
            remedy = "add the column or name another file"
            if len(header) == 1 and re.search("[;\t|]", header[0]):
                remedy = "save it with commas between the columns and points in numbers"
            raise InputError(
                f"{path}: no column {' or '.join(names)} in its header ({', '.join(header) or 'empty file'}); {remedy}."
            )
    return place


def _plain(name: str) -> str:
    """A column's name without case, blanks and brackets: ``hc_mm`` for ``HC [mm]``."""
    return re.sub(r"[\W_]+", "_", name.lower()).strip("_")


def index_by_name(rows: list[Row]) -> dict[str, Row]:
    """Rows by ``image_name``; InputError when a name stands twice."""
    named: dict[str, Row] = {}
    for row in rows:
        name = row["image_name"]
        if not name:
            raise InputError(f"{row.table}, row {row.number}: no image name; complete or remove the row.")
        if name in named:
            raise InputError(
                f"{row.place}: the same name stands in row {named[name].number} already; keep one of the two."
            )
        named[name] = row
    return named
