"""The pages that the code writes: config/ (settings, recipes, a JSON schema) and docs/outputs.md. ``make settings``."""

import json
import sys
from pathlib import Path

import yaml
from pydantic import BaseModel

from fetal_biometry.configuration import Config
from fetal_biometry.outputs_docs import markdown_table, outputs
from fetal_biometry.recipe import Augmentation, Network, NoisyLabels, Reading, Training

README = """# Configuration

`make settings` writes this page and `schema.json` from the code. Do not edit them.

- **Settings** say which images, labels and recipe a run takes. `config.yaml` shows those that users change. Every
  setting below can stand in `config.yaml`, in a file given with `--configfile FILE`, or on the command line, as
  `--config NAME=VALUE`. The command line wins over the file, the file over `config.yaml`. A setting that is left out or
  empty has its default.
- **Recipes** say how a network is built, trained and read. They are files in `recipes/`; `recipe: NAME` chooses one.
- **Limits** say when a label is invalid and when a measurement is flagged. They are in `limits.yaml`.
- **Benchmarks** have their numbers in `bench.yaml`.

A wrong name or value stops the run with one line that says what is allowed. An editor with YAML support checks a file
while you type, if the file starts with `# yaml-language-server: $schema=config/schema.json`.

## Settings

{settings}

## Recipes

{recipes}

`recipes/heatmap.yaml` holds every value. Another file says which recipe it `extends` and what it changes. A new file in
`recipes/` is a new recipe.

{blocks}
"""
BLOCKS = {"network": Network, "training": Training, "augmentation": Augmentation,
          "noisy_labels": NoisyLabels, "reading": Reading}  # fmt: skip


def describe_settings() -> str:
    """A table of all settings, as Markdown."""
    rows, schema = [], Config.model_json_schema()
    for name, field in Config.model_fields.items():
        default = json.dumps(field.default, default=str) if field.default not in ("", None) else ""
        rows.append((f"`{name}`", default, _values(schema["properties"][name], schema), field.description))
    return markdown_table(("setting", "default", "values", "meaning"), rows)


def _values(facts: dict, schema: dict) -> str:
    """What a setting can be, in a few words."""
    if "$ref" in facts:
        facts = schema["$defs"][facts["$ref"].rpartition("/")[2]]
    if "anyOf" in facts:
        return " or ".join(
            dict.fromkeys(_values(kind, schema) for kind in facts["anyOf"] if kind.get("type") != "null")
        )
    if "enum" in facts:
        return ", ".join(map(str, facts["enum"]))
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true, false", "array": "list"}
    ends = {"minimum": "from {}", "exclusiveMinimum": "above {}", "maximum": "to {}", "exclusiveMaximum": "below {}"}
    return " ".join([words[facts["type"]], *(text.format(facts[end]) for end, text in ends.items() if end in facts)])


def describe_recipes(folder: Path) -> str:
    """A table of the recipes, each with the first sentence of its file."""
    rows = []
    for path in sorted(folder.glob("*.yaml")):
        lines = path.read_text(encoding="utf-8").splitlines()
        comment = " ".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))
        rows.append((f"`{path.stem}`", comment.split(". ")[0].rstrip(".")))
    return markdown_table(("recipe", "what it is"), rows)


def describe_block(name: str, block: type[BaseModel], values: dict) -> str:
    """A section about one block of a recipe, with the default recipe's values."""
    facts = block.model_json_schema()
    rows = []
    for key, field in block.model_fields.items():
        allowed = _values(facts["properties"][key], facts)
        rows.append((f"`{key}`", json.dumps(values[key]), allowed, field.description or ""))
    table = markdown_table(("value", "`heatmap`", "values", "meaning"), rows)
    return f"### `{name}`\n\n{' '.join(block.__doc__.split())}\n\n{table}"


def readme(recipes: Path) -> str:
    """The text of config/README.md."""
    values = yaml.safe_load((recipes / "heatmap.yaml").read_text(encoding="utf-8"))
    blocks = "\n\n".join(describe_block(name, block, values[name]) for name, block in BLOCKS.items())
    settings = describe_settings().replace("<", "&lt;")  # or Markdown takes <run> for a tag
    return README.format(settings=settings, recipes=describe_recipes(recipes), blocks=blocks)


def schema() -> str:
    """The text of config/schema.json."""
    return json.dumps(Config.model_json_schema(), indent=1) + "\n"


if __name__ == "__main__":
    root = Path(sys.argv[1])
    (root / "config" / "README.md").write_text(readme(root / "recipes"), encoding="utf-8")
    (root / "config" / "schema.json").write_text(schema(), encoding="utf-8")
    (root / "docs" / "outputs.md").write_text(outputs(), encoding="utf-8")
