"""Runs that are killed, run out of disk or are raced: the same command goes on to what an undisturbed run gives.

`make test-faults` runs them; FAULTS says how many kills there are.
"""

import base64
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_run import ARGUMENTS, assert_same, make_small

from fetal_biometry.measure.api import measure_images

pytestmark = pytest.mark.long
KILLS = int(os.environ.get("FAULTS", 50))
NOTES = re.compile(r"/(logs|benchmarks|phantoms)/|/\.")  # these tell of attempts; phantoms are one output
COMMAND = (sys.executable, "-m", "snakemake", "--cores", "2", *ARGUMENTS)
WORK = "results/phantom/work"


@pytest.fixture(scope="module")
def build(copy_workflow, tmp_path_factory):
    """``build(name)``: the workflow in a folder of its own, with a small recipe."""

    def fresh(name):
        house = copy_workflow(tmp_path_factory.mktemp(name))
        make_small(house, epochs=6)
        return house

    return fresh


@pytest.fixture(scope="module")
def undisturbed(build):
    """Results of a run that nothing disturbs, and its seconds."""
    house, started = build("undisturbed"), time.monotonic()
    house.snakemake(*ARGUMENTS)
    return house.folder / "results" / "phantom", time.monotonic() - started


def begin(house) -> subprocess.Popen:
    """The run, in a process group of its own."""
    return subprocess.Popen(
        COMMAND, cwd=house.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )


def unlock(house) -> None:
    """What Snakemake asks for after a kill that left it no time to clean up."""
    house.snakemake("--unlock", *ARGUMENTS)


def being_written(house) -> set[str]:
    """Outputs that Snakemake knows to be incomplete."""
    marks = house.folder / ".snakemake" / "incomplete"
    names = {base64.b64decode(mark.name).decode() for mark in marks.glob("*")} if marks.is_dir() else set()
    return {name for name in names if name.startswith("results")}


def kinds_of(outputs) -> set[str]:
    """``work/small/fold_1/model.pt`` is of the kind ``fold_N/model.pt``."""
    return {re.sub(r"\d+", "N", "/".join(Path(name).parts[-2:])) for name in outputs}


class Progress:
    """How far a run came: what is whole stays as it is, and no epoch is trained again, however often it is killed."""

    def __init__(self, house):
        self.house, self.log, self.epochs, self.whole = house, "", 0, {}

    def follow(self) -> None:
        """To be called after each attempt."""
        results = self.house.folder / "results" / "phantom"
        path = results / "work" / "logs" / "small" / "train_model.log"
        text = path.read_text() if path.exists() else ""
        begun = re.search(r"epoch (\d+) of \d+ next", text)
        assert text.startswith(self.log) or begun is None or int(begun[1]) > self.epochs, (self.log, text)
        self.log, self.epochs = text, max([self.epochs, *map(int, re.findall(r"epoch (\d+): ", text))])

        files = [path for folder, *_ in os.walk(results) for path in Path(folder).iterdir() if path.is_file()]
        written = {str(path.relative_to(self.house.folder)): path.stat().st_mtime_ns for path in files}
        again = {name for name, time in self.whole.items() if name in written and written[name] != time}
        assert not again, again
        half = {*being_written(self.house), f"{WORK}/small/checkpoint.pt"}
        self.whole = {name: time for name, time in written.items() if not NOTES.search(name) and name not in half}


def test_killed_at_any_moment_the_same_command_goes_on(build, undisturbed):
    """SIGKILL to all processes, again and again until the run ends; then from nothing, until there were enough."""
    expected, seconds = undisturbed
    rng, kills, ends, hit = np.random.default_rng(1), 0, 0, Counter()
    while kills < KILLS or not ends:
        house = build("killed")
        progress = Progress(house)
        while True:
            run = begin(house)
            try:
                output, _ = run.communicate(timeout=float(rng.uniform(0.15, 0.6)) * seconds)
            except subprocess.TimeoutExpired:
                os.killpg(run.pid, signal.SIGKILL)
                run.communicate()
                kills += 1
                progress.follow()
                hit.update(kinds_of(being_written(house)))
                unlock(house)
                continue
            assert run.returncode == 0, output[-3000:]
            break
        ends += 1
        progress.follow()
        assert_same(house.folder / "results" / "phantom", expected)
        shutil.rmtree(house.folder)
    print(f"\n{kills} kills, {ends} runs; being written: " + ", ".join(f"{name} {n}" for name, n in hit.most_common()))


