"""Every figure of an experiment, by split and by band of HC, into one file."""

import logging

import numpy as np
import pandas as pd

from fetal_biometry import job
from fetal_biometry.frames import points_of, read_frame, report_unit, sizes_of, write_frame
from fetal_biometry.images.cache import Shards
from fetal_biometry.model.geometry import resize_points
from fetal_biometry.model.inference import Predictor
from fetal_biometry.report.evaluation import (
    Evaluation,
    evaluate_kinds,
    evaluate_out_of_fold,
    evaluate_reference,
    evaluate_repeats,
    evaluate_splits,
    list_errors,
    set_apart_seen,
    summarise_labels,
)
from fetal_biometry.report.statistics import trivial_loss


def evaluate_loss(snakemake, predictor, manifest, split, sound) -> dict:
    """The loss of the network that measures, by split, beside what knowing nothing costs.

    None of one in 8-bit integers: how unlikely it takes far cells to be, which a cross entropy weighs, is lost.
    """
    settings = snakemake.params.settings
    if settings["cross_fit"] != "none":  # validation images taught it, too
        split = np.where(split == "validation", "train", split)
    images = Shards(snakemake.input.images)
    points, sizes, losses = points_of(manifest), sizes_of(manifest), {}
    for name in ("train", "validation", "test"):
        rows = np.flatnonzero((split == name) & sound & (settings["arithmetic"] == "float32"))
        values = []
        for batch in np.array_split(rows, max(1, len(rows) // 16)) if len(rows) else []:
            values.append(predictor.own_loss(images.gather(manifest.index[batch]), sizes[batch], points[batch]))
        losses[name] = float(np.concatenate(values).mean()) if len(rows) else None
    if settings["kind"] == "direct":
        fractions = resize_points(points, sizes[:, None], (1, 1)) + 0.5
        constant = fractions[(split == "train") & sound].mean(axis=0)
        test = (split == "test") & sound
        baseline = "mean landmark", float(((fractions[test] - constant) ** 2).mean()) if test.any() else None
    else:
        baseline = trivial_loss(settings)
    return {"name": predictor.metadata["loss"], **losses, "baseline_name": baseline[0], "baseline": baseline[1]}


def describe_model(snakemake, metadata: dict) -> dict:
    params = snakemake.params
    calibration = metadata.get("calibration", {})  # of a given model; one trained here follows the configuration
    return {
        "kind": metadata["kind"] if params.trained else "external",
        "calliper": calibration.get("calliper", params.calliper),
        "interval_level": calibration.get("level", params.interval_level),
        "parameters": metadata["parameters"],
        "epochs": metadata["epochs"],
        "best_epoch": metadata["epoch"],
        "networks": metadata.get("networks", 1),
        "knows_seen": bool(metadata.get("seen")),
        "seconds": metadata["seconds"],
        "data_digest": metadata["data_digest"],
        "decode": metadata["decoder"],
        "reflections": metadata["reflections"],
        "closeup": metadata["closeup"],
        "second_opinion": metadata.get("second_opinion"),
        **{knob: params.settings.get(knob) for knob in ("suspects", "keep_epoch", "cross_fit")},
    }


if __name__ == "__main__":
    with job.start(snakemake):
        predictor = Predictor(snakemake.input.model, snakemake.threads)
        metadata = predictor.metadata
        every = read_frame(snakemake.input.manifest)
        audit = read_frame(snakemake.input.audit) if snakemake.input.get("audit") else None
        manifest = every[every["label_source"] != ""]
        unit, per_px = report_unit(manifest)
        metrics = {
            "experiment": snakemake.wildcards.experiment,
            "dataset": snakemake.params.dataset,
            "unit": unit,
            "model": describe_model(snakemake, metadata),
            "loss": None,
            "calliper": snakemake.params.calliper,
            "labels": summarise_labels(every, audit),
            "splits": {},
            "out_of_fold": {},
            "reference": {},
            "kinds": {},
            "repeats": {},
        }
        errors = pd.DataFrame(columns=["image_name"])
        if len(manifest):
            predictions = read_frame(snakemake.input.predictions).loc[manifest.index]
            planned = read_frame(snakemake.input.split)["split"].reindex(manifest.index).to_numpy()
            split = set_apart_seen(manifest, planned, metadata.get("seen", []))
            metrics["model"]["test_images_seen"] = int((split != planned).sum())
            sound = (audit["verdict"].reindex(manifest.index) == "sound").to_numpy()
            callipers = metrics["calliper"], metrics["model"]["calliper"]
            evaluation = Evaluation(manifest, predictions, split, sound, unit, per_px, *callipers)
            taught = (planned != "test") & snakemake.params.trained
            cross_fitted = snakemake.params.settings.get("cross_fit", "none") != "none"
            if not cross_fitted:  # intervals of images that taught the model or calibrated it say nothing
                evaluation.intervals[taught] = np.nan
            metrics["splits"], metrics["reference"] = evaluate_splits(evaluation), evaluate_reference(evaluation)
            metrics["kinds"] = evaluate_kinds(evaluation)
            errors = list_errors(evaluation)
            if cross_fitted:
                metrics["out_of_fold"] = evaluate_out_of_fold(evaluation, taught)
            if snakemake.params.trained:
                metrics["repeats"] = evaluate_repeats(evaluation, (split == "test") | (taught & cross_fitted))
                metrics["loss"] = evaluate_loss(snakemake, predictor, manifest, split, sound)
        write_frame(errors, snakemake.output.errors)
        job.write_json(metrics, snakemake.output.metrics)
        test = metrics["splits"].get("test", {}).get("all")
        if test:
            hc = test["hc"]
            logging.info(
                "test HC error %.2f %s on %d images, %.1f times below the mean landmark's %.2f %s",
                hc["mae"], unit, test["n"], hc["constant_mae"] / hc["mae"], hc["constant_mae"], unit,
            )  # fmt: skip
