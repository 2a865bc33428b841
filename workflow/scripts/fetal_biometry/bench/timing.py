"""Timings on a machine with other work: contenders take turns, and are compared within a round."""

import json
import subprocess
import sys
import time
from collections.abc import Callable

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


def spread(values) -> dict[str, float]:
    """Median and quartiles of the rounds.

    Examples
    --------
    >>> spread([3.0, 1.0, 2.0])
    {'median': 2.0, 'low': 1.5, 'high': 2.5}
    """
    low, median, high = np.percentile(values, [25, 50, 75])
    return {"median": float(median), "low": float(low), "high": float(high)}


# The system counts a program's peak memory from that of the process that starts it, so a small process starts it.
_WATCH = """
import json, resource, subprocess, sys, time
started = time.perf_counter()
status = subprocess.run(sys.argv[1:], stdout=sys.stderr).returncode
seconds = time.perf_counter() - started
unit = 1 << (20 if sys.platform == "darwin" else 10)
print(json.dumps([status, seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit]))
"""


def run_costs(command: list[str], folder=None) -> dict[str, float]:
    """Seconds and peak memory (MiB) of a program that runs in a folder.

    Raises
    ------
    RuntimeError
        When the program fails, with the end of its output.
    """
    watch = [sys.executable, "-c", _WATCH, *command]
    done = subprocess.run(watch, cwd=folder, capture_output=True, text=True, check=True)
    status, seconds, mib = json.loads(done.stdout)
    if status:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return {"seconds": seconds, "mib": mib}
