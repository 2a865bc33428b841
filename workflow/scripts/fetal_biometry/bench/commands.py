"""Time what a person types, from the command to its result, on phantoms and in empty folders."""

from __future__ import annotations

import re
import sys
import tempfile
import time
from importlib.metadata import distributions
from pathlib import Path

from fetal_biometry.bench.good import seconds_until_good
from fetal_biometry.bench.settings import BenchSettings
from fetal_biometry.bench.timing import run_costs, spread
from fetal_biometry.data.phantom import plan_phantoms
from fetal_biometry.data.phantom_files import write_phantoms
from fetal_biometry.frames import read_frame
from fetal_biometry.processor import usable_cores
from fetal_biometry.recipe import Recipe
from fetal_biometry.terms import Split


def time_commands(root: Path, default: Recipe, settings: BenchSettings) -> dict:
    """Seconds, memory and disk of the workflow in the folder ``root``; numbers of images stand behind a slash."""
    with tempfile.TemporaryDirectory() as name:
        folder, root = Path(name), root.resolve()
        drawn, images = folder / "drawn", folder / "images"
        write_phantoms(plan_phantoms(settings.measured, seed=1), drawn, usable_cores())
        images.mkdir()
        return {
            **start_up(root, folder, drawn, settings.rounds),
            **small_changes(root, folder / "runs", drawn, images, settings.run_at),
            **default_run(root, folder / "default", default, settings.default_run),
            **plans(root, folder, drawn, images, sorted(settings.plan_at)),
            "measuring_mb": installed_mb(root / "requirements-measure.txt"),
            "installed_mb": installed_mb(root / "requirements.txt"),
        }


def start_up(root: Path, folder: Path, drawn: Path, rounds: int) -> dict:
    """A small folder and one image, measured for the first time, as often as there are rounds."""
    script, files = str(root / "workflow" / "scripts" / "measure_image.py"), sorted(drawn.iterdir())
    reports, lengths, alone = [], [], []
    for number in range(rounds):
        run, started = folder / f"measured_{number}", time.time()
        reports.append(snakemake(root, run, "measure", *measuring(drawn))["seconds"])
        lengths.append((run / "results" / "images" / "predictions.csv").stat().st_mtime - started)
        alone.append(run_costs([sys.executable, script, str(files[0])])["seconds"])
    return {
        f"measure_s/{len(files)}": spread(reports),
        f"first_result_s/{len(files)}": spread(lengths),
        "measure_image_s": spread(alone),
        f"measure_image_mib/{len(files)}": run_costs([sys.executable, script, str(drawn)])["mib"],
    }


def small_changes(root: Path, folder: Path, drawn: Path, images: Path, count: int) -> dict:
    """A run again with nothing to do, and with one image more."""
    link(drawn, images, count)
    snakemake(root, folder, *measuring(images))
    nothing = snakemake(root, folder, *measuring(images))
    link(drawn, images, count + 1)
    more = snakemake(root, folder, *measuring(images))
    return {f"nothing_to_do_s/{count}": nothing["seconds"], f"one_image_more_s/{count}": more["seconds"]}


def default_run(root: Path, folder: Path, recipe: Recipe, config: dict) -> dict:
    """The run that `make run` starts, end to end, and the training of its recipe; ``config`` makes it smaller."""
    changed = ["--config", *(f"{key}={value}" for key, value in config.items())] if config else []
    costs = snakemake(root, folder, *cores(), *changed)
    work = folder / "results" / "phantom" / "work"
    images = read_frame(work / "images.csv")
    epochs = config.get("epochs", recipe.training.epochs)
    return {
        "default_run_s": costs["seconds"],
        "good_after_s": seconds_until_good(work, recipe, images["pixel_size_mm"], epochs),
        "trained_on": int((images["split"] == Split.TRAIN).sum()),
    }


def plans(root: Path, folder: Path, drawn: Path, images: Path, counts: list[int]) -> dict:
    """What planning takes, the first time and again, by number of images."""
    figures = {}
    for count in counts:
        link(drawn, images, count)
        first, again = (snakemake(root, folder / f"plan_{count}", "-n", *measuring(images)) for _ in range(2))
        figures[f"plan_s/{count}"], figures[f"plan_again_s/{count}"] = first["seconds"], again["seconds"]
        figures[f"plan_mib/{count}"] = max(first["mib"], again["mib"])
    return figures


def installed_mb(requirements: Path) -> float:
    """Megabytes of the files that the distributions of a requirements file own in this environment."""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    named = {_normal(line.split("==")[0]) for line in lines if "==" in line}
    owned = [path for one in distributions() if _normal(one.name) in named for path in one.files or []]
    files = {Path(path.locate()).resolve() for path in owned}
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def snakemake(root: Path, folder: Path, *arguments: str) -> dict[str, float]:
    """What a command of the workflow costs in a folder."""
    folder.mkdir(exist_ok=True)
    places = ["--snakefile", str(root / "Snakefile"), "--workflow-profile", str(root / "profiles" / "default")]
    return run_costs([sys.executable, "-m", "snakemake", *places, *arguments], folder)


def cores() -> list[str]:
    """Of the machine or of the container's quota, which Snakemake's own ``all`` does not know."""
    return ["--cores", str(usable_cores())]


def measuring(images: Path) -> list[str]:
    """How a folder of images without labels is measured."""
    return [*cores(), "--config", f"images={images}", "pixel_sizes=0.1"]


def link(drawn: Path, images: Path, count: int) -> None:
    """Fill a folder up to that many links to the drawn images."""
    files = sorted(drawn.iterdir())
    for number in range(len(list(images.iterdir())), count):
        (images / f"{number:06d}_HC.png").symlink_to(files[number % len(files)])


def _normal(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
