"""The benchmarks as one json, a table and a figure."""

import json
import os
import platform
from pathlib import Path

from fetal_biometry import job
from fetal_biometry.report.drawing import BLUE, GREEN, ORANGE, pyplot, save_svg

CONTENDERS = {
    "plain": "plain loop over the reference",
    "reference": "reference in our engine",
    "ours": "default experiment",
    "shipped": "recipe of the shipped model",
}


def name_processor() -> str:
    """What the system calls its processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def spread_text(value: dict, digits: int = 1) -> str:
    """A median with its quartiles."""
    return "{median:.{d}f} ({low:.{d}f}-{high:.{d}f})".format(**value, d=digits)


def tabulate(bench: dict) -> list[tuple[str, str]]:
    """What was measured, line by line: medians of the rounds, quartiles in brackets."""
    training, inference, workflow = (bench[part] for part in ("training", "inference", "workflow"))
    rate = f"% of a {training['precision']} matrix product's rate in training"
    rows = []
    for what, key, scale in (
        ("an epoch, times faster than the plain loop's", "times_faster_than_plain", 1),
        ("ms an image in training", "seconds_an_image", 1000),
        (rate, "share_of_product", 100),
        ("% of what processor and memory allow, operation by operation", "share_of_roofline", 100),
    ):
        for name, value in training[key].items():
            scaled = {point: scale * number for point, number in value.items()}
            rows.append((f"{what}, {CONTENDERS[name]}", spread_text(scaled)))
    views = {point: 100 * share for point, share in training["share_of_views"].items()}
    rows.append((f"% of an epoch that random views and their targets take, {CONTENDERS['ours']}", spread_text(views)))
    for name, best in training["roofline_seconds_an_image"].items():
        parts = " and ".join(f"{1000 * best[part]:.1f} {part}" for part in ("computing", "moving"))
        rows.append((f"ms an image in training at best, {CONTENDERS[name]}", f"{1000 * best['seconds']:.1f}: {parts}"))
    rows += [
        (f"GFLOP/s of a {kind} matrix product", spread_text(v, 0)) for kind, v in training["product_gflops"].items()
    ]
    rows.append(("GB/s of a copy", spread_text(training["copy_gigabytes_a_second"], 0)))
    titles = {
        "decode": "decoding alone",
        "ours": f"file to mm, {inference['model']}",
        "reference": "reference's tester",
    }
    for name, value in inference["milliseconds_an_image"].items():
        rows.append((f"ms an image, {titles[name]}", spread_text(value)))
    rows += [
        ("file to mm over decoding alone", spread_text(inference["times_decoding"])),
        ("file to mm, times faster than the reference's tester", spread_text(inference["times_faster_than_reference"])),
    ]
    rows += [(f"MiB at most, measuring {n} images", f"{mib:.0f}") for n, mib in inference["resident_mib"].items()]
    for name in ("nothing_to_do", "one_image_more"):
        title = f"s for snakemake at {workflow['images']} images, {name.replace('_', ' ')}"
        rows.append((title, f"{workflow[name]['seconds']:.1f}"))
    for n, plan in workflow["plans"].items():
        seconds = f"{plan['first']['seconds']:.1f}, then {plan['again']['seconds']:.1f}"
        rows.append((f"s and MiB to plan {n} images", f"{seconds}; {plan['again']['mib']:.0f}"))
    return rows


def draw(bench: dict, path) -> None:
    """Training, inference and planning, side by side."""
    figure, (epochs, images, plans) = pyplot.subplots(1, 3, figsize=(11, 3.2))
    faster = bench["training"]["times_faster_than_plain"]
    bars = epochs.barh(range(len(faster)), [value["median"] for value in faster.values()], 0.6, color=BLUE)
    epochs.bar_label(bars, fmt=" %.1f")
    epochs.set_yticks(range(len(faster)), [CONTENDERS[name] for name in faster])
    epochs.set(xlabel="epoch, times faster than the plain loop")
    spent = bench["inference"]["milliseconds_an_image"]
    names = ("reference", "ours", "decode")
    bars = images.barh(range(3), [spent[name]["median"] for name in names], 0.6, color=ORANGE)
    images.bar_label(bars, fmt=" %.1f")
    images.set_yticks(range(3), ["reference's\ntester", "ours", "decoding\nalone"])
    images.set(xlabel="ms an image, file to mm")
    counts = [int(n) for n in bench["workflow"]["plans"]]
    for key in ("first", "again"):
        seconds = [plan[key]["seconds"] for plan in bench["workflow"]["plans"].values()]
        plans.plot(counts, seconds, marker="o", label=f"{key} plan", color=GREEN, ls="-" if key == "again" else ":")
    plans.set(xscale="log", xlabel="images", ylabel="s to plan", ylim=(0, None))
    plans.legend(frameon=False)
    figure.tight_layout()
    save_svg(figure, path)


if __name__ == "__main__":
    with job.start(snakemake):
        parts = ("training", "inference", "workflow")
        bench = {part: json.loads(Path(snakemake.input[part]).read_text()) for part in parts}
        machine = {"processor": name_processor(), "cores": os.cpu_count(), "python": platform.python_version()}
        bench = {"machine": machine} | bench
        job.write_json(bench, snakemake.output.bench)
        rows = tabulate(bench)
        head = f"{machine['processor']}, {machine['cores']} cores. Medians of a run's rounds, quartiles in brackets."
        lines = [head, "", "| measured | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows)]
        with job.atomic_path(snakemake.output.table) as temporary:
            temporary.write_text("\n".join(lines) + "\n")
        draw(bench, snakemake.output.figure)
