"""The tutorial's commands, as they stand there, one after the other."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"


@pytest.mark.slow
def test_each_block_of_the_tutorial_runs(copy_workflow, tmp_path):
    house = copy_workflow(tmp_path)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(tmp_path / "workflow" / "scripts"),
    }
    text = TUTORIAL.read_text(encoding="utf-8")
    said = []
    for language, block in re.findall(r"^```(sh|python)\n(.*?)^```", text, flags=re.M | re.DOTALL):
        command = ["bash", "-euo", "pipefail", "-c", block] if language == "sh" else [sys.executable, "-c", block]
        done = subprocess.run(
            command, cwd=house.folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}\n{done.stdout[-3000:]}"
        said.append(done.stdout)
    first, tables, again, one_more, chart, *_, last = said
    assert "results/tutorial/report.html" in first
    assert len(tables.splitlines()) == 4
    assert "Nothing to be done" in again
    for plan, job in ((one_more, "prepare_images"), (chart, "measure_heads")):
        assert job in plan and "train_model" not in plan
    assert re.search(r"\.png: \d+\.\d mm", last)
    drawn = re.search(r"phantom_count=(\d+)", text)
    page = (tmp_path / "results/mine/report.html").read_text(encoding="utf-8")
    assert page.count('data-picture="') == int(drawn[1])
