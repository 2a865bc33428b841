"""Contenders take turns; the costs of a program do not hold those of its caller."""

import sys
from pathlib import Path

import numpy as np
import pytest

from fetal_biometry.bench.settings import read_settings
from fetal_biometry.bench.timing import interleave, run_costs, times_faster
from fetal_biometry.errors import InputError

ROOT = Path(__file__).parents[2]


def test_contenders_take_turns_and_the_first_round_does_not_count():
    turns = []
    contenders = {name: lambda name=name: turns.append(name) or 2 for name in ("one", "other")}
    seconds = interleave(contenders, 3)
    assert turns == ["one", "other"] * 4
    assert all(values.shape == (3,) for values in seconds.values())


def test_ratios_are_those_of_one_round():
    seconds = {"slow": np.array([2.0, 40.0, 6.0]), "fast": np.array([1.0, 10.0, 2.0])}
    assert times_faster(seconds, "slow", "fast") == {"median": 3.0, "low": 2.5, "high": 3.5}


def test_memory_is_the_program_s_own_however_large_its_caller(tmp_path):
    held = np.ones(30_000_000)  # 240 MB
    small = run_costs([sys.executable, "-c", "print('hello')"], tmp_path / "log")
    large = run_costs([sys.executable, "-c", "held = b'1' * 100_000_000"], tmp_path / "log")
    assert small["mib"] < 60 and 95 < large["mib"] < 160 and small["seconds"] > 0
    assert held[-1] == 1


def test_a_failure_shows_the_output_of_the_program(tmp_path):
    with pytest.raises(RuntimeError, match="failed:\nno such luck"):
        run_costs([sys.executable, "-c", "import sys; sys.exit('no such luck')"], tmp_path / "log")


def test_the_numbers_of_bench_yaml_are_checked(tmp_path):
    settings = read_settings(ROOT / "bench.yaml")
    assert settings.rounds >= 1 and settings.plan_at == sorted(settings.plan_at)
    wrong = tmp_path / "bench.yaml"
    wrong.write_text("{images: 8, rounds: 0, resident: [32], run_at: 3, plan_at: [4]}")
    with pytest.raises(InputError, match=r"bench.yaml: rounds is 0"):
        read_settings(wrong)
