"""Around each script: log, exit status, and files that are whole or absent."""

import logging
import os
import stat
import warnings
from types import SimpleNamespace

import pytest

from fetal_biometry import job
from fetal_biometry.errors import InputError


@pytest.fixture
def rule(tmp_path):
    """A stand-in for Snakemake's object; the root logger is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield SimpleNamespace(log=[str(tmp_path / "rule.log")], rule="audit_labels")
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def read_log(rule):
    with open(rule.log[0], encoding="utf-8") as file:
        return file.read()


def test_messages_and_warnings_reach_the_log(rule):
    with job.start(rule), warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        logging.info("000_HC.png → 3 invalid")
        warnings.warn("mind the gap", stacklevel=1)
    assert "INFO 000_HC.png → 3 invalid" in read_log(rule)
    assert "mind the gap" in read_log(rule)


def test_a_user_s_mistake_ends_the_run_with_its_message_alone(rule):
    with pytest.raises(SystemExit) as ended, job.start(rule):
        raise InputError("table.csv, row 3: correct the row.")
    assert ended.value.code == "\nError in audit_labels: table.csv, row 3: correct the row.\n"  # a text: status 1
    assert "ERROR table.csv, row 3: correct the row." in read_log(rule)
    assert "Traceback" not in read_log(rule)


def test_a_traceback_goes_into_the_log(rule):
    with pytest.raises(SystemExit) as ended, job.start(rule):
        raise KeyError("ofd_1_x")
    assert "audit_labels failed: KeyError: 'ofd_1_x'" in ended.value.code and rule.log[0] in ended.value.code
    assert "Traceback" in read_log(rule) and 'raise KeyError("ofd_1_x")' in read_log(rule)


def test_a_file_takes_its_place_when_the_block_ends(tmp_path):
    path = tmp_path / "new folder" / "table.csv"
    with job.atomic_path(path) as temporary:
        assert temporary.parent == path.parent and temporary.suffix == ".csv"
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert os.listdir(path.parent) == ["table.csv"]


def test_what_a_killed_attempt_left_is_gone_after_the_next(tmp_path):
    path = tmp_path / "table.csv"
    with job.atomic_path(path) as temporary:
        left = temporary.name
    (tmp_path / left).write_text("half, and longer than the who")
    with job.atomic_path(path) as temporary, open(temporary, "a", encoding="utf-8") as file:
        file.write("whole")
    assert path.read_text() == "whole" and os.listdir(tmp_path) == ["table.csv"]


def test_two_writers_of_a_file_do_not_meet(tmp_path):
    path = tmp_path / "index.json"
    with job.atomic_path(path, writer="1") as first:
        with job.atomic_path(path, writer="2") as second:
            second.write_text("second")
        first.write_text("first")
    assert path.read_text() == "first" and os.listdir(tmp_path) == ["index.json"]


def test_a_file_has_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    with job.atomic_path(tmp_path / "atomic"):
        pass
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "atomic")]
    assert modes[0] == modes[1]


@pytest.mark.parametrize("interruption", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_what_was_there(tmp_path, interruption):
    path = tmp_path / "table.csv"
    path.write_text("before")
    with pytest.raises(interruption), job.atomic_path(path) as temporary:
        temporary.write_text("half")
        raise interruption
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["table.csv"]


def test_long_work_says_now_and_then_how_far_it_is(monkeypatch, capsys):
    now = iter([0, 10, 30, 50])  # seconds: at the start, and after each of three steps
    monkeypatch.setattr(job.time, "monotonic", lambda: next(now))
    progress = job.Progress("training", total=10, done=2)
    for step in range(3):
        progress.step(f"loss {step}")
    progress.close()
    first, second = capsys.readouterr().err.splitlines()
    assert first == "training: 4 of 10, loss 1, 1 min 30 s left"  # 2 steps in 30 s, 6 to go
    assert second.startswith("training: 5 of 10, loss 2, 1 min 23 s")