def test_killed_in_every_rule_the_same_command_goes_on(build, undisturbed):
    """SIGKILL as soon as a kind of output is begun that no kill has hit."""
    expected, seconds = undisturbed
    house, hit, rng = build("every"), set(), np.random.default_rng(2)
    progress = Progress(house)
    while True:
        run, began = begin(house), time.monotonic()
        while run.poll() is None and not kinds_of(being_written(house)) - hit:
            assert time.monotonic() - began < 20 * seconds
            time.sleep(0.005)
        if run.poll() is not None:
            break
        time.sleep(0.02)  # until all outputs of the job are marked
        hit |= kinds_of(being_written(house))  # a job that copies files may end before the kill
        time.sleep(rng.uniform(0, 0.3))  # most jobs take half a second to begin
        hit |= kinds_of(being_written(house))
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
        progress.follow()
        unlock(house)
    assert run.returncode == 0, run.communicate()[0][-3000:]
    progress.follow()
    assert_same(house.folder / "results" / "phantom", expected)
    print(f"\nkilled while being written: {', '.join(sorted(hit))}")
    rows = house.snakemake("--summary", *ARGUMENTS).stdout.splitlines()
    outputs = {row.split("\t")[0] for row in rows if row.startswith("results/")}
    assert len(outputs) > 20 and kinds_of(outputs) <= hit, kinds_of(outputs) - hit


def test_interrupted_from_the_keyboard_the_same_command_goes_on_without_unlocking(build, undisturbed):
    expected, seconds = undisturbed
    house = build("interrupted")
    for file in ("prepared/train.npy", "small/model.pt"):
        run, began = begin(house), time.monotonic()
        while not (house.folder / WORK / file).exists():
            assert time.monotonic() - began < 20 * seconds
            time.sleep(0.05)
        os.killpg(run.pid, signal.SIGINT)
        output, _ = run.communicate(timeout=60)
        assert run.returncode != 0, output[-3000:]
    house.snakemake(*ARGUMENTS)
    assert_same(house.folder / "results" / "phantom", expected)


STAGES = (
    "plan/train.csv",
    "prepared/negatives.npy",
    "phantoms",
    "prepared/train.npy",
    "small/model.pt",
    "small/model.onnx",
)


