"""Recipes on the same test images: errors, and paired differences of errors."""

import pandas as pd

from fetal_biometry.errors import InputError
from fetal_biometry.frames import read_frame
from fetal_biometry.job import read_json
from fetal_biometry.report.bootstrap import bootstrap_interval
from fetal_biometry.terms import LENGTHS, Split


def judged_errors(errors: pd.DataFrame) -> pd.DataFrame:
    """Absolute errors of a recipe's test images, as ``bpd``, ``ofd`` and ``hc``.

    ``errors`` is the recipe's errors.csv. Against the reference where there is one, else against valid labels. Images
    in which no head was found are left out.
    """
    test = errors[errors["split"] == Split.TEST]
    referenced = test["hc_error_reference"].notna()
    against, test = ("reference", test[referenced]) if referenced.any() else ("label", test[test["valid"]])
    judged = test.assign(**{length: test[f"{length}_error_{against}"].abs() for length in LENGTHS})
    return judged.dropna(subset=list(LENGTHS))


def paired_differences(table: pd.DataFrame, chosen: pd.DataFrame, name: str = "worse") -> dict[str, float]:
    """Mean differences of two recipes' `judged_errors`: ``bpd_NAME``, ``ofd_NAME``, ``hc_NAME``.

    On images that both have; above 0 where the chosen recipe has smaller errors. With the ends of their 95 %
    intervals, ``bpd_NAME_low`` and ``bpd_NAME_high``, bootstrapped by examination.
    """
    table, found = table.loc[table.index.intersection(chosen.index)], {}
    for length in LENGTHS:
        difference = (table[length] - chosen[length].loc[table.index]).to_numpy()
        low, high = bootstrap_interval(difference, table["examination"])
        column = f"{length}_{name}"
        found |= {column: float(difference.mean()), f"{column}_low": low, f"{column}_high": high}
    return found


def compare_recipes(metrics_files: list, errors_files: list, against: str, steps: bool) -> pd.DataFrame:
    """A table with a row for each recipe.

    Parameters
    ----------
    metrics_files, errors_files : list of path
        metrics.json and errors.csv of each recipe.
    against : str
        The recipe that the others are compared with.
    steps : bool
        Whether each recipe is also compared with the one before it.

    Raises
    ------
    InputError
        Without a test image with a valid label.
    """
    metrics = [read_json(path) for path in metrics_files]
    if not all("all" in one["splits"].get("test", {}) for one in metrics):
        raise InputError("no test image has a valid label, so nothing can be compared; raise test_fraction.")
    table, errors = pd.DataFrame(map(_row, metrics)), [judged_errors(read_frame(path)) for path in errors_files]
    chosen = errors[list(table["recipe"]).index(against)]
    table["pairs"] = [len(one.index.intersection(chosen.index)) for one in errors]
    table = table.join(pd.DataFrame([paired_differences(one, chosen) for one in errors]))
    if steps:
        differences = [paired_differences(*pair, "step") for pair in zip(errors[1:], errors[:-1], strict=True)]
        table = table.join(pd.DataFrame(differences, index=table.index[1:]))
    return table


def _row(metrics: dict) -> dict:
    """One recipe's row of the table."""
    test, unit, model = metrics["splits"]["test"]["all"], metrics["unit"], metrics["model"]
    row = {"recipe": metrics["recipe"], "noisy_labels": model["noisy_labels"], "n": test["n"]}
    row["without_head"] = metrics["without_head"].get(Split.TEST, 0)
    for name in LENGTHS:
        row[f"{name}_mae_{unit}"] = test[name]["mae"]
        row[f"{name}_bias_{unit}"] = test[name]["bias"]
    row |= {f"hc_mae_{end}_{unit}": test["hc"][f"mae_{end}"] for end in ("low", "high")}
    if reference := metrics["reference"].get("model", {}).get("all"):
        row |= {f"{name}_mae_reference_{unit}": reference[name]["mae"] for name in LENGTHS}
    row["hc_over_10_percent"] = test["hc"]["over_10_percent"]
    return row | {"parameters": model["parameters"], "training_seconds": model["seconds"]}
