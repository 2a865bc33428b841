"""The tutorial's commands, as they stand there, one after the other."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_each_block_of_the_tutorial_runs(copy_workflow, tmp_path):
    house = copy_workflow(tmp_path)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(tmp_path / "workflow" / "scripts"),
    }
    blocks = re.findall(r"^```(sh|python)\n(.*?)^```", (ROOT / "docs/tutorial.md").read_text(), flags=re.M | re.DOTALL)
    said = []
    for language, text in blocks:
        command = ["bash", "-euo", "pipefail", "-c", text] if language == "sh" else [sys.executable, "-c", text]
        done = subprocess.run(
            command, cwd=house.folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\n{done.stdout[-3000:]}"
        said.append(done.stdout)
    first, tables, again, one_more, reflected, measured, *_, last = said
    assert "The report: results/tutorial/report.html" in first
    assert len(tables.splitlines()) == 4
    assert "Nothing to be done" in again
    assert "draw_phantoms" in one_more and "cache_images" in one_more
    assert "predict_landmarks" in reflected and "train_model" not in reflected
    assert "given_model" in measured
    assert re.search(r"\.png: \d+\.\d mm", last) and "localrules" not in last
    assert len(list(tmp_path.glob("results/mine/given_model/overlays/*/*.svg"))) == 60
