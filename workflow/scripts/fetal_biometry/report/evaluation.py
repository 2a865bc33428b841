"""One evaluation for every recipe: against labels and an independent reference, by split and by head size."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fetal_biometry.frames import points_of, sizes_of
from fetal_biometry.measure.flags import doubts_of
from fetal_biometry.measure.head_size import in_bands
from fetal_biometry.measure.lengths import reported_lengths
from fetal_biometry.model.geometry import resize_points
from fetal_biometry.report.repeats import Repeats
from fetal_biometry.report.statistics import endpoint_errors, length_errors, mean_landmarks
from fetal_biometry.terms import LENGTHS, Calliper, Split, Verdict


@dataclass
class Evaluation:
    """Labelled images with their predictions, ready to be evaluated group by group.

    ``images`` are labelled rows of images.csv, ``predictions`` the same images in the same order, ``split`` what each
    is for, (N,). ``unit`` is that of the errors, ``per_px`` the size of a pixel in it, (N,).
    """

    images: pd.DataFrame
    predictions: pd.DataFrame
    split: np.ndarray
    unit: str
    per_px: np.ndarray
    calliper: str  # of the labels
    model_calliper: str

    def __post_init__(self):
        self.valid = (self.images["verdict"] == Verdict.VALID).to_numpy()
        self.examinations = self.images["examination"].to_numpy()
        self.pixel_size = self.per_px if self.unit == "mm" else np.full(len(self.images), np.nan)
        self.labels, self.located = points_of(self.images), points_of(self.predictions)
        self.reference = points_of(self.images, "reference_")
        self.referenced = np.isfinite(self.reference).all(axis=(1, 2))
        sizes, trained = sizes_of(self.images), self.rows(Split.TRAIN)
        mean = mean_landmarks(self.labels[trained], sizes[trained])[None]
        self.constant = resize_points(mean, (1, 1), sizes[:, None])
        self.stated_hc = self.images["reference_hc_mm"].to_numpy(dtype=float)
        ends = [f"{length}_{self.unit}_{end}" for length in LENGTHS for end in ("low", "high")]
        self.intervals = self.predictions[ends].to_numpy(dtype=float).reshape(-1, len(LENGTHS), 2)
        self.flagged = np.array(doubts_of(self.predictions["flags"])) != ""
        best_hc = np.where(np.isfinite(self.stated_hc), self.stated_hc, self.lengths(self.labels)[:, 2])
        self.bands = in_bands(best_hc)

    def rows(self, split: Split) -> np.ndarray:
        """Which images of a split have a valid label, (N,) bool."""
        return (self.split == split) & self.valid

    def lengths(self, points: np.ndarray, calliper: str = "") -> np.ndarray:
        """BPD, OFD and HC in the unit of the errors, (N, 3)."""
        return reported_lengths(points, self.pixel_size, calliper or self.calliper)

    def found(self) -> np.ndarray:
        """The model's lengths, (N, 3)."""
        return self.lengths(self.located, self.model_calliper)

    def banded(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """The rows as a whole and, where lengths are in mm, by head-size band."""
        bands = self.bands if self.unit == "mm" else {}
        return {"all": rows} | {band: rows & inside for band, inside in bands.items()}

    def against_labels(self, rows: np.ndarray) -> dict:
        """The model's figures against the dataset's own labels."""
        alike, stated = self.model_calliper == self.calliper, self.stated_hc if self.unit == "mm" else None
        truth, points = self.lengths(self.labels), (self.located, self.labels)
        return self._group(rows, self.found(), truth, points, alike, self.intervals, stated)

    def against_reference(self, rows: np.ndarray, points: np.ndarray, calliper: str, intervals=None) -> dict:
        """Figures of points of one calliper convention against the outer-to-outer reference."""
        found, truth = self.lengths(points, calliper), self.lengths(self.reference, Calliper.OUTER_TO_OUTER)
        alike = calliper == Calliper.OUTER_TO_OUTER
        return self._group(rows, found, truth, (points, self.reference), alike, intervals)

    def _group(self, rows, found, truth, points, alike: bool, intervals, stated=None) -> dict:
        """All figures of one group of images, see `length_errors` and `endpoint_errors`."""
        examinations = self.examinations[rows]
        group = {"n": int(rows.sum()), "examinations": len(set(examinations))}
        for column, name in enumerate(LENGTHS):
            group[name] = self._length(rows, column, found, truth[:, column], intervals)
        if stated is not None and (known := rows & np.isfinite(stated)).any():
            group["hc_reference"] = self._length(known, LENGTHS.index("hc"), found, stated, intervals)
        group["endpoint"] = endpoint_errors(*(part[rows] for part in points), self.per_px[rows], examinations)
        if not alike:  # lengths can be converted, points cannot
            group["endpoint"]["bpd"] = dict.fromkeys(group["endpoint"]["bpd"])
        return group

    def _length(self, rows, column: int, found, truth, intervals) -> dict:
        constant, interval, flagged = self.lengths(self.constant)[rows, column], None, None
        if intervals is not None:  # flags are the model's, as intervals are
            interval, flagged = intervals[rows, column], self.flagged[rows]
        return length_errors(found[rows, column], truth[rows], constant, self.examinations[rows], interval, flagged)


def list_errors(evaluation: Evaluation) -> pd.DataFrame:
    """Signed errors of each image: against its label, and against the independent reference."""
    table, found = evaluation.images[[]].copy(), evaluation.found()
    truths = {
        "label": evaluation.lengths(evaluation.labels),
        "reference": evaluation.lengths(evaluation.reference, Calliper.OUTER_TO_OUTER),
    }
    for name, truth in truths.items():
        for column, length in enumerate(LENGTHS):
            table[f"{length}_error_{name}"] = (found - truth)[:, column].round(4)
    return table


def evaluate_splits(evaluation: Evaluation) -> dict:
    """Against the labels, by split: valid labels, the same by head-size band, and all labels."""
    results = {}
    for name in (Split.TEST, Split.VALIDATION, Split.TRAIN):
        inside = evaluation.split == name
        groups = evaluation.banded(inside & evaluation.valid)
        if (inside & ~evaluation.valid).any():
            groups["with_invalid"] = inside & (evaluation.lengths(evaluation.labels) > 0).all(axis=1)
        results[str(name)] = evaluate_groups(evaluation, groups)
    return {name: groups for name, groups in results.items() if groups}


def evaluate_groups(evaluation: Evaluation, groups: dict[str, np.ndarray]) -> dict:
    """Against the labels, in each group that has an image."""
    return {label: evaluation.against_labels(rows) for label, rows in groups.items() if rows.any()}


def evaluate_repeats(evaluation: Evaluation, unseen: np.ndarray) -> dict:
    """The noise of the model's and of the labels' lengths in repeats, see `repeats.Repeats`, by length.

    Of ``unseen`` images, (N,) bool, with valid labels and no flag: gross errors are counted elsewhere. The labels'
    noise gives the error of a perfect model on the test images.
    """
    rows, judged = unseen & evaluation.valid & ~evaluation.flagged, evaluation.rows(Split.TEST)
    found, labels = evaluation.found()[rows], evaluation.lengths(evaluation.labels)[rows]
    bands = evaluation.bands.values() if evaluation.unit == "mm" else [np.ones(len(rows), dtype=bool)]
    mixture = [(inside[rows], float((inside & judged).sum())) for inside in bands]
    noise = {}
    for column, name in enumerate(LENGTHS):
        repeats = Repeats(found[:, column], labels[:, column], evaluation.examinations[rows])
        noise[name] = repeats.noise() | (repeats.floor(mixture) if judged.any() else {})
    return {name: values for name, values in noise.items() if values}


def evaluate_reference(evaluation: Evaluation) -> dict:
    """Against the independent reference: every test image that has one, whatever its label's verdict.

    ``model`` holds the model's figures and ``labels`` the labels' own, so that model error and label noise can be told
    apart.
    """
    groups = evaluation.banded((evaluation.split == Split.TEST) & evaluation.referenced)
    judged = {
        "model": (evaluation.located, evaluation.model_calliper, evaluation.intervals),
        "labels": (evaluation.labels, evaluation.calliper, None),
    }
    return {
        name: {label: evaluation.against_reference(rows, *what) for label, rows in groups.items() if rows.any()}
        for name, what in judged.items()
        if groups["all"].any()
    }
