"""Fixtures that several test folders share."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PARTS = (
    "Snakefile",
    "config.yaml",
    "limits.yaml",
    "bench.yaml",
    "datasets",
    "envs",
    "profiles",
    "recipes",
    "resources/models",
    "workflow",
)
TARGETS = ("all", "audit", "audit_benchmark", "measure", "compare", "ablate", "negatives", "rebuild_model")


class House:
    """A copy of the workflow in a folder of its own, to run, plan and edit without touching the checkout."""

    def __init__(self, folder: Path, source: Path = ROOT):
        self.folder = folder
        for part in PARTS:
            copy = shutil.copytree if (source / part).is_dir() else shutil.copy2
            copy(source / part, folder / part)

    def snakemake(
        self,
        *arguments: str,
        check: bool = True,
        env: dict | None = None,
        inside: tuple[str, ...] = (),
        cores: bool = True,
    ) -> subprocess.CompletedProcess:
        """Run snakemake, inside of a `namespace` where one is given; stdout and stderr together in ``stdout``."""
        command = [*inside, sys.executable, "-m", "snakemake", *(("--cores", "2") if cores else ()), *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        assert not check or done.returncode == 0, done.stdout[-5000:]
        return done

    def planned(self, *arguments: str) -> dict[str, int]:
        """Jobs that would run, by rule, without targets; empty when nothing is to be done."""
        output = self.snakemake("-n", *arguments).stdout
        stats = re.search(r"Job stats:\njob +count\n[- ]+\n(.*?)\ntotal", output, flags=re.DOTALL)
        assert stats or "Nothing to be done" in output, output[-5000:]
        rows = [line.split() for line in stats.group(1).splitlines()] if stats else []
        return {rule: int(count) for rule, count in rows if rule not in TARGETS}

    def ran(self, *arguments: str) -> dict[str, int]:
        """Run, and tell which jobs did, by rule, without targets."""
        said = self.snakemake(*arguments).stdout
        rules = re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)", said, flags=re.MULTILINE)
        return {rule: rules.count(rule) for rule in dict.fromkeys(rules) if rule not in TARGETS}

    def append(self, path: str, text: str) -> None:
        file = self.folder / path
        file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")


@pytest.fixture(scope="session")
def copy_workflow(tmp_path_factory):
    """``copy_workflow(folder)`` puts a `House` there; all of a session are alike, whatever becomes of the checkout."""
    first = House(tmp_path_factory.mktemp("workflow"))
    return lambda folder: House(folder, first.folder)


@pytest.fixture(scope="session")
def namespace():
    """``namespace("mount")`` begins a command with its own mounts, ``"net"`` with its own network; or skips.

    ``namespace("net", needed=False)`` is empty where none can be made.
    """

    def enter(kind: str, needed: bool = True) -> tuple[str, ...]:
        command = ("unshare", "--map-root-user", f"--{kind}")
        if shutil.which("unshare") and not subprocess.run([*command, "true"], capture_output=True).returncode:
            return command
        if needed:
            pytest.skip(f"no {kind} namespace can be made here")
        return ()

    return enter


@pytest.fixture(scope="module")
def one_thread():
    """One thread for torch, so that trainings side by side do not wait for each other."""
    import torch  # most tests need none

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real data (hc18/, challenge/): FETAL_DATA_ROOT, or shared/data beside the repository."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("FETAL_DATA_ROOT", beside))
    if not (folder / "hc18" / "training_set").is_dir():
        pytest.skip(f"no real data in {folder}; set FETAL_DATA_ROOT")
    return folder
