"""Recipes on the same test images: errors, and paired differences of errors."""

import json
from pathlib import Path

import pandas as pd

from fetal_biometry.errors import InputError
from fetal_biometry.frames import read_frame
from fetal_biometry.report.bootstrap import bootstrap_interval
from fetal_biometry.terms import LENGTHS, Split


def judged_errors(errors: pd.DataFrame) -> pd.DataFrame:
    """Absolute errors of a recipe's test images, as ``bpd``, ``ofd`` and ``hc``.

    ``errors`` is the recipe's errors.csv. Against the reference where there is one, else against valid labels.
    """
    test = errors[errors["split"] == Split.TEST]
    referenced = test["hc_error_reference"].notna()
    against, test = ("reference", test[referenced]) if referenced.any() else ("label", test[test["valid"]])
    return test.assign(**{length: test[f"{length}_error_{against}"].abs() for length in LENGTHS})


def paired_differences(table: pd.DataFrame, chosen: pd.DataFrame) -> dict[str, dict]:
    """Mean difference of two recipes' `judged_errors` on the same images, for each length.

    ``mean``, above 0 where the chosen recipe has smaller errors, with the ends of its 95 % interval, ``low`` and
    ``high``, bootstrapped by examination.
    """
    found = {}
    for length in LENGTHS:
        difference = (table[length] - chosen[length].reindex(table.index)).to_numpy()
        low, high = bootstrap_interval(difference, table["examination"])
        found[length] = {"mean": float(difference.mean()), "low": low, "high": high}
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
    metrics = [json.loads(Path(path).read_text(encoding="utf-8")) for path in metrics_files]
    if not all("all" in one["splits"].get("test", {}) for one in metrics):
        raise InputError("no test image has a valid label, so nothing can be compared; raise test_fraction.")
    table, errors = pd.DataFrame(map(_row, metrics)), [judged_errors(read_frame(path)) for path in errors_files]
    table["pairs"] = list(map(len, errors))
    chosen = errors[list(table["recipe"]).index(against)]
    table = table.join(_differences(errors, [chosen] * len(errors), "worse"))
    if steps:
        differences = _differences(errors[1:], errors[:-1], "step")
        table = table.join(differences.set_axis(differences.index + 1))
    return table


def _row(metrics: dict) -> dict:
    """One recipe's row of the table."""
    test, unit, model = metrics["splits"]["test"]["all"], metrics["unit"], metrics["model"]
    row = {"recipe": metrics["recipe"], "noisy_labels": model["noisy_labels"], "n": test["n"]}
    for name in LENGTHS:
        row[f"{name}_mae_{unit}"] = test[name]["mae"]
        row[f"{name}_bias_{unit}"] = test[name]["bias"]
    row |= {f"hc_mae_{end}_{unit}": test["hc"][f"mae_{end}"] for end in ("low", "high")}
    if reference := metrics["reference"].get("model", {}).get("all"):
        row |= {f"{name}_mae_reference_{unit}": reference[name]["mae"] for name in LENGTHS}
    row["hc_over_10_percent"] = test["hc"]["over_10_percent"]
    return row | {"parameters": model["parameters"], "training_seconds": model["seconds"]}


def _differences(tables: list[pd.DataFrame], others: list[pd.DataFrame], name: str) -> pd.DataFrame:
    """`paired_differences` of each pair as columns ``bpd_NAME, bpd_NAME_low, bpd_NAME_high`` and so on."""
    pairs = [paired_differences(table, other) for table, other in zip(tables, others, strict=True)]
    return pd.DataFrame(
        {
            f"{length}_{name}{end}": [pair[length][key] for pair in pairs]
            for length in LENGTHS
            for end, key in (("", "mean"), ("_low", "low"), ("_high", "high"))
        }
    )
