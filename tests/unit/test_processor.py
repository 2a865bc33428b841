"""What a processor can do, and how many cores of it a container leaves."""

import os

import pytest

from fetal_biometry.processor import read_processor, usable_cores

BFLOAT16 = "fpu avx avx2 avx512f avx512_vnni avx512_bf16 amx_bf16"
ONLY_INT8 = "avx avx2 avx_vnni"


@pytest.mark.parametrize(
    ("flags", "limit", "kind", "sets"),
    [
        (BFLOAT16, None, "bfloat16_vnni", ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")),
        (BFLOAT16, "avx2", "avx2", ("avx2",)),
        (ONLY_INT8, None, "bfloat16_vnni", ("avx2", "avx_vnni")),
        ("avx avx2 avx512f", None, "avx2", ("avx2", "avx512f")),
        (None, None, "armv9", ()),
    ],
)
def test_a_kind_is_told_by_its_instructions(tmp_path, monkeypatch, flags, limit, kind, sets):
    monkeypatch.setattr("platform.machine", lambda: "armv9")
    monkeypatch.delenv("ATEN_CPU_CAPABILITY", raising=False)
    if limit:
        monkeypatch.setenv("ATEN_CPU_CAPABILITY", limit)
    cpuinfo = tmp_path / "cpuinfo"
    if flags:
        cpuinfo.write_text(f"processor\t: 0\nmodel name\t: A 9000\nflags\t\t: {flags}\n\nprocessor\t: 1\n")
    found = read_processor(cpuinfo)
    assert (found.kind, found.sets, found.limited) == (kind, sets, limit is not None)
    assert found.name == ("A 9000" if flags else "armv9")


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("250000 100000", 3),
        ("50000 100000", 1),
        ("6400000 100000", 8),
        (None, 8),
    ],
)
def test_a_quota_of_a_container_limits_the_cores(tmp_path, monkeypatch, quota, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    if quota:
        (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert usable_cores(tmp_path) == cores
    if quota:
        first, period = quota.replace("max", "-1").split()
        (tmp_path / "cpu.max").unlink()
        (tmp_path / "cpu").mkdir()
        (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(f"{first}\n")
        (tmp_path / "cpu" / "cpu.cfs_period_us").write_text(f"{period}\n")
        assert usable_cores(tmp_path) == cores
