"""The picture of a report in the docs shows the report as it is."""

import runpy
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).parents[2] / "docs"


def test_the_picture_is_as_new_as_the_report():
    """Where this fails: make run, make picture."""
    script = runpy.run_path(str(DOCS / "photograph_report.py"))
    with Image.open(DOCS / "report.png") as picture:
        assert picture.size == (1400, 1000)
        assert picture.text["made-of"] == script["made_of"]()
