"""The folded sections of a report: for reviewers."""

from __future__ import annotations

from fetal_biometry.report import figures
from fetal_biometry.report.page_tables import Block, Cell, Table, length_cells, name_table
from fetal_biometry.report.pages import flatten
from fetal_biometry.report.section import Run, Section
from fetal_biometry.report.wording import LENGTH_NAMES, count, duration, number, percent, span
from fetal_biometry.terms import SEEN, Split, Verdict


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
            for length in LENGTH_NAMES
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


def endpoints(run: Run) -> Section | None:
    """Endpoint errors of both axes."""
    if "all" not in run.test:
        return None
    rows = []
    for axis in ("bpd", "ofd"):
        errors = run.test["all"]["endpoint"][axis]
        rows.append((axis.upper(), [Cell(number(errors["mean"])), Cell(number(errors["nme"], 3), span(errors, "nme"))]))
    text = (
        "Distances between predicted and labelled ends of each axis, in the order of the ends that fits better. NME: "
        "mean endpoint error over the labelled length of that axis."
    )
    table = Table("endpoints-table", "Endpoint errors", ["Axis", f"Mean, {run.unit}", "NME"], [Block(rows)])
    return Section("endpoints", "Endpoints", text, tables=[table], folded=True)


def training(run: Run) -> Section | None:
    """Loss and validation errors by epoch; None without a training."""
    if run.inputs.history is None or run.inputs.history.empty:
        return None
    charts = figures.training_curves(run.inputs.history, run.metrics["model"])
    return Section("training", "Training", charts=charts, folded=True)


def data(run: Run) -> Section:
    """Images and verdicts by split."""
    rows, headings = [], ["Split", "Images", "Examinations", *(f"{verdict} labels".capitalize() for verdict in Verdict)]
    for name in (*Split, SEEN, ""):
        part = run.rows[run.rows["split"] == name]
        if len(part):
            numbers = [len(part), part["examination"].nunique(), *((part["verdict"] == v).sum() for v in Verdict)]
            rows.append((str(name) or "not in a split", [Cell(count(n)) for n in numbers]))
    table = Table("split-table", "Split by examination", headings, [Block(rows)])
    return Section("data", "Data", tables=[table], folded=True)


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
