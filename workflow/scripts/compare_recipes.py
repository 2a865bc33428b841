"""Set experiments side by side: errors on the same test images, and each one's own loss beside its baseline."""

import json
import logging
from pathlib import Path

import pandas as pd

from fetal_biometry import job
from fetal_biometry.errors import InputError
from fetal_biometry.frames import read_frame, write_frame
from fetal_biometry.model.geometry import LENGTHS
from fetal_biometry.report.comparison import judged_errors, paired_differences
from fetal_biometry.report.drawing import BLUE, GREEN, ORANGE, pyplot, save_svg

COLOURS = {"bpd": BLUE, "ofd": ORANGE, "hc": GREEN}


def flatten(metrics: dict) -> dict:
    """One experiment's row of the table."""
    test, unit = metrics["splits"]["test"]["all"], metrics["unit"]
    row = {"experiment": metrics["experiment"], "suspects": metrics["model"]["suspects"], "n": test["n"]}
    for name in LENGTHS:
        row[f"{name}_mae_{unit}"] = test[name]["mae"]
        row[f"{name}_bias_{unit}"] = test[name]["bias"]
    row |= {f"hc_mae_{end}_{unit}": test["hc"][f"mae_{end}"] for end in ("low", "high")}
    reference = metrics["reference"].get("model", {}).get("all")
    if reference:
        row |= {f"{name}_mae_reference_{unit}": reference[name]["mae"] for name in LENGTHS}
    row[f"constant_hc_mae_{unit}"] = test["hc"]["constant_mae"]
    row["hc_over_10_percent"] = test["hc"]["over_10_percent"]
    row["nme_bpd"], row["nme_ofd"] = (test["endpoint"][name]["nme"] for name in ("bpd", "ofd"))
    loss, model = metrics["loss"], metrics["model"]
    row |= {"loss": loss["name"], "test_loss": loss["test"]}
    row |= {"trivial": loss["baseline_name"], "trivial_loss": loss["baseline"]}
    row |= {"parameters": model["parameters"], "epochs": model["epochs"], "training_seconds": model["seconds"]}
    return row


def compare_pairs(tables: list[pd.DataFrame], others: list[pd.DataFrame], name: str) -> pd.DataFrame:
    """By how much each one's errors are larger than the other's on the same images, and the ends of the 95 % interval.

    Columns ``bpd_NAME, bpd_NAME_low, bpd_NAME_high`` and so on, see `comparison.paired_differences`.
    """
    pairs = [paired_differences(table, other) for table, other in zip(tables, others, strict=True)]
    return pd.DataFrame(
        {
            f"{length}_{name}{end}": [pair[length][key] for pair in pairs]
            for length in LENGTHS
            for end, key in (("", "mean"), ("_low", "low"), ("_high", "high"))
        }
    )


def draw(table: pd.DataFrame, unit: str, path) -> None:
    """Test errors on the left (logarithmic), own loss as a share of the trivial one on the right."""
    figure, (errors, losses) = pyplot.subplots(
        1, 2, figsize=(9, 0.55 * len(table) + 1.6), width_ratios=(3, 2), sharey=True
    )
    rows = range(len(table))
    for offset, name in zip((-0.25, 0, 0.25), LENGTHS, strict=True):
        values = table[f"{name}_mae_{unit}"]
        bars = errors.barh([row + offset for row in rows], values, 0.23, color=COLOURS[name], label=name.upper())
        errors.bar_label(bars, fmt=" %.2f", fontsize=7)
    errors.axvline(table[f"constant_hc_mae_{unit}"].iloc[0], color="0.4", linestyle="--", linewidth=1)
    title = f"mean absolute error on {table['n'].iloc[0]} test images, {unit} (dashed: HC of the mean landmark)"
    errors.set(xscale="log", xlabel=title)
    errors.set_yticks(rows, table["experiment"])
    errors.invert_yaxis()
    errors.legend(frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    shares = (table["test_loss"].astype(float) / table["trivial_loss"]).fillna(0)  # 0: of 8-bit integers, unknown
    labels = [
        f" {share:.2f}  ({name})" if share else " unknown" for share, name in zip(shares, table["loss"], strict=True)
    ]
    losses.bar_label(losses.barh(rows, shares, 0.5, color="0.65"), labels, fontsize=7)
    losses.axvline(1, color="0.4", linestyle="--", linewidth=1)
    losses.set(xlabel="own test loss / loss of knowing nothing", xlim=(0, max(1.1, 1.5 * shares.max())))
    figure.tight_layout()
    save_svg(figure, path)


if __name__ == "__main__":
    with job.start(snakemake):
        metrics = [json.loads(Path(path).read_text(encoding="utf-8")) for path in snakemake.input.metrics]
        if not all("all" in one["splits"].get("test", {}) for one in metrics):
            raise InputError("no test image with a sound label to compare on; raise test_fraction or mend the labels.")
        table = pd.DataFrame([flatten(one) for one in metrics])
        errors = [judged_errors(read_frame(path)) for path in snakemake.input.errors]
        table["pairs"] = list(map(len, errors))
        chosen = errors[list(table["experiment"]).index(snakemake.params.against)]
        table = table.join(compare_pairs(errors, [chosen] * len(errors), "worse"))
        if snakemake.params.steps:
            steps = compare_pairs(errors[1:], errors[:-1], "step")
            table = table.join(steps.set_axis(steps.index + 1))
        write_frame(table, snakemake.output.table)
        draw(table, metrics[0]["unit"], snakemake.output.figure)
        logging.info("\n%s", table.round(3).to_string(index=False))
