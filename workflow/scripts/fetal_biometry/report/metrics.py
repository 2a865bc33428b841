"""metrics.json and errors.csv of a recipe: every figure, what was evaluated and by which model."""

import logging
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from fetal_biometry.frames import contents, report_unit
from fetal_biometry.report.evaluation import (
    Evaluation,
    evaluate_groups,
    evaluate_reference,
    evaluate_repeats,
    evaluate_splits,
    list_errors,
)
from fetal_biometry.terms import ACCEPTED_PREDICTION, SEEN, Split, Verdict


@dataclass(frozen=True)
class Subject:
    """What is evaluated: a recipe's name and values (a plain dict, empty of a given model), and the run's settings.

    ``planes_of`` names the centres whose planes taught the head-presence classifier.
    """

    name: str
    dataset: str
    calliper: str
    interval_level: float
    recipe: dict = field(default_factory=dict)
    planes_of: list[str] = field(default_factory=list)

    @property
    def out_of_fold(self) -> bool:
        """Whether networks of folds calibrate the model."""
        return bool(self.recipe) and self.recipe["training"]["calibrate_on"] == "out_of_fold"


def evaluate_model(
    subject: Subject, images: pd.DataFrame, predictions: pd.DataFrame, metadata: dict
) -> tuple[dict, pd.DataFrame]:
    """The contents of metrics.json and errors.csv.

    Parameters
    ----------
    subject : Subject
    images, predictions : DataFrame
        images.csv and the recipe's predictions.csv.
    metadata : dict
        Of the model's file.
    """
    labelled, seen = images[images["label_source"] != ""], metadata.get("seen", [])
    model = describe_model(subject, metadata, predictions)
    unit, per_px = report_unit(labelled)
    metrics = {
        "recipe": subject.name,
        "dataset": subject.dataset,
        "unit": unit,
        "model": model,
        "calliper": subject.calliper,
        "labels": count_labels(images),
        "images_seen": [] if subject.recipe else seen_images(images, seen),
        **{part: {} for part in ("splits", "out_of_fold", "reference", "repeats", "without_head")},
    }
    if not len(labelled):
        return metrics, pd.DataFrame(columns=["image_name"])
    split, predicted = set_seen_apart(labelled, seen), predictions.loc[labelled.index]
    found = predicted["bpd_px"].notna().to_numpy()
    model["test_images_seen"] = int((split == SEEN).sum())
    metrics["without_head"] = {str(name): int((~found & (split == name)).sum()) for name in (*Split, SEEN)}
    evaluation = Evaluation(
        labelled[found], predicted[found], split[found], unit, per_px[found], subject.calliper, model["calliper"]
    )
    metrics |= _figures(subject, evaluation)
    _log_headline(metrics)
    return metrics, _all_errors(evaluation, labelled, split)


def _all_errors(evaluation: Evaluation, labelled: pd.DataFrame, split: np.ndarray) -> pd.DataFrame:
    """errors.csv: a row for each labelled image, without errors where no head was found."""
    named = labelled[["image_name", "examination"]].assign(split=split, valid=labelled["verdict"] == Verdict.VALID)
    return named.join(list_errors(evaluation))


def _figures(subject: Subject, evaluation: Evaluation) -> dict:
    """The parts of metrics.json that come from comparing lengths."""
    trained_on = np.isin(evaluation.split, (Split.TRAIN, Split.VALIDATION)) & bool(subject.recipe)
    if not subject.out_of_fold:  # intervals say nothing of the images that the model was trained or calibrated on
        evaluation.intervals[trained_on] = np.nan
    figures = {"splits": evaluate_splits(evaluation), "reference": evaluate_reference(evaluation)}
    judged = trained_on & (evaluation.images["label_source"] != ACCEPTED_PREDICTION).to_numpy()
    if subject.out_of_fold:
        figures["out_of_fold"] = evaluate_groups(evaluation, evaluation.banded(judged & evaluation.valid))
    if subject.recipe:
        unseen = (evaluation.split == Split.TEST) | (judged & subject.out_of_fold)
        figures["repeats"] = evaluate_repeats(evaluation, unseen)
    return figures


def set_seen_apart(images: pd.DataFrame, seen: list[str]) -> np.ndarray:
    """The split of labelled images, (N,); test images of examinations that a model was trained on become `SEEN`.

    ``seen`` holds the `frames.contents` of the images that the model was trained on.
    """
    split, known = images["split"].to_numpy(), images["examination"][contents(images).isin(seen)]
    return np.where((split == Split.TEST) & images["examination"].isin(known).to_numpy(), SEEN, split)


def seen_images(images: pd.DataFrame, seen: list[str]) -> list[str]:
    """Names of the images that a model was trained on; ``seen`` as of `set_seen_apart`."""
    return sorted(images["image_name"][contents(images).isin(seen)])


def count_labels(images: pd.DataFrame) -> dict:
    """How many labels there are, how many of each verdict, and for which reasons."""
    labelled = images[images["label_source"] != ""]
    reasons = Counter(reason for text in labelled["reasons"] for reason in text.split(";") if reason)
    verdicts = Counter(labelled["verdict"])
    return {
        "labelled": len(labelled),
        **{str(verdict): verdicts[verdict] for verdict in Verdict},
        "names_swapped": bool(labelled["label_source"].str.contains("swapped").any()),
        "reasons": dict(reasons.most_common()),
    }


def conventions(predictions: pd.DataFrame) -> dict:
    """``convention`` and the factors of BPD and OFD of a predictions table in a site's convention; else nothing."""
    columns = ["convention", "bpd_factor", "ofd_factor"]
    return predictions.iloc[0][columns].to_dict() if "convention" in predictions and len(predictions) else {}


def describe_model(subject: Subject, metadata: dict, predictions: pd.DataFrame) -> dict:
    """What kind of model it is and how it was trained; a given model says itself how it was calibrated."""
    calibration, recipe = metadata.get("calibration", {}), subject.recipe
    return {
        "kind": metadata["kind"] if recipe else "external",
        "calliper": calibration.get("calliper", subject.calliper),
        "interval_level": calibration.get("level", subject.interval_level),
        "parameters": metadata["parameters"],
        "epochs": metadata["epochs"],
        "best_epoch": metadata["epoch"],
        "knows_seen": bool(metadata.get("seen")),
        "seconds": metadata["seconds"],
        "data_digest": metadata["data_digest"],
        "decoder": metadata["decoder"],
        "test_time_augmentation": metadata["test_time_augmentation"],
        "closer_views": metadata["closer_views"],
        "noisy_labels": recipe["noisy_labels"]["policy"] if recipe else None,
        "keep": recipe["training"]["keep"] if recipe else None,
        "calibrate_on": recipe["training"]["calibrate_on"] if recipe else None,
        "test_images_seen": 0,
        "planes_of": subject.planes_of if recipe else [],
        "tells_heads": bool(predictions["head_odds"].notna().any()),
        **conventions(predictions),
    }


def _log_headline(metrics: dict) -> None:
    if test := metrics["splits"].get("test", {}).get("all"):
        hc, unit = test["hc"], metrics["unit"]
        message = "HC error of %d test images: %.2f %s; mean landmark: %.2f %s"
        logging.info(message, test["n"], hc["mae"], unit, hc["constant_mae"], unit)
