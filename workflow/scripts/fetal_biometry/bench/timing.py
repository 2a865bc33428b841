"""Timings on a machine with other work: contenders take turns, and are compared within a round."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np


def interleave(contenders: dict[str, Callable[[], int]], rounds: int) -> dict[str, np.ndarray]:
    """Seconds per item of each contender, from rounds in which every contender has a turn.

    Parameters
    ----------
    contenders : dict of callable
        Each does some work and returns the number of items.
    rounds : int
        Rounds that count. One more comes first, to warm up.

    Returns
    -------
    dict of ndarray of shape (rounds,)
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds + 1):
        for name, work in contenders.items():
            started = time.perf_counter()
            items = work()
            seconds[name].append((time.perf_counter() - started) / items)
    return {name: np.array(values[1:]) for name, values in seconds.items()}


def spread(values: np.ndarray) -> dict[str, float]:
    """Median and quartiles of the rounds.

    Examples
    --------
    >>> spread(np.array([3.0, 1.0, 2.0]))
    {'median': 2.0, 'low': 1.5, 'high': 2.5}
    """
    low, median, high = np.percentile(values, [25, 50, 75])
    return {"median": float(median), "low": float(low), "high": float(high)}


def times_faster(seconds: dict[str, np.ndarray], slow: str, fast: str) -> dict[str, float]:
    """How many times faster one contender is than another: `spread` of the ratios within a round."""
    return spread(seconds[slow] / seconds[fast])


# The system counts a program's peak memory from that of the process that starts it, so a small process starts it.
_WATCH = """
import json, os, subprocess, sys, time
started = time.perf_counter()
with open(sys.argv[1], "w") as output:
    process = subprocess.Popen(sys.argv[2:], stdout=output, stderr=subprocess.STDOUT)
    _, status, usage = os.wait4(process.pid, 0)
unit = 1 << (20 if sys.platform == "darwin" else 10)
print(json.dumps([status, time.perf_counter() - started, usage.ru_maxrss / unit]))
"""


def run_costs(command: list[str], log: Path, **options) -> dict[str, float]:
    """Seconds and peak memory (MiB) of a program; its output goes to ``log``.

    Further ``options`` are those of `subprocess.run`.

    Raises
    ------
    RuntimeError
        When the program fails, with the end of its output.
    """
    watch = [sys.executable, "-c", _WATCH, str(log), *command]
    output = subprocess.run(watch, stdout=subprocess.PIPE, text=True, check=True, **options).stdout
    status, seconds, mib = json.loads(output)
    if status:
        raise RuntimeError(f"{' '.join(command)} failed:\n{log.read_text()[-3000:]}")
    return {"seconds": seconds, "mib": mib}
