"""The benchmarks as a table, with the goal beside each figure."""

from __future__ import annotations

# Of each figure; {} stands for the number of images that it belongs to.
TITLES = {
    "measure_s": "`snakemake measure` of {} PNG images, command to report, s",
    "first_result_s": "the same, command to lengths in `predictions.csv`, s",
    "measure_image_s": "`measure_image.py` of one image, s",
    "measure_image_mib": "`measure_image.py` of {} images, peak memory, MiB",
    "default_run_s": "the default run (`make run`), end to end, s",
    "nothing_to_do_s": "{} images, nothing to do, s",
    "one_image_more_s": "{} images and one more, s",
    "plan_s": "a plan of {} images, s",
    "plan_again_s": "a plan of {} images again, s",
    "plan_mib": "a plan of {} images, peak memory, MiB",
    "measuring_mb": "measuring installation (requirements-measure.txt), MB",
    "installed_mb": "whole installation (requirements.txt), MB",
    "decoding_ms": "decoding a PNG alone, ms an image",
    "file_to_mm_ms": "PNG to mm, ms an image",
    "file_to_mm_over_decoding": "PNG to mm over decoding",
    "file_to_mm_times_faster": "PNG to mm, times faster than the baseline's plain program",
    "precision": "precision of training",
    "plain_epoch_s_an_image": "an epoch of the plain loop over the baseline, s an image",
    "epoch_ms_an_image": "an epoch of the default recipe, ms an image",
    "epoch_times_faster": "an epoch of the default recipe, times faster than the plain loop's",
    "baseline_times_faster": "an epoch of the baseline in the workflow, times faster than the plain loop's",
    "good_after_s": "training until validation HC is under 1.0 mm, s",
    "good_over_plain_epoch": "the same over an epoch of the plain loop",
    "product_gflops": "matrix product in the precision of training, GFLOP/s",
    "copy_gb_s": "copying memory, GB/s",
    "best_epoch_ms_an_image": "an epoch of the default recipe at best (roofline), ms an image",
    "roofline_percent": "what is reached of it, %",
}
EVERYWHERE = {
    "measuring_mb": "at most 600",
    "file_to_mm_times_faster": "at least 12",
    "good_over_plain_epoch": "at most half of commit 6917197's",
}
GOALS = {
    "avx2": EVERYWHERE
    | {
        "measure_s/40": "at most 8",
        "measure_image_s": "at most 1.2",
        "default_run_s": "at most 240",
        "nothing_to_do_s/622": "at most 3",
        "one_image_more_s/622": "at most 10",
        "plan_s/100000": "at most 25",
        "plan_again_s/100000": "at most 10",
        "plan_mib/100000": "at most 1024",
        "file_to_mm_over_decoding": "at most 3.5",
    },
    "bfloat16_vnni": EVERYWHERE | {"default_run_s": "at most 120", "file_to_mm_over_decoding": "at most 2.7"},
}


def join_figures(training: dict, inference: dict, commands: dict) -> dict:
    """All figures, with how long the default recipe trains until it is good over an epoch of the plain loop."""
    commands = dict(commands)
    plain_epoch = commands.pop("trained_on") * training["plain_epoch_s_an_image"]["median"]
    good_after = commands["good_after_s"]
    over = None if good_after is None else good_after / plain_epoch
    return {**commands, **inference, **training, "good_over_plain_epoch": over}


def tabulate(benches: dict[str, dict]) -> str:
    """All figures as Markdown, for each kind of processor a column and its goals."""
    heads = [text for kind in benches for text in (kind, "goal")]
    rows = [["", *heads], ["---"] * (1 + len(heads))]
    for fact in ("processor", "instruction sets", "cores"):
        rows.append([fact, *(text for bench in benches.values() for text in (_describe(bench["machine"])[fact], ""))])
    names = {name for bench in benches.values() for name in bench["figures"]}
    for name in sorted(names, key=_place):
        key, _, count = name.partition("/")
        row = [TITLES[key].format(f"{int(count or 0):,}")]
        for kind, bench in benches.items():
            row += [_text(bench["figures"].get(name, "")), GOALS.get(kind, {}).get(name, "")]
        rows.append(row)
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return (
        "Medians of several rounds have their quartiles in brackets; other figures were taken once. Goals are for two "
        f"cores.\n\n{table}\n"
    )


def _describe(machine: dict) -> dict[str, str]:
    """What the figures were taken on."""
    name = machine["name"] + (", torch limited to AVX2" if machine["limited"] else "")
    return {"processor": name, "instruction sets": " ".join(machine["sets"]), "cores": str(machine["cores"])}


def _place(name: str) -> tuple[int, int]:
    """Order of a figure: that of `TITLES`, then by number of images."""
    key, _, count = name.partition("/")
    return list(TITLES).index(key), int(count or 0)


def _text(value) -> str:
    """Three digits of a number, or of a median and its quartiles; "never" for None."""
    if isinstance(value, dict):
        return f"{_text(value['median'])} ({_text(value['low'])}-{_text(value['high'])})"
    if isinstance(value, float):
        return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"
    return "never" if value is None else str(value)
