"""Every figure of an experiment, by split and by band of HC, into one file."""

import json
import logging
from collections import Counter

import numpy as np

from fetal_biometry import job
from fetal_biometry.cache import Shards
from fetal_biometry.frames import points_of, read_frame, report_unit, sizes_of
from fetal_biometry.geometry import LENGTHS, all_lengths, resize_points
from fetal_biometry.inference import Predictor
from fetal_biometry.metrics import BANDS, evaluate_group, mean_landmarks, trivial_loss


def summarise_labels(manifest, audit) -> dict:
    """How many labels there are, how many are left out, and why."""
    sources = manifest["label_source"]
    labelled = int((sources != "").sum())
    reasons = (
        Counter(reason for text in audit["reasons"] for reason in text.split(";") if reason)
        if audit is not None
        else {}
    )
    suspect = int((audit["verdict"] == "suspect").sum()) if audit is not None else 0
    return {
        "images": len(manifest),
        "labelled": labelled,
        "sound": labelled - suspect,
        "suspect": suspect,
        "unlabelled": len(manifest) - labelled,
        "names_swapped": bool(sources.str.contains("swapped").any()),
        "reasons": dict(reasons.most_common()),
    }


def evaluate_splits(manifest, predictions, split, sound, unit, per_px) -> dict:
    """Figures of each split: its sound rows, the same by band of HC, and all its labelled rows."""
    points, sizes = points_of(manifest), sizes_of(manifest)
    trained = (split == "train") & sound
    constant = resize_points(mean_landmarks(points[trained], sizes[trained])[None], (1, 1), sizes[:, None])
    stated = manifest["reference_hc_mm"].to_numpy(dtype=float)
    own_hc = all_lengths(points)[:, 2] * per_px
    head = np.where(np.isfinite(stated), stated, own_hc)
    ends = [predictions[[f"{name}_low", f"{name}_high"]].to_numpy(dtype=float) for name in LENGTHS]
    intervals = np.stack(ends, axis=1)
    located = points_of(predictions)

    def group(rows):
        examinations = manifest["examination"].to_numpy()[rows]
        reference_hc = stated[rows] if unit == "mm" else None
        return evaluate_group(
            located[rows], points[rows], per_px[rows], constant[rows], intervals[rows], reference_hc, examinations
        )

    results = {}
    for name in ("test", "validation", "train"):
        inside = split == name
        rows = {"all": inside & sound}
        if unit == "mm":
            rows |= {band: inside & sound & (head >= low) & (head < high) for band, (low, high) in BANDS.items()}
        if (inside & ~sound).any():
            rows["with_suspects"] = inside
        results[name] = {label: group(chosen) for label, chosen in rows.items() if chosen.any()}
    return {name: groups for name, groups in results.items() if groups}


def evaluate_loss(snakemake, manifest, split, sound) -> dict:
    """The network's own loss by split, beside what knowing nothing costs."""
    predictor, settings = Predictor(snakemake.input.model, snakemake.threads), snakemake.params.settings
    images = Shards(snakemake.input.images)
    direct = settings["kind"] == "direct"
    fractions = (resize_points(points_of(manifest), sizes_of(manifest)[:, None], (1, 1))) + 0.5
    heatmaps = None if direct else Shards(snakemake.input.heatmaps)
    losses = {}
    for name in ("train", "validation", "test"):
        rows = np.flatnonzero((split == name) & sound)
        values = []
        for batch in np.array_split(rows, max(1, len(rows) // 16)):
            names = manifest.index[batch]
            targets = fractions[batch] if direct else heatmaps.gather(names)
            values.append(predictor.own_loss(images.gather(names), targets))
        losses[name] = float(np.concatenate(values).mean()) if len(rows) else None
    if direct:
        constant = fractions[(split == "train") & sound].mean(axis=0)
        test = (split == "test") & sound
        baseline = "mean landmark", float(((fractions[test] - constant) ** 2).mean()) if test.any() else None
    else:
        baseline = trivial_loss(settings)
    return {"name": predictor.metadata["loss"], **losses, "baseline_name": baseline[0], "baseline": baseline[1]}


def describe_model(snakemake) -> dict:
    metadata = Predictor(snakemake.input.model).metadata
    return {
        "kind": metadata["kind"] if snakemake.params.trained else "external",
        "parameters": metadata["parameters"],
        "epochs": metadata["epochs"],
        "best_epoch": metadata["epoch"],
        "seconds": metadata["seconds"],
        "decode": metadata["decoder"],
    }


if __name__ == "__main__":
    with job.start(snakemake):
        every = read_frame(snakemake.input.manifest)
        audit = read_frame(snakemake.input.audit) if snakemake.input.get("audit") else None
        manifest = every[every["label_source"] != ""]
        unit, per_px = report_unit(manifest)
        metrics = {
            "experiment": snakemake.wildcards.experiment,
            "dataset": snakemake.params.dataset,
            "unit": unit,
            "model": describe_model(snakemake),
            "loss": None,
            "labels": summarise_labels(every, audit),
            "splits": {},
        }
        if len(manifest):
            predictions = read_frame(snakemake.input.predictions).loc[manifest.index]
            split = read_frame(snakemake.input.split)["split"].reindex(manifest.index).to_numpy()
            sound = (audit["verdict"].reindex(manifest.index) == "sound").to_numpy()
            metrics["splits"] = evaluate_splits(manifest, predictions, split, sound, unit, per_px)
            if snakemake.params.trained:
                metrics["loss"] = evaluate_loss(snakemake, manifest, split, sound)
        with job.atomic_path(snakemake.output.metrics) as temporary:
            temporary.write_text(json.dumps(metrics, indent=1) + "\n")
        test = metrics["splits"].get("test", {}).get("all")
        if test:
            hc = test["hc"]
            logging.info(
                "test HC error %.2f %s on %d images, %.1f times below the mean landmark's %.2f %s",
                hc["mae"], unit, test["n"], hc["constant_mae"] / hc["mae"], hc["constant_mae"], unit,
            )  # fmt: skip
