"""The pictures in the docs show the report and the measurements as they are."""

import runpy
from pathlib import Path

import pytest
from PIL import Image

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("script, name", [("photograph_report.py", "report.png"), ("draw_head.py", "head.png")])
def test_a_picture_is_as_new_as_what_it_shows(script, name):
    """Where this fails: make run, make picture."""
    script = runpy.run_path(str(DOCS / script))
    with Image.open(DOCS / name) as picture:
        assert picture.size == (1400, 1000)
        assert picture.text["made-of"] == script["made_of"]()
