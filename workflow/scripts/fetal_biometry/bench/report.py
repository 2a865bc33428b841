"""The benchmarks as a table and a figure."""

from __future__ import annotations

from fetal_biometry.report.drawing import PALETTE, new_figure, save_svg

CONTENDERS = {
    "plain": "plain loop over the baseline",
    "baseline": "baseline in the workflow",
    "heatmap": "default recipe",
    "hc18": "recipe of the pretrained model",
}
WAYS = {"decode": "decoding alone", "ours": "file to mm, {model}", "plain": "file to mm, plain program of the baseline"}


def tabulate(benches: dict[str, dict]) -> str:
    """All figures as Markdown, a column a kind of processor: medians of the rounds, quartiles in brackets."""
    columns = {}
    for kind, bench in benches.items():
        rows = [
            *training_rows(bench["training"]),
            *inference_rows(bench["inference"]),
            *workflow_rows(bench["workflow"]),
        ]
        columns[kind] = dict([*machine_rows(bench["machine"]), *rows])
    names = dict.fromkeys(name for column in columns.values() for name in column)
    cells = [["measured", *columns], ["---"] * (1 + len(columns))]
    cells += [[name, *(column.get(name, "") for column in columns.values())] for name in names]
    table = "\n".join(f"| {' | '.join(row)} |" for row in cells)
    return f"Medians of a run's rounds, quartiles in brackets.\n\n{table}\n"


def machine_rows(machine: dict) -> list[tuple[str, str]]:
    """What the figures were measured on."""
    name = machine["name"] + (", limited to AVX2" if machine["limited"] else "")
    return [("processor", name), ("instruction sets", " ".join(machine["sets"])), ("cores", str(machine["cores"]))]


def training_rows(training: dict) -> list[tuple[str, str]]:
    """Epochs, and how they compare with what the processor can do."""
    rows = [("precision of training", training["precision"])]
    for title, key, scale in (
        ("an epoch, times faster than the plain loop's", "times_faster_than_plain", 1),
        ("ms per image in training", "seconds_an_image", 1000),
        ("% of a matrix product's rate in training", "share_of_product", 100),
        ("% of what processor and memory allow, operation by operation", "share_of_roofline", 100),
    ):
        rows += [(f"{title}, {CONTENDERS[name]}", _spread(value, scale)) for name, value in training[key].items()]
    title = f"% of an epoch for random views and their targets, {CONTENDERS['heatmap']}"
    rows.append((title, _spread(training["share_of_views"], 100)))
    for name, best in training["roofline_seconds_an_image"].items():
        parts = " and ".join(f"{1000 * best[part]:.1f} {part}" for part in ("computing", "moving"))
        rows.append((f"ms per image in training at best, {CONTENDERS[name]}", f"{1000 * best['seconds']:.1f}: {parts}"))
    products = training["product_gflops"].items()
    rows += [(f"GFLOP/s of a {kind} matrix product", _spread(value, digits=0)) for kind, value in products]
    return [*rows, ("GB/s of a copy", _spread(training["copy_gigabytes_a_second"], digits=0))]


def inference_rows(inference: dict) -> list[tuple[str, str]]:
    """From file to mm."""
    times = inference["milliseconds_an_image"].items()
    rows = [(f"ms per image, {WAYS[name].format(model=inference['model'])}", _spread(value)) for name, value in times]
    rows.append(("file to mm over decoding alone", _spread(inference["times_decoding"])))
    rows.append(("file to mm, times faster than the plain program", _spread(inference["times_faster_than_plain"])))
    memory = inference["resident_mib"].items()
    return rows + [(f"MiB at most, measuring {count} images", f"{mib:.0f}") for count, mib in memory]


def workflow_rows(workflow: dict) -> list[tuple[str, str]]:
    """The workflow's own time."""
    rows = []
    for name in ("nothing_to_do", "one_image_more"):
        title = f"s for snakemake at {workflow['images']} images, {name.replace('_', ' ')}"
        rows.append((title, f"{workflow[name]['seconds']:.1f}"))
    for count, plan in workflow["plans"].items():
        seconds = f"{plan['first']['seconds']:.1f}, then {plan['again']['seconds']:.1f}"
        rows.append((f"s and MiB to plan {count} images", f"{seconds}; {plan['again']['mib']:.0f}"))
    return rows


def draw(bench: dict, path) -> None:
    """Training, inference and planning, side by side, as SVG."""
    figure, (epochs, images, plans) = new_figure(3.2, columns=3, width=11)
    faster = bench["training"]["times_faster_than_plain"]
    bars = epochs.barh(
        range(len(faster)), [value["median"] for value in faster.values()], 0.6, color=PALETTE["reference"]
    )
    epochs.bar_label(bars, fmt=" %.1f")
    epochs.set_yticks(range(len(faster)), [CONTENDERS[name] for name in faster])
    epochs.set(xlabel="epoch, times faster than the plain loop")
    spent = bench["inference"]["milliseconds_an_image"]
    bars = images.barh(
        range(3), [spent[name]["median"] for name in ("plain", "ours", "decode")], 0.6, color=PALETTE["prediction"]
    )
    images.bar_label(bars, fmt=" %.1f")
    images.set_yticks(range(3), ["plain\nprogram", "workflow", "decoding\nalone"])
    images.set(xlabel="ms per image, file to mm")
    counts = [int(count) for count in bench["workflow"]["plans"]]
    for key, line in (("first", ":"), ("again", "-")):
        seconds = [plan[key]["seconds"] for plan in bench["workflow"]["plans"].values()]
        plans.plot(counts, seconds, marker="o", label=f"{key} plan", color=PALETTE["ofd"], ls=line)
    plans.set(xscale="log", xlabel="images", ylabel="s to plan", ylim=(0, None))
    plans.legend()
    save_svg(figure, path)


def _spread(value: dict, scale: float = 1, digits: int = 1) -> str:
    """A median with its quartiles."""
    median, low, high = (f"{scale * value[point]:.{digits}f}" for point in ("median", "low", "high"))
    return f"{median} ({low}-{high})"
