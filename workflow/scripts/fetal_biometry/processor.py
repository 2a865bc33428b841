"""The processor: which instructions a program may use on it, and how many cores."""

from __future__ import annotations

import math
import os
import platform
from dataclasses import dataclass
from pathlib import Path

# Instruction sets as /proc/cpuinfo names them, AVX2 first.
SETS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
KINDS = ("bfloat16_vnni", "avx2")  # times of two kinds do not compare
CPUINFO = Path("/proc/cpuinfo")
QUOTAS = Path("/sys/fs/cgroup")  # of a container


@dataclass(frozen=True)
class Processor:
    """A processor's name, those of `SETS` that it has, and the cores that this process may use.

    ``limited`` says that torch was told to use AVX2 alone (ATEN_CPU_CAPABILITY).
    """

    name: str
    sets: tuple[str, ...]
    cores: int
    limited: bool

    @property
    def kind(self) -> str:
        """One of `KINDS`, or an architecture that has neither."""
        if any(name.endswith(("bf16", "vnni")) for name in self.sets):
            return "bfloat16_vnni"
        return "avx2" if "avx2" in self.sets else platform.machine().lower()


def read_processor(cpuinfo: Path = CPUINFO) -> Processor:
    """The processor of this machine; without a name and sets where the system has no ``/proc/cpuinfo``."""
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    limited = os.environ.get("ATEN_CPU_CAPABILITY") == "avx2"
    flags = fields.get("flags", "").split()
    sets = tuple(name for name in (SETS[:1] if limited else SETS) if name in flags)
    return Processor(fields.get("model name") or platform.machine(), sets, usable_cores(), limited)


def usable_cores(quotas: Path = QUOTAS) -> int:
    """Cores that this process is bound to, or fewer where its container has a quota of their time (cgroup v1, v2)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for files in (["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"]):
        try:
            text = " ".join((quotas / file).read_text(encoding="ascii") for file in files)
            microseconds, period = map(int, text.split())
        except (OSError, ValueError):  # no such file, or "max" for no quota
            continue
        if microseconds > 0:  # -1 for no quota
            return max(1, min(cores, math.ceil(microseconds / period)))
    return cores
