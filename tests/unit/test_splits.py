"""Splits: by examination, in the stated fractions, unmoved by newcomers; published files checked."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetal_biometry.configuration import Config
from fetal_biometry.data.splits import assign_splits, fold_of, published, refuse_no_training, seeded_split
from fetal_biometry.errors import InputError


@pytest.fixture
def publish(tmp_path):
    def write(*rows):
        (tmp_path / "split.csv").write_text("\n".join(["image_name,split", *rows]) + "\n")
        return Config(split="published", split_file="split.csv", data_root=str(tmp_path))

    return write


def examinations(count):
    return {f"{number:04d}_{view}HC.png": f"{number:04d}" for number in range(count) for view in ("", "2")}


def test_fractions_are_about_those_asked_for():
    counts = Counter(seeded_split(str(number), 1, 0.15, 0.2) for number in range(4000))
    assert counts["test"] / 4000 == pytest.approx(0.2, abs=0.03)
    assert counts["validation"] / 4000 == pytest.approx(0.15, abs=0.03)


def test_images_of_an_examination_stay_together():
    splits = assign_splits(examinations(300), Config())
    assert set(splits.values()) == {"train", "validation", "test"}
    assert all(splits[f"{number:04d}_HC.png"] == splits[f"{number:04d}_2HC.png"] for number in range(300))


def test_newcomers_move_nobody():
    few, many = assign_splits(examinations(50), Config()), assign_splits(examinations(300), Config())
    assert {name: many[name] for name in few} == few


@given(st.text(min_size=1), st.integers(0, 9), st.floats(0, 0.9), st.floats(0, 0.09))
def test_a_larger_test_part_keeps_the_smaller_one(name, seed, test, more):
    if seeded_split(name, seed, 0.0, test) == "test":
        assert seeded_split(name, seed, 0.0, test + more) == "test"


def test_another_seed_is_another_split():
    assert assign_splits(examinations(50), Config()) != assign_splits(examinations(50), Config(split_seed=2))


def test_a_published_file_decides(publish):
    names = {f"{number}_HC.png": str(number) for number in range(200)}
    rows = [f"{name},{'Test' if int(examination) % 4 == 0 else 'train'}" for name, examination in names.items()]
    splits = assign_splits(names, publish(*rows, "not_here.png,test"))
    assert {name for name, split in splits.items() if split == "test"} == {f"{n}_HC.png" for n in range(0, 200, 4)}
    counts = Counter(splits.values())
    assert counts["validation"] / 150 == pytest.approx(0.15, abs=0.09)  # three standard deviations


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["1_HC.png,train"], r"split\.csv: no row for 1_2HC\.png; add it, or set split: seeded"),
        (
            ["1_HC.png,train", "1_2HC.png,holdout"],
            r"split\.csv, row 3 \(1_2HC\.png\): split is 'holdout', not .*; correct",
        ),
        (
            ["1_HC.png,train", "1_2HC.png,test"],
            r"split\.csv, row 3 .*: examination 1 is in test here but in train with 1_HC\.png; put all",
        ),
        (["1_HC.png,train", "1_2HC.png,train", "1_HC.png,train"], r"split\.csv, row 4 \(1_HC\.png\): the same name"),
    ],
)
def test_a_published_file_with_a_fault_is_refused(publish, rows, message):
    with pytest.raises(InputError, match=message):
        assign_splits({"1_HC.png": "1", "1_2HC.png": "1"}, publish(*rows))


def test_a_published_file_may_be_missing_only_where_that_is_said(publish, tmp_path):
    place = {"data_root": str(tmp_path), "split_file": "split.csv"}
    optional, seeded = Config(split="published_if_present", **place), Config(**place)
    assert not published(seeded) and not published(optional)
    assert assign_splits(examinations(9), optional) == assign_splits(examinations(9), seeded)
    with pytest.raises(InputError, match=r"split\.csv: the table does not exist"):
        assign_splits(examinations(9), Config(split="published", **place))
    publish("0000_HC.png,train")
    assert published(optional) and not published(seeded)


def test_no_file_named_is_no_published_split():
    assert not published(Config(split="published_if_present"))
    with pytest.raises(InputError):
        assign_splits(examinations(9), Config(split="published"))


def test_something_has_to_train():
    names = examinations(2)
    refuse_no_training(dict.fromkeys(names, "train"), names)
    with pytest.raises(InputError, match="none of 4 labelled images of 2 examinations to train on; add images, lower"):
        refuse_no_training(dict.fromkeys(names, "test"), names)
    with pytest.raises(InputError, match=r"2 labelled images are of one examination, '0000', .* examination_pattern"):
        refuse_no_training(dict.fromkeys(examinations(1), "test"), examinations(1))


def test_folds_are_balanced_and_independent_of_the_split():
    names = [f"{number:04}" for number in range(4000)]
    folds = Counter(fold_of(name, 1, 4) for name in names)
    assert sorted(folds) == [0, 1, 2, 3] and min(folds.values()) > 900
    tested = [name for name in names if seeded_split(name, 1, 0.15, 0.2) == "test"]
    assert min(Counter(fold_of(name, 1, 4) for name in tested).values()) > 0.2 * len(tested)
