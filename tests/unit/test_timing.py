"""Contenders take turns, a program's costs are its own, and each kind of processor has a column."""

import sys
from pathlib import Path

import numpy as np
import pytest

from fetal_biometry.bench.report import tabulate
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


def measured(precision: str, sets: list[str], limited: bool, times_faster: float) -> dict:
    """What `snakemake bench` wrote on a processor."""
    spread, run = {"median": 0.5, "low": 0.25, "high": 1.0}, {"seconds": 3.0, "mib": 200.0}
    recipes = {"heatmap": spread}
    training = dict.fromkeys(("seconds_an_image", "share_of_product", "share_of_roofline"), recipes)
    training |= {"precision": precision, "times_faster_than_plain": {"heatmap": spread | {"median": times_faster}}}
    training |= {"share_of_views": spread, "copy_gigabytes_a_second": spread, "product_gflops": {precision: spread}}
    training["roofline_seconds_an_image"] = {"heatmap": {"seconds": 0.01, "computing": 0.01, "moving": 0.001}}
    inference = {"model": "hc18.onnx", "milliseconds_an_image": {"decode": spread}, "resident_mib": {"622": 150.0}}
    inference |= {"times_decoding": spread, "times_faster_than_plain": spread}
    workflow = {
        "images": 622,
        "nothing_to_do": run,
        "one_image_more": run,
        "plans": {"4": {"first": run, "again": run}},
    }
    machine = {"name": "A 9000", "sets": sets, "cores": 2, "limited": limited}
    return {"machine": machine, "training": training, "inference": inference, "workflow": workflow}


def test_each_kind_of_processor_has_a_column():
    benches = {
        "avx2": measured("float32", ["avx2"], True, 16.0),
        "bfloat16_vnni": measured("bfloat16", ["avx2", "amx_bf16"], False, 29.0),
    }
    head, _, *rows = (line.strip("|").split("|") for line in tabulate(benches).splitlines() if line.startswith("|"))
    table = {name.strip(): [cell.strip() for cell in cells] for name, *cells in rows}
    assert [cell.strip() for cell in head] == ["measured", "avx2", "bfloat16_vnni"]
    assert table["processor"] == ["A 9000, limited to AVX2", "A 9000"] and table["cores"] == ["2", "2"]
    assert table["instruction sets"] == ["avx2", "avx2 amx_bf16"]
    assert table["precision of training"] == ["float32", "bfloat16"]
    assert table["GFLOP/s of a float32 matrix product"][1] == "" != table["GFLOP/s of a float32 matrix product"][0]
    faster = "an epoch, times faster than the plain loop's, default recipe"
    assert [cell.split()[0] for cell in table[faster]] == ["16.0", "29.0"]
