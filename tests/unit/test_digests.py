"""Digests of values and files: what changes them, what does not, and what is read again."""

import hashlib
import os

import pytest

from fetal_biometry.digests import FileIndex, digest


@pytest.fixture
def reads(monkeypatch):
    """Paths that were read for their digest."""
    seen, original = [], hashlib.file_digest

    def counting(file, name):
        seen.append(file.name)
        return original(file, name)

    monkeypatch.setattr(hashlib, "file_digest", counting)
    return seen


def test_a_digest_depends_on_values_not_on_how_they_came():
    assert digest({"a": 1, "b": [2.5, None]}) == digest({"b": (2.5, None), "a": 1})
    values = (1, 1.5, "1", [1], [[1]], None, {"1": 1})
    assert len({digest(value) for value in values}) == len(values)
    assert digest("ab", "c") != digest("a", "bc")
    assert len(digest(0)) == 16


def test_an_edit_changes_the_digest(tmp_path):
    file, index = tmp_path / "a.png", FileIndex(tmp_path / "index.json")
    file.write_bytes(b"one")
    assert index.sha256(file) == hashlib.sha256(b"one").hexdigest()
    file.write_bytes(b"two and more")
    assert index.sha256(file) == hashlib.sha256(b"two and more").hexdigest()


def test_an_unchanged_file_is_read_once_in_all_plans(tmp_path, reads):
    file, path = tmp_path / "a.png", tmp_path / "index.json"
    file.write_bytes(b"one")
    for _ in range(3):
        index = FileIndex(path)
        index.sha256(file)
        index.save()
    assert reads == [str(file)]


def test_a_touched_file_is_read_once_more_and_keeps_its_digest(tmp_path, reads):
    file, path = tmp_path / "a.png", tmp_path / "index.json"
    file.write_bytes(b"one")
    index = FileIndex(path)
    before = index.sha256(file)
    index.save()
    os.utime(file, ns=(10**18, 10**18))
    for _ in range(2):
        index = FileIndex(path)
        assert index.sha256(file) == before
        index.save()
    assert len(reads) == 2


def test_an_index_is_only_written_when_it_learned_something(tmp_path):
    file, path = tmp_path / "a.png", tmp_path / "index.json"
    file.write_bytes(b"one")
    FileIndex(path).save()
    assert not path.exists()
    index = FileIndex(path)
    index.sha256(file)
    index.save()
    written = path.stat().st_mtime_ns
    again = FileIndex(path)
    again.sha256(file)
    again.save()
    assert path.stat().st_mtime_ns == written


@pytest.mark.parametrize("damage", [b"", b'{"/a": [1, ', b"\xff\xfe\x00", b"[]", b"null", b"[1, 2]", b'{"/a": 1}'])
def test_a_damaged_index_costs_only_time(tmp_path, damage):
    file, path = tmp_path / "a.png", tmp_path / "index.json"
    file.write_bytes(b"one")
    path.write_bytes(damage)
    index = FileIndex(path)
    assert index.sha256(file) == hashlib.sha256(b"one").hexdigest()
    index.save()
    assert FileIndex(path).sha256(file) == hashlib.sha256(b"one").hexdigest()


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        FileIndex(tmp_path / "index.json").sha256(tmp_path / "gone.png")
