"""Contenders take turns, a program's costs are its own, and each kind of processor has a column with its goals."""

import sys
from pathlib import Path

import numpy as np
import pytest

from fetal_biometry.bench.commands import installed_mb, link
from fetal_biometry.bench.report import GOALS, TITLES, join_figures, tabulate
from fetal_biometry.bench.settings import read_settings
from fetal_biometry.bench.timing import interleave, run_costs
from fetal_biometry.errors import InputError

ROOT = Path(__file__).parents[2]


def test_contenders_take_turns_and_the_first_round_does_not_count():
    turns = []
    contenders = {name: lambda name=name: turns.append(name) or 2 for name in ("one", "other")}
    seconds = interleave(contenders, 3)
    assert turns == ["one", "other"] * 4
    assert all(values.shape == (3,) for values in seconds.values())


def test_memory_is_the_program_s_own_however_large_its_caller():
    held = np.ones(30_000_000)  # 240 MB
    small = run_costs([sys.executable, "-c", "print('hello')"])
    large = run_costs([sys.executable, "-c", "held = b'1' * 100_000_000"])
    assert small["mib"] < 60 and 95 < large["mib"] < 160 and small["seconds"] > 0
    assert held[-1] == 1


def test_a_failure_shows_the_output_of_the_program():
    with pytest.raises(RuntimeError, match="failed:\nno such luck"):
        run_costs([sys.executable, "-c", "import sys; sys.exit('no such luck')"])


def test_the_numbers_of_bench_yaml_are_checked(tmp_path):
    settings = read_settings(ROOT / "bench.yaml")
    goals = {count for goals in GOALS.values() for _, _, count in (name.partition("/") for name in goals) if count}
    assert goals == {str(count) for count in (settings.measured, settings.run_at, settings.plan_at[-1])}
    wrong = tmp_path / "bench.yaml"
    wrong.write_text("{images: 8, rounds: 0, measured: 3, run_at: 3, plan_at: [4], default_run: {}}")
    with pytest.raises(InputError, match=r"bench.yaml: rounds is 0"):
        read_settings(wrong)


def test_a_training_is_told_in_epochs_of_the_plain_loop():
    plain_epoch = {"plain_epoch_s_an_image": {"median": 0.5}}
    assert join_figures(plain_epoch, {}, {"trained_on": 20, "good_after_s": 5.0})["good_over_plain_epoch"] == 0.5
    assert join_figures(plain_epoch, {}, {"trained_on": 20, "good_after_s": None})["good_over_plain_epoch"] is None


def test_folders_grow_to_a_number_of_links(tmp_path):
    drawn, images = tmp_path / "drawn", tmp_path / "images"
    drawn.mkdir()
    images.mkdir()
    (drawn / "a.png").write_text("a")
    (drawn / "b.png").write_text("b")
    for count in (2, 5):
        link(drawn, images, count)
        assert "".join(path.read_text() for path in sorted(images.iterdir())) == "ababa"[:count]


def test_what_is_installed_is_what_the_named_distributions_own(tmp_path):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("# a comment\nNumPy==1.0\nnot_installed==1.0\n")
    numpy = installed_mb(requirements)
    package = sum(path.stat().st_size for path in Path(np.__file__).parent.rglob("*") if path.is_file()) / 1e6
    assert 0.5 * package < numpy < 2 * package
    requirements.write_text("numpy==1.0\npandas==1.0\n")
    assert installed_mb(requirements) > numpy + 10


def test_each_kind_of_processor_has_a_column_with_its_goals():
    benches = {
        kind: {"machine": {"name": "A 9000", "sets": sets, "cores": 2, "limited": len(sets) == 1}, "figures": figures}
        for kind, sets, figures in (
            ("avx2", ["avx2"], {"plan_s/100000": 36.6, "good_after_s": None, "precision": "float32"}),
            (
                "bfloat16_vnni",
                ["avx2", "amx_bf16"],
                {"epoch_times_faster": {"median": 29.04, "low": 28.0, "high": 130.4}, "plan_s/622": 1.4},
            ),
        )
    }
    rows = [line.strip("| ").split(" | ") for line in tabulate(benches).splitlines() if line.startswith("|")]
    table = {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}
    assert table["processor"] == ["A 9000, torch limited to AVX2", "", "A 9000"]
    assert table["instruction sets"] == ["avx2", "", "avx2 amx_bf16"]
    assert table["a plan of 100,000 images, s"][:2] == ["36.6", "at most 25"]
    assert table["training until validation HC is under 1.0 mm, s"][0] == "never"
    assert table["an epoch of the default recipe, times faster than the plain loop's"][2] == "29.0 (28.0-130)"
    assert list(table).index("a plan of 622 images, s") == list(table).index("a plan of 100,000 images, s") - 1
    assert {name.partition("/")[0] for goals in GOALS.values() for name in goals} <= set(TITLES)
