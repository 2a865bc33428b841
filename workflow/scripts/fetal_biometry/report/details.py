"""The folded sections of a report: for reviewers."""

from __future__ import annotations

import pandas as pd

from fetal_biometry.report import figures
from fetal_biometry.report.methods import describe_methods
from fetal_biometry.report.page_tables import Block, Cell, Table, length_cells, many, name_table
from fetal_biometry.report.pages import flatten
from fetal_biometry.report.section import Run, Section
from fetal_biometry.report.wording import LENGTHS, count, duration, number, percent, span
from fetal_biometry.terms import SEEN, Split, Verdict

KINDS = {  # of images: a title, and the decimals of its numbers
    "pixel_size_mm": ("Pixel size, mm", 3),
    "contrast": ("Contrast", 2),
    "head_share": ("OFD over the image’s height", 2),
    "direction_deg": ("Direction of the OFD, degrees from the horizontal", 0),
    "cephalic_index": ("Cephalic index, BPD over OFD", 2),
}


def agreement(run: Run) -> Section | None:
    """Bland-Altman plots of BPD and OFD, and the noise of model and labels from repeats."""
    if "all" not in run.test:
        return None
    charts = [figures.bland_altman(run.judged, name, run.test["all"][name], run.unit) for name in ("bpd", "ofd")]
    repeats, text, tables = run.metrics["repeats"], "", []
    if repeats:
        text = (
            "Some examinations have several images of one head. A change that model and labels share comes from the "
            "image plane; a change in one of them alone is its noise (Grubbs 1948), given as SD in per cent of the "
            "length. Even a perfect model differs from the labels by their noise. These are images without a flag, "
            "with valid labels, that the network was not trained on."
        )
        headings = ["Length", "Pairs of images", "Model’s noise", "Labels’ noise"]
        headings += [f"Error of a perfect model, {run.unit}", f"Error of this model, {run.unit}"]
        rows = [
            (length.upper(), _noise_cells(repeats[length], run.test["all"][length]))
            for length in LENGTHS
            if length in repeats
        ]
        tables = [Table("repeats-table", "Noise of model and labels in repeats", headings, [Block(rows)])]
    return Section("agreement", "Agreement", text, charts, tables, folded=True)


def _noise_cells(noise: dict, judged: dict) -> list[Cell]:
    cells = [Cell(count(noise["pairs"])), *(_percent_cell(noise, who) for who in ("model", "reference"))]
    return [*cells, Cell(number(noise.get("floor")), span(noise, "floor")), *length_cells(judged, ("mae",))]


def _percent_cell(figures: dict, name: str) -> Cell:
    """A share with the ends of its 95 % interval."""
    return Cell(percent(figures[name], 1), " to ".join(percent(figures[f"{name}_{end}"], 1) for end in ("low", "high")))


def kinds(run: Run) -> Section | None:
    """Errors in thirds of the test images, by what tells kinds of images apart."""
    kinds = run.metrics["kinds"]
    if not kinds:
        return None
    blocks = []
    for name, (title, digits) in KINDS.items():
        rows = []
        for third in kinds.get(name, ()):
            cells = [Cell(count(third["n"])), *(_percent_cell(third[length], "mae") for length in LENGTHS)]
            rows.append((f"{number(third['low'], digits)}–{number(third['high'], digits)}", cells))
        blocks += [Block(rows, title)] if rows else []
    headings = ["Property", "From, to", "n", *(f"{length.upper()}, mean error" for length in LENGTHS)]
    text = (
        "Thirds of the test images with valid labels. Errors are in per cent of the labelled length. Contrast: from "
        "the darkest to the brightest hundredth of the grey levels, as a share of the range from black to white."
    )
    table = Table("kinds-table", "Errors by kind of image", headings, blocks)
    return Section("kinds", "Kinds of image", text, tables=[table], folded=True)


def endpoints(run: Run) -> Section | None:
    """Endpoint errors of both axes."""
    if "all" not in run.test:
        return None
    blocks = []
    for name, title in {"endpoint": "order-free", "endpoint_fixed_order": "fixed order"}.items():
        rows = []
        for axis in ("bpd", "ofd"):
            errors = run.test["all"][name][axis]
            distances = [Cell(number(errors[part])) for part in ("mean", "radial", "tangential")]
            rows.append((axis.upper(), [*distances, Cell(number(errors["nme"], 3), span(errors, "nme"))]))
        blocks.append(Block(rows, title))
    parts = [f"{part}, {run.unit}" for part in ("Mean", "Radial", "Tangential")]
    text = (
        "Distances between predicted and labelled ends of each axis. Radial: along the axis, which changes the "
        "length. Tangential: along the skull, which hardly changes it. Order-free: each predicted end is compared "
        "with the nearer labelled end. NME: mean endpoint error over the labelled length of that axis."
    )
    table = Table("endpoints-table", "Endpoint errors", ["Matching", "Axis", *parts, "NME"], blocks)
    return Section("endpoints", "Endpoints", text, tables=[table], folded=True)


def training(run: Run) -> Section | None:
    """Loss and validation errors by epoch; None without a training."""
    if run.inputs.history is None or run.inputs.history.empty:
        return None
    loss, text = run.metrics["loss"], ""
    parts = [f"{split} {loss[split]:.4g}" for split in Split if loss and loss.get(split) is not None]
    if parts:
        text = f"Loss of the weights used: {', '.join(parts)}."
    charts = figures.training_curves(run.inputs.history, run.metrics["model"], loss)
    return Section("training", "Training", text, charts, folded=True)


def data(run: Run) -> Section:
    """Images and verdicts by split."""
    rows, headings = [], ["Split", "Images", "Examinations", *(f"{verdict} labels".capitalize() for verdict in Verdict)]
    for name in (*Split, SEEN, ""):
        part = run.rows[run.rows["split"] == name]
        if len(part):
            numbers = [len(part), part["examination"].nunique(), *((part["verdict"] == v).sum() for v in Verdict)]
            rows.append((str(name) or "not in a split", [Cell(count(n)) for n in numbers]))
    shared = examinations_shared(run.rows)
    text = "No examination has images in more than one split. This was checked when the page was written."
    if shared:
        text = f"{many(shared, 'examination')} with images in more than one split: test errors may look too small."
    table = Table("split-table", "Split by examination", headings, [Block(rows)])
    return Section("data", "Data", text, tables=[table], folded=True)


def examinations_shared(rows: pd.DataFrame) -> int:
    """Number of examinations with images in more than one split."""
    pairs = rows.loc[rows["split"] != "", ["examination", "split"]].drop_duplicates()
    return int((pairs["examination"].value_counts() > 1).sum())


def software(run: Run) -> Section:
    """The model, packages and every setting."""
    model, versions = run.metrics["model"], run.inputs.versions
    described = {
        "Dataset": run.metrics["dataset"],
        "Recipe": run.inputs.recipe,
        "Parameters": count(model["parameters"]),
        "Epochs": count(model["epochs"]),
        "Epoch whose weights are used": count(model["best_epoch"]),
        "Training time": duration(model["seconds"]),
        **versions,
    }
    tables = [name_table("software-table", "Software", described)]
    if run.inputs.settings:
        tables.append(name_table("configuration", "Configuration", flatten(run.inputs.settings)))
    return Section("software", "Software", tables=tables, folded=True)


def methods(run: Run) -> Section:
    """How images become lengths."""
    said = describe_methods(run.metrics, run.inputs.settings, run.growth)
    return Section("methods", "Methods", paragraphs=said, folded=True)
