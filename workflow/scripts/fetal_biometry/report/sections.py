"""The sections of a labelled run's report, in a reader's order: a function each, and one line in `report_sections`."""

from __future__ import annotations

from fetal_biometry.report import details, figures
from fetal_biometry.report.page_tables import Block, Cell, Table, length_cells, length_headings, lengths_by_group
from fetal_biometry.report.section import Run, Section
from fetal_biometry.report.sentences import limits_of_use
from fetal_biometry.report.wording import HEAD_SIZES, LENGTH_NAMES, count, duration, many, number, signed

GROUPS = {"all": "all valid labels", **HEAD_SIZES, "with_invalid": "all labels"}


def report_sections(run: Run) -> list[Section]:
    """The sections that a run has something to say in."""
    sections = (
        Section("summary", "Result", template="summary"),
        _reference(run),
        _head_sizes(run),
        _out_of_fold(run),
        _recipes(run),
        Section("gallery", "Gallery", template="gallery"),
        Section("images", "All images", template="images"),
        _quarantine(run),
        Section("limits", "Limits", paragraphs=limits_of_use(run.metrics)),
        details.agreement(run),
        details.endpoints(run),
        details.training(run),
        details.data(run),
        details.software(run),
        Section("methods", "Methods", template="methods", folded=True),
    )
    return [section for section in sections if section]


def summary_table(run: Run) -> Table | None:
    """HC, BPD and OFD: the model's error beside the constant's and what two sonographers differ by."""
    if "all" not in run.test:
        return None
    columns = ("mae", "relative_limits", "coverage", "constant", "sonographers")
    rows = [(length.upper(), length_cells(run.test["all"][length], columns, length)) for length in LENGTH_NAMES]
    headings = ["Length", *length_headings(columns, run.unit, run.level)]
    return Table("result-table", "Errors on the test images", headings, [Block(rows)])


def _reference(run: Run) -> Section | None:
    reference = run.metrics["reference"]
    if not reference:
        return None
    text = (
        "All test images with a reference count. The first table gives the model’s errors, the second the labels’ own. "
        "The reference was not used for labelling, audit or training. The labels’ own error is label noise; an error "
        "against the labels includes it."
    )
    titles = {**GROUPS, "all": "all test images"}
    tables = [
        lengths_by_group(f"reference-{who}", f"Errors of {whose}", reference[who], titles, run.unit, run.level)
        for who, whose in {"model": "the model", "labels": "the labels"}.items()
    ]
    return Section("reference", "Independent reference", text, tables=tables)


def _head_sizes(run: Run) -> Section | None:
    if "all" not in run.test:
        return None
    text = "Test images with valid labels."
    if run.unit == "px":
        text = f"{text} Without pixel sizes there are no head-size bands."
    table = lengths_by_group("sizes-table", "Errors by head size", run.test, GROUPS, run.unit, run.level)
    return Section("head-sizes", "Head size", text, tables=[table])


def _out_of_fold(run: Run) -> Section | None:
    found = run.metrics["out_of_fold"]
    if not found:
        return None
    images = f"{many(found['all']['n'], 'image')} of {many(found['all']['examinations'], 'examination')}"
    text = (
        f"The {images} that the model was trained on. Each is measured by a network of the same recipe that was "
        "trained without its examination; its bias correction and its intervals come from the other folds."
    )
    table = lengths_by_group("folds-table", "Errors out of fold", found, GROUPS, run.unit, run.level)
    return Section("out-of-fold", "Out of fold", text, tables=[table])


def _recipes(run: Run) -> Section | None:
    if run.inputs.comparison is None:
        return None
    rows, unit = run.inputs.comparison, run.unit
    stepwise = "hc_step" in rows
    text = (
        f"All recipes have the same data, split and test images: {count(rows['n'][0])} valid labels. The last columns "
        f"are mean differences of absolute errors on the same {count(rows['pairs'][0])} images: "
    )
    text += "from the row above." if stepwise else f"positive where the recipe is worse than {run.inputs.recipe}."
    errors = {f"{length}_mae_{unit}": f"{length.upper()} error, {unit}" for length in LENGTH_NAMES}
    if f"hc_mae_reference_{unit}" in rows:
        errors |= {
            f"{length}_mae_reference_{unit}": f"{length.upper()} against reference, {unit}" for length in LENGTH_NAMES
        }
    name = "step" if stepwise else "worse"
    by = "change by the step" if stepwise else "worse by"
    headings = ["Recipe", "Labels not valid", *errors.values(), "Parameters, millions", "Training"]
    headings += [f"{length.upper()} {by}, {unit}" for length in LENGTH_NAMES]
    lines = [(row["recipe"], _recipe_cells(row, errors, name, run.inputs.recipe)) for row in rows.to_dict("records")]
    table = Table("recipes-table", "Recipes", headings, [Block(lines)])
    title = "Ablation, step by step" if stepwise else "Recipes side by side"
    return Section("recipes", title, text, [figures.recipes_figure(rows, unit)], [table])


def _recipe_cells(row: dict, errors: dict, name: str, chosen: str) -> list[Cell]:
    cells = [Cell(row["noisy_labels"]), *(Cell(number(row[column])) for column in errors)]
    cells += [Cell(number(row["parameters"] / 1e6)), Cell(duration(row["training_seconds"]))]
    for length in LENGTH_NAMES:
        value, low, high = (row[f"{length}_{name}{end}"] for end in ("", "_low", "_high"))
        none = value != value or (name == "worse" and row["recipe"] == chosen)
        cells.append(Cell("–") if none else Cell(signed(value), f"{signed(low)} to {signed(high)}"))
    return cells


def _quarantine(run: Run) -> Section | None:
    if run.inputs.quarantine.empty:
        return None
    rows = [(row["image_name"], [Cell(row["reason"])]) for row in run.inputs.quarantine.to_dict("records")]
    table = Table("quarantine-table", "Quarantined images", ["Image", "Reason"], [Block(rows)], numbers=False)
    text = "No number on this page includes these images. The run’s quarantine.csv has the same list."
    return Section("quarantine", "Images not used", text, tables=[table])
