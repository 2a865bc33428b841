"""What the files of annotation tools share: they hold JSON, and name images by paths."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fetal_biometry.errors import InputError
from fetal_biometry.names import on_disk


def read_json(path: Path):
    """What a JSON file holds."""
    return json.loads(on_disk(path).read_text(encoding="utf-8-sig"))


def base_name(name: str) -> str:
    """The name of a file on whatever system its path was written."""
    return name.replace("\\", "/").rpartition("/")[2]


@contextmanager
def in_form(path: Path, tool: str) -> Iterator[None]:
    """Make an `InputError` of whatever reading a file raises that is missing, or of another form than its dataset."""
    try:
        yield
    except InputError:
        raise
    except OSError:
        raise InputError(f"{path}: the label file does not exist; give landmark_table=FILE, {tool}.") from None
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError, ElementTree.ParseError) as error:
        raise InputError(f"{path}: not {tool} ({error!r}); export it once more, or give another dataset.") from None
