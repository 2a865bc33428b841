"""One evaluation for every experiment: against labels, against an independent reference, by split and by band."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fetal_biometry.frames import contents, points_of, sizes_of
from fetal_biometry.measure.biometry import doubts_of, reported_lengths
from fetal_biometry.model.geometry import LENGTHS, all_lengths, resize_points
from fetal_biometry.model.landmarks import REFERENCE_COLUMNS
from fetal_biometry.report.statistics import Repeats, bootstrap_interval, evaluate_group, in_bands, mean_landmarks

FEWEST_OF_A_KIND = 10  # images, of which a mean error says something


def set_apart_seen(manifest: pd.DataFrame, split: np.ndarray, seen: list[str]) -> np.ndarray:
    """The split, in which test images of examinations that a model's training has seen are ``seen``, and judge nothing.

    ``seen`` holds the `frames.contents` of the train and validation images of its training; a copy of an image in
    another file is another content.
    """
    known = manifest["examination"][contents(manifest).isin(seen)]
    return np.where((split == "test") & manifest["examination"].isin(known).to_numpy(), "seen", split)


def summarise_labels(manifest, audit) -> dict:
    """How many labels there are, how many are left out, and why."""
    sources = manifest["label_source"]
    labelled = int((sources != "").sum())
    texts = [] if audit is None else audit["reasons"]
    reasons = Counter(reason for text in texts for reason in text.split(";") if reason)
    verdicts = Counter() if audit is None else Counter(audit["verdict"])
    return {
        "images": len(manifest),
        "labelled": labelled,
        "sound": labelled - verdicts["suspect"] - verdicts["doubtful"],
        "suspect": verdicts["suspect"],
        "doubtful": verdicts["doubtful"],
        "unlabelled": len(manifest) - labelled,
        "names_swapped": bool(sources.str.contains("swapped").any()),
        "reasons": dict(reasons.most_common()),
    }


@dataclass
class Evaluation:
    """Labelled images with what was predicted for them, ready to be judged group by group."""

    manifest: pd.DataFrame
    predictions: pd.DataFrame
    split: np.ndarray
    sound: np.ndarray
    unit: str
    per_px: np.ndarray
    calliper: str  # of the labels
    model_calliper: str

    def __post_init__(self):
        self.pixel_size = self.per_px if self.unit == "mm" else np.full(len(self.manifest), np.nan)
        self.labels, self.located = points_of(self.manifest), points_of(self.predictions)
        self.reference = self.manifest[list(REFERENCE_COLUMNS)].to_numpy(dtype=float).reshape(-1, 4, 2)
        self.referenced = np.isfinite(self.reference).all(axis=(1, 2))
        sizes, trained = sizes_of(self.manifest), (self.split == "train") & self.sound
        mean = mean_landmarks(self.labels[trained], sizes[trained])[None]
        self.constant = resize_points(mean, (1, 1), sizes[:, None])
        self.stated_hc = self.manifest["reference_hc_mm"].to_numpy(dtype=float)
        self.intervals = np.stack([self._read_interval(name) for name in LENGTHS], axis=1)
        self.flagged = np.array(doubts_of(self.predictions["flags"])) != ""
        best_hc = np.where(np.isfinite(self.stated_hc), self.stated_hc, self.lengths(self.labels)[:, 2])
        self.bands = in_bands(best_hc)

    def _read_interval(self, name: str) -> np.ndarray:
        """Ends of a length's intervals, (N, 2), in the unit of report; the predictions' own is mm wherever known."""
        ends = self.predictions[[f"{name}_low", f"{name}_high"]].to_numpy(dtype=float)
        if self.unit == "mm":
            return ends
        in_px, in_mm = (self.predictions[[f"{name}_{unit}"]].to_numpy(dtype=float) for unit in ("px", "mm"))
        return ends * np.where(np.isfinite(in_mm), in_px / in_mm, 1.0)

    def lengths(self, points: np.ndarray, calliper: str = "") -> np.ndarray:
        return reported_lengths(points, self.pixel_size, calliper or self.calliper)

    def found(self) -> np.ndarray:
        return self.lengths(self.located, self.model_calliper)

    def banded(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """The rows as a whole, and by band of HC where lengths are millimetres."""
        return {"all": rows} | (
            {band: rows & inside for band, inside in self.bands.items()} if self.unit == "mm" else {}
        )

    def against_labels(self, rows: np.ndarray) -> dict:
        """The model's figures against the dataset's own labels."""
        lengths = [part[rows] for part in (self.found(), self.lengths(self.labels), self.lengths(self.constant))]
        stated = self.stated_hc[rows] if self.unit == "mm" else None
        alike = self.model_calliper == self.calliper
        return self._group(rows, lengths, (self.located, self.labels), alike, self.intervals[rows], stated)

    def against_reference(
        self, rows: np.ndarray, judged: np.ndarray, calliper: str, intervals: np.ndarray | None
    ) -> dict:
        """Figures of points of a convention, the model's or the labels', against the outer-to-outer reference."""
        found, truth = self.lengths(judged, calliper), self.lengths(self.reference, "outer_to_outer")
        lengths = [part[rows] for part in (found, truth, self.lengths(self.constant))]
        alike = calliper == "outer_to_outer"
        return self._group(
            rows, lengths, (judged, self.reference), alike, None if intervals is None else intervals[rows]
        )

    def _group(self, rows, lengths, points, alike: bool, intervals, stated=None) -> dict:
        names, points = self.manifest["examination"].to_numpy()[rows], [part[rows] for part in points]
        flagged = None if intervals is None else self.flagged[rows]  # flags are the model's, as intervals are
        group = evaluate_group(lengths, points, self.per_px[rows], names, intervals, stated, flagged)
        if not alike:  # lengths are converted, points cannot be
            for order in ("endpoint", "endpoint_fixed_order"):
                group[order]["bpd"] = dict.fromkeys(group[order]["bpd"])
        return group


def list_errors(evaluation: Evaluation) -> pd.DataFrame:
    """Signed errors of each labelled image in the unit of report: against its label, and against the reference."""
    table = evaluation.manifest[["image_name", "examination"]].copy()
    table["split"], table["sound"] = evaluation.split, evaluation.sound
    found = evaluation.found()
    truths = {
        "label": evaluation.lengths(evaluation.labels),
        "reference": evaluation.lengths(evaluation.reference, "outer_to_outer"),
    }
    for name, truth in truths.items():
        for column, length in enumerate(LENGTHS):
            table[f"{length}_error_{name}"] = (found - truth)[:, column].round(4)
    return table


def evaluate_splits(evaluation: Evaluation) -> dict:
    """Against the labels, by split: sound rows, the same by band of HC, and all labelled rows."""
    results = {}
    for name in ("test", "validation", "train"):
        inside = evaluation.split == name
        groups = evaluation.banded(inside & evaluation.sound)
        if (inside & ~evaluation.sound).any():
            groups["with_suspects"] = inside
        results[name] = _judge(evaluation, groups)
    return {name: groups for name, groups in results.items() if groups}


def evaluate_out_of_fold(evaluation: Evaluation, taught: np.ndarray) -> dict:
    """Against sound labels of the images that taught a model, as a network, a correction and intervals of others found.

    As a whole and by band of HC; ``taught`` (N,) bool.
    """
    return _judge(evaluation, evaluation.banded(taught & evaluation.sound))


def _judge(evaluation: Evaluation, groups: dict[str, np.ndarray]) -> dict:
    """Figures of each group of rows that has any, against the labels."""
    return {label: evaluation.against_labels(rows) for label, rows in groups.items() if rows.any()}


def evaluate_kinds(evaluation: Evaluation) -> dict:
    """Relative errors against sound test labels in thirds of the images, by what they are like.

    By pixel size, contrast, the labelled OFD over the image's height, its direction (degrees from the horizontal) and
    the labelled cephalic index. Each property has its thirds from low to high, with their ends, ``n``, and of each
    length ``mae``, a share of it, with its 95 % interval; it is left out where a third has under `FEWEST_OF_A_KIND`.
    """
    rows = (evaluation.split == "test") & evaluation.sound
    found, true = evaluation.found()[rows], evaluation.lengths(evaluation.labels)[rows]
    errors, names = np.abs(found / true - 1), evaluation.manifest["examination"].to_numpy()[rows]
    bpd, ofd, _ = all_lengths(evaluation.labels[rows]).T
    along = np.abs(evaluation.labels[rows, 1] - evaluation.labels[rows, 0])
    properties = {
        "pixel_size_mm": evaluation.pixel_size[rows],
        "contrast": evaluation.predictions["contrast"].to_numpy(dtype=float)[rows],
        "head_share": ofd / evaluation.manifest["height_px"].to_numpy(dtype=float)[rows],
        "direction_deg": np.degrees(np.arctan2(along[:, 1], along[:, 0])),
        "cephalic_index": bpd / ofd,
    }
    kinds = {}
    for name, values in properties.items():
        values = values.round(6)  # what is the same but for the arithmetic is the same
        ends = np.quantile(values, [0, 1 / 3, 2 / 3, 1]) if len(values) else np.full(4, np.nan)
        thirds = np.searchsorted(ends[1:3], values)
        if not np.isfinite(ends).all() or min(np.bincount(thirds, minlength=3)) < FEWEST_OF_A_KIND:
            continue
        kinds[name] = [
            {"low": float(ends[third]), "high": float(ends[third + 1]), "n": int((thirds == third).sum())}
            | {
                length: _mean_with_ends(errors[thirds == third, i], names[thirds == third])
                for i, length in enumerate(LENGTHS)
            }
            for third in range(3)
        ]
    return kinds


def _mean_with_ends(errors: np.ndarray, examinations: np.ndarray) -> dict:
    low, high = bootstrap_interval(errors, examinations)
    return {"mae": float(errors.mean()), "mae_low": low, "mae_high": high}


def evaluate_repeats(evaluation: Evaluation, unseen: np.ndarray) -> dict:
    """How far the model's and the labels' lengths scatter in repeats, see `metrics.Repeats`, by length.

    Of images that taught the network nothing, with sound labels and no flag: gross errors are counted elsewhere. From
    the labels' noise comes the error that a model without any would have on the test images.
    """
    rows, judged = unseen & evaluation.sound & ~evaluation.flagged, (evaluation.split == "test") & evaluation.sound
    found, labels = evaluation.found()[rows], evaluation.lengths(evaluation.labels)[rows]
    names = evaluation.manifest["examination"].to_numpy()[rows]
    sizes = evaluation.bands.values() if evaluation.unit == "mm" else [np.ones(len(rows), dtype=bool)]
    mixture = [(inside[rows], float((inside & judged).sum())) for inside in sizes]
    noise = {}
    for i, name in enumerate(LENGTHS):
        repeats = Repeats(found[:, i], labels[:, i], names)
        noise[name] = repeats.noise() | (repeats.floor(mixture) if judged.any() else {})
    return {name: values for name, values in noise.items() if values}


def evaluate_reference(evaluation: Evaluation) -> dict:
    """Against the independent reference, every test image, whatever the audit says of its label.

    ``model`` holds the model's figures and ``labels`` the labels' own, so that model error and label noise can
    be told apart.
    """
    rows = evaluation.banded((evaluation.split == "test") & evaluation.referenced)
    judged = {
        "model": (evaluation.located, evaluation.model_calliper, evaluation.intervals),
        "labels": (evaluation.labels, evaluation.calliper, None),
    }
    return {
        name: {label: evaluation.against_reference(chosen, *what) for label, chosen in rows.items() if chosen.any()}
        for name, what in judged.items()
        if rows["all"].any()
    }
