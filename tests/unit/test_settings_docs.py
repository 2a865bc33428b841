"""config/README.md, config/schema.json and docs/outputs.md are what the code gives."""

import json
from pathlib import Path

import pytest

from fetal_biometry.configuration import Config
from fetal_biometry.outputs_docs import outputs
from fetal_biometry.recipe import Recipe
from fetal_biometry.settings_docs import BLOCKS, readme, schema

ROOT = Path(__file__).parents[2]


PAGES = {"config/README.md": readme(ROOT / "recipes"), "config/schema.json": schema(), "docs/outputs.md": outputs()}


@pytest.mark.parametrize("name, made", PAGES.items())
def test_a_page_is_what_the_code_gives(name, made):
    assert (ROOT / name).read_text(encoding="utf-8") == made, "run `make settings`"


def test_every_setting_recipe_and_value_stands_in_a_row():
    text, blocks = readme(ROOT / "recipes"), BLOCKS.values()
    names = {*Config.model_fields, *(path.stem for path in (ROOT / "recipes").glob("*.yaml"))}
    names |= {name for block in blocks for name in block.model_fields}
    assert all(f"\n| `{name}` | " in text for name in names)
    assert set(BLOCKS) == set(Recipe.model_fields)


def test_no_text_breaks_its_row():
    for row in [line for page in PAGES.values() for line in page.splitlines()]:
        if row.startswith("| `"):
            assert row.count("|") in (3, 5), row


def test_the_schema_names_every_setting():
    assert set(json.loads(schema())["properties"]) == set(Config.model_fields)
