"""README and docs: short, with links that lead somewhere, settings and commands that exist, and today's words."""

import re
from pathlib import Path

import numpy as np
import pytest

from fetal_biometry.configuration import Config
from fetal_biometry.data.formats.landmark_table import read_landmark_table
from fetal_biometry.data.phantom import plan_phantoms, true_landmarks

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "config" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROSE = [*PAGES, *(path for folder in ("datasets", "recipes") for path in (ROOT / folder).glob("*.yaml"))]
PROSE += [ROOT / name for name in ("config.yaml", "limits.yaml", "bench.yaml", "Makefile")]
RETIRED = (
    r"strangers?|gated?|finder|closeups?|zooms|reflections|second_opinion|(?:one|second)_look|looks|suspects?|doubtful"
    r"|cross_fit|rehears(?:al|ed)|(?:interval_)?assurance|drift|stretch(?:ed)?|knobs?|filled heads?|comes? along"
    r"|put aside"
)
MAKE_VARIABLES = {"IMAGES", "PIXEL_SIZE", "RUN", "PYTHON", "FAULTS", "FUZZ", "PLANS", "RESULTS"}
OTHERS = {"runtime", "train_model", "slurm_account", "slurm_partition", "weights_only", "file", "NAME"}


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def test_readme_is_short_and_says_first_what_is_wanted_first():
    text = read(ROOT / "README.md")
    assert text.count("\n") <= 130 and len(text.split()) <= 1100
    first = "\n".join(text.splitlines()[:60])
    assert all(word in first for word in ("make measure", "| BPD |", "landmarks.csv", "Research use only"))


def anchors(page: Path) -> set[str]:
    """What a heading is called in an address, as GitHub does it."""
    titles = re.findall(r"^#+ (.+)$", read(page), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_what_exists(page):
    links = re.findall(r"\]\(([^)]+)\)", read(page)) + re.findall(r'src="([^"]+)"', read(page))
    for link in links:
        if not link.startswith("https://"):
            name, _, anchor = link.partition("#")
            target = page.parent / name if name else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def test_the_index_names_every_page():
    named = set(re.findall(r"\]\((\w[\w-]*\.md)", read(ROOT / "docs" / "README.md")))
    assert named == {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_is_set_in_code_is_a_setting(page):
    code = re.findall(r"`([^`\n]+)`", read(page)) + re.findall(r"^```sh\n(.*?)^```", read(page), flags=re.M | re.DOTALL)
    names = {name for text in code for name in re.findall(r"(?<![\w.$(\"'-])([A-Za-z_]\w*)=", text)}
    assert names <= set(Config.model_fields) | MAKE_VARIABLES | OTHERS


def test_the_table_of_commands_has_each_rule_that_is_asked_for_by_name():
    rules = "\n".join(read(path) for path in [ROOT / "Snakefile", *(ROOT / "workflow" / "rules").glob("*.smk")])
    table = read(ROOT / "docs" / "commands.md").split("| (nothing else)")[1].split("\n\n")[0]
    named = {name for row in table.splitlines()[1:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named <= set(re.findall(r"^(?:use )?rule (?:\w+ as )?(\w+)(?: with)?:", rules, flags=re.M))
    targets = set(re.findall(r"^rule (\w+):", read(ROOT / "Snakefile"), flags=re.M)) - {"all"}
    assert targets <= named


@pytest.mark.parametrize("page", PROSE, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_retired_word(page):
    found = re.findall(rf"\b(?:{RETIRED})\b", read(page))
    assert not found


def test_the_template_of_labels_is_read_as_the_head_of_the_example():
    (label,) = read_landmark_table(ROOT / "resources" / "templates" / "landmarks.csv", Config())
    assert (ROOT / "resources" / "examples" / label.image_name).is_file()
    assert np.reshape(label.landmarks, (4, 2)) == pytest.approx(true_landmarks(plan_phantoms(1, seed=20))[0], abs=0.051)
    assert label.row["pixel_size_mm"] == "0.14"
