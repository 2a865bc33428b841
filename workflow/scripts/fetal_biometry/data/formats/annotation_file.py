"""What the files of annotation tools share: they hold JSON, and name images by paths."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fetal_biometry.errors import InputError
from fetal_biometry.names import on_disk


def read_json(path: Path, tool: str):
    """What a JSON file holds.

    Raises
    ------
    InputError
        A file that is missing or no JSON.
    """
    try:
        return json.loads(on_disk(path).read_text(encoding="utf-8-sig"))
    except OSError:
        raise InputError(f"{path}: the label file does not exist; give landmark_table=FILE, {tool}.") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: no JSON ({error}); export it once more, {tool}.") from None


def base_name(name: str) -> str:
    """The name of a file on whatever system its path was written."""
    return name.replace("\\", "/").rpartition("/")[2]


@contextmanager
def in_form(path: Path, tool: str) -> Iterator[None]:
    """Make an `InputError` of whatever reading a file of another form raises than the dataset's name says."""
    try:
        yield
    except InputError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ElementTree.ParseError) as error:
        raise InputError(f"{path}: not {tool} ({error!r}); export it once more, or give another dataset.") from None
