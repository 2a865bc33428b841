"""Who trains, who validates, who judges: by examination, so that no fetus is on two sides."""

import hashlib
from pathlib import Path

from fetal_biometry.configuration import Config
from fetal_biometry.errors import InputError
from fetal_biometry.tables import index_by_name, read_table
from fetal_biometry.terms import Split


def seeded_split(examination: str, seed: int, validation: float, test: float) -> Split:
    """The split of an examination, from its name and the seed alone.

    No other examination has a say, so adding or removing one moves none of the rest. ``validation`` and ``test`` are
    their shares of examinations; the rest trains.
    """
    draw = _draw(f"{seed}:{examination}") / 2**64
    if draw < test:
        return Split.TEST
    return Split.VALIDATION if draw < test + validation else Split.TRAIN


def fold_of(examination: str, seed: int, folds: int) -> int:
    """The fold of an examination, from its name and the seed alone, drawn apart from its split."""
    return _draw(f"{seed}:fold:{examination}") % folds


def _draw(text: str) -> int:
    """A number below 2**64 that seems random and is always the same."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def assign_splits(examinations: dict[str, str], config: Config) -> dict[str, Split]:
    """The split of each labelled image; takes the examination of each.

    A published file knows train and test; ``validation_fraction`` of the train part's examinations validate.

    Raises
    ------
    InputError
        A published file that is missing, names an unknown split, leaves an image out, or puts an
        examination on two sides.
    """
    if published(config):
        return _published_split(examinations, config)
    shares = config.validation_fraction, config.test_fraction
    return {name: seeded_split(exam, config.split_seed, *shares) for name, exam in examinations.items()}


def refuse_no_training(splits: dict[str, str], examinations: dict[str, str]) -> None:
    """Raises an InputError where no labelled image is left to train on; takes both by image name."""
    if Split.TRAIN in splits.values():
        return
    names = sorted(set(examinations.values()))
    if len(names) == 1:
        raise InputError(
            f"all {len(splits)} labelled images are of one examination, {names[0]!r}, so they cannot be divided into "
            "training and test images; add images of others, or correct examination_pattern."
        )
    raise InputError(
        f"the split leaves none of {len(splits)} labelled images of {len(names)} examinations to train on; add images, "
        "lower test_fraction and validation_fraction, or take another split_seed."
    )


def published(config: Config) -> bool:
    """Whether the split comes from a file."""
    path = Path(config.data_root) / config.split_file
    return config.split == "published" or (config.split == "published_if_present" and path.is_file())


def _published_split(examinations: dict[str, str], config: Config) -> dict[str, Split]:
    path = Path(config.data_root) / config.split_file
    rows = index_by_name(read_table(path, {"image_name": ("image_name", "filename"), "split": ("split",)}))
    splits: dict[str, Split] = {}
    sides: dict[str, tuple[str, str]] = {}
    for name, examination in examinations.items():
        if name not in rows:
            raise InputError(f"{path}: no row for {name}; add it, or set split: seeded.")
        side = rows[name]["split"].lower()
        if side not in set(Split):
            raise InputError(f"{rows[name].place}: split is {side!r}, not train, validation or test; correct the row.")
        other = sides.setdefault(examination, (side, name))
        if other[0] != side:
            raise InputError(
                f"{rows[name].place}: examination {examination} is in {side} here but in {other[0]} with {other[1]}; "
                "put all images of an examination on one side."
            )
        splits[name] = Split(side)
        if side == Split.TRAIN:
            splits[name] = seeded_split(examination, config.split_seed, config.validation_fraction, test=0.0)
    return splits