def room_until(results: Path, product: Path) -> int:
    """KiB that a run takes until it is half through writing this file or folder, with all that came before."""
    inside = list(product.rglob("*")) if product.is_dir() else [product]
    last = max(path.stat().st_mtime_ns for path in inside)
    files = [path for path in results.rglob("*") if path.is_file() and path.stat().st_mtime_ns <= last]
    return (sum(path.stat().st_blocks for path in files) - sum(path.stat().st_blocks for path in inside) // 2) // 2


@pytest.mark.parametrize("stage", [*(f"work/{stage}" for stage in STAGES), "report.html"])
def test_a_full_disk_is_named_and_room_for_more_is_all_that_it_takes(build, undisturbed, namespace, stage):
    alone = namespace("mount")
    expected, _ = undisturbed
    house = build("full")
    run = " ".join(COMMAND)
    script = f"""
mkdir results && mount -t tmpfs -o size={room_until(expected, expected / stage)}k none results
{run} > first.log 2>&1 && exit 3
mount -o remount,size=500m results
{run} > second.log 2>&1 || {{ {run} --unlock; {run} > second.log 2>&1; }} || exit 4
cp -a results/phantom kept
"""
    done = subprocess.run([*alone, "sh", "-c", script], cwd=house.folder, capture_output=True, text=True, check=False)
    said = (house.folder / "first.log").read_text()
    assert done.returncode == 0, (done, said[-2000:], (house.folder / "second.log").read_text()[-2000:])
    assert "No space left on device" in said, said[-3000:]
    assert_same(house.folder / "kept", expected)


def test_a_second_run_beside_the_first_is_refused_and_breaks_nothing(build, undisturbed):
    expected, seconds = undisturbed
    house = build("raced")
    first = begin(house)
    time.sleep(0.4 * seconds)
    second = house.snakemake(*ARGUMENTS, check=False)
    output, _ = first.communicate(timeout=20 * seconds + 60)
    assert second.returncode != 0 and "lock" in second.stdout.lower() and "Traceback" not in second.stdout
    assert first.returncode == 0, output[-3000:]
    assert_same(house.folder / "results" / "phantom", expected)


def test_the_same_seed_gives_the_same_bytes_from_nothing(build, undisturbed):
    expected, _ = undisturbed
    house = build("again")
    house.snakemake(*ARGUMENTS)
    assert_same(house.folder / "results" / "phantom", expected)


def test_results_that_may_not_be_written_are_named_and_kept(build, undisturbed, namespace):
    alone = namespace("mount")
    expected, _ = undisturbed
    house = build("read_only")
    shutil.copytree(expected, house.folder / "results" / "phantom")
    (house.folder / "results" / "phantom" / "exports" / "HC_results.csv").unlink()
    run = " ".join(COMMAND)
    script = (
        f"mount --bind results results && mount -o remount,ro,bind results && {run} > first.log 2>&1 && exit 3; exit 0"
    )
    done = subprocess.run([*alone, "sh", "-c", script], cwd=house.folder, capture_output=True, text=True, check=False)
    said = (house.folder / "first.log").read_text()
    assert done.returncode == 0 and re.search("Read-only file system|Write-protected", said), (done, said[-3000:])
    house.snakemake(*ARGUMENTS)
    assert_same(house.folder / "results" / "phantom", expected)


def test_after_the_clock_has_jumped_back_nothing_is_taken_for_new(build, undisturbed):
    """All that a run made is from the future; an image is added then, and another one changed."""
    house, model = build("clock"), undisturbed[0] / "model.onnx"
    images = house.folder / "images"
    shutil.copytree(undisturbed[0] / "work" / "phantoms", images, ignore=shutil.ignore_patterns(".*"))
    late = [path.rename(house.folder / path.name) for path in sorted(images.iterdir())[:2]]
    arguments = (*ARGUMENTS, "--config", "images=images", "run=clock", "dataset=images", f"model={model}")
    results = house.folder / "results" / "clock"
    house.snakemake(*arguments)
    tomorrow = time.time() + 86400
    for folder in ("results", ".snakemake"):
        for path in (house.folder / folder, *(house.folder / folder).rglob("*")):
            os.utime(path, (tomorrow, tomorrow), follow_symlinks=False)
    late[0].rename(images / late[0].name)
    changed = sorted(images.iterdir())[5]
    shutil.copyfile(late[1], changed)
    done = house.snakemake(*arguments, check=False)
    assert done.returncode != 0 and "clock" in done.stdout, done.stdout[-3000:]
    remedy = "find results .snakemake -newermt now -exec touch -d 2000-01-01 {} +"  # of docs/faults.md
    subprocess.run(remedy, shell=True, cwd=house.folder, check=True)
    house.snakemake(*arguments)
    table = pd.read_csv(results / "predictions.csv", index_col="image_name")
    assert len(table) == 23
    alone = measure_images([changed], model=model).iloc[0]
    assert table.loc[changed.name, "hc_px"] == pytest.approx(alone["hc_px"], abs=2e-3)


def test_an_image_that_vanishes_during_the_run_is_named_or_all_tables_agree_on_it(build, undisturbed):
    house = build("vanished")
    images, results = house.folder / "images", house.folder / "results" / "vanished"
    shutil.copytree(undisturbed[0] / "work" / "phantoms", images, ignore=shutil.ignore_patterns(".*"))
    arguments = ("--config", "images=images", "run=vanished", "dataset=images")
    arguments += (f"model={undisturbed[0] / 'model.onnx'}",)
    gone = sorted(images.iterdir())[0]
    run = subprocess.Popen(
        [*COMMAND, *arguments], cwd=house.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said = "".join(iter(run.stdout.readline, "Job stats:\n"))
    moved = gone.rename(house.folder / gone.name)  # planned, and read or not
    said += run.communicate()[0]
    tables = [results / "work" / "images.csv", results / "predictions.csv"]
    if run.returncode:
        assert gone.name in said, said[-3000:]
    else:
        listed, measured = (set(pd.read_csv(table)["image_name"]) for table in tables)
        assert listed == measured and listed | {gone.name} == {path.name for path in (*images.iterdir(), gone)}
    moved.rename(gone)
    house.snakemake(*ARGUMENTS, *arguments)
    assert all(len(pd.read_csv(table)) == 24 for table in tables)
