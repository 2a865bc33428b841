"""The shipped model, through the workflow's own measuring target, gives the figures of its card."""

import json
from pathlib import Path

import pandas as pd
import pytest

from fetal_biometry.model.geometry import LENGTHS
from fetal_biometry.model.inference import Predictor

MUST = {"bpd": 0.55, "ofd": 0.88, "hc": 1.6, "bpd_nme": 0.04, "ofd_nme": 0.032}  # of test images, mm and shares
MODELS = Path(__file__).parents[2] / "resources" / "models"


def test_it_says_how_to_be_read_and_what_its_intervals_rest_on():
    metadata = Predictor(MODELS / "hc18.onnx").metadata
    card, figures = (MODELS / "hc18.md").read_text(encoding="utf-8"), json.loads((MODELS / "hc18.json").read_text())
    calibrating = ("train", "validation") if figures["model"]["cross_fit"] != "none" else ("validation",)
    assert metadata["calibration"]["images"] == sum(figures["splits"][split]["all"]["n"] for split in calibrating)
    assert metadata["data_digest"] == figures["model"]["data_digest"] and metadata["data_digest"] in card
    assert "CC BY 4.0" in card and "Not a medical device" in card
    hc = figures["splits"]["test"]["all"]["hc"]
    assert f"| all | HC | {hc['n']} | {hc['mae']:.2f} ({hc['mae_low']:.2f}–{hc['mae_high']:.2f}) |" in card


def test_the_readme_has_the_figures_of_its_card():
    readme = (MODELS.parents[1] / "README.md").read_text(encoding="utf-8")
    figures = json.loads((MODELS / "hc18.json").read_text())["splits"]["test"]
    every, small = figures["all"], figures["hc_under_120"]
    maes = (f"{one['mae']:.2f} ({one['mae_low']:.2f}-{one['mae_high']:.2f})" for one in map(every.get, LENGTHS))
    assert f"| HC18's ellipses, published split | {every['n']} | {' | '.join(maes)} | " in readme
    limits = (f"{100 * every['hc'][f'relative_loa_{end}']:.1f}" for end in ("low", "high"))
    bias, coverage = every["hc"]["bias"], [every[length]["coverage"] for length in LENGTHS]
    said = " ".join(readme.split())
    assert (
        f"bias {bias:.2f} mm of HC, limits of agreement {' to '.join(limits)} %, one BPD off by over 10 % and" in said
    )
    assert sum(round(every[length]["unflagged_over_10_percent"] * every["n"]) for length in LENGTHS) == 1
    assert f"intervals hold {100 * min(coverage):.0f} to {100 * max(coverage):.0f} % of lengths" in said
    assert f"and {100 * small['bpd']['coverage']:.0f} % of BPD of heads under 120 mm" in said


def row_cells(group: dict) -> list[str]:
    """A column of measured.md's table: figures with their intervals, set in bold where they miss what was asked."""

    def said(figures, name, limit, scale=1, digits=2):
        value, low, high = (scale * figures[f"{name}{end}"] for end in ("", "_low", "_high"))
        text = f"{value:.{digits}f} ({low:.{digits}f}{' to ' if low < 0 else '-'}{high:.{digits}f})"
        return text if limit[0] <= value <= limit[1] else f"**{text}**"

    every = group["all"]
    cells = [f"{every['n']}, {every['examinations']}", said(every["hc"], "mae", (0, MUST["hc"]))]
    cells.append(said(every["hc"], "bias", (-0.4, 0.4)))
    cells.append(", ".join(said(every["hc"], f"relative_loa_{end}", (-4, 4), 100, 1) for end in ("low", "high")))
    cells += [said(every[length], "mae", (0, MUST[length])) for length in ("bpd", "ofd")]
    cells += [said(every["endpoint"][length], "nme", (0, MUST[f"{length}_nme"]), 1, 3) for length in ("bpd", "ofd")]
    cells += [said(every[length], "unflagged_over_10_percent", (0, 0.5), 100, 1) for length in LENGTHS]
    for band in ("all", "hc_under_120", "hc_120_200", "hc_over_200"):
        lengths = [said(group[band][length], "coverage", (86, 94), 100, 0) for length in LENGTHS if band in group]
        cells.append(", ".join(lengths) or "no such head")
    return cells


def test_measured_has_each_figure_that_was_asked_and_sets_in_bold_what_misses():
    """Limits of out-of-fold lengths are those of test images, which have no large heads: nothing is bold there."""
    figures = json.loads((MODELS / "hc18.json").read_text())
    table = (
        (MODELS.parents[1] / "docs" / "measured.md").read_text(encoding="utf-8").split("| aim |\n")[1].split("\n\n")[0]
    )
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[1:]]
    assert [row[1] for row in rows] == row_cells(figures["splits"]["test"])
    lengths = range(1, 8)
    expected = [
        cell.replace("*", "") if number in lengths else cell
        for number, cell in enumerate(row_cells(figures["out_of_fold"]))
    ]
    assert [row[2] for row in rows] == expected


def link_test_images(source: Path, target: Path) -> None:
    """HC18's published test images, and a dozen others from which the mean landmark comes."""
    split = pd.read_csv(source / "multicentre_split.csv", index_col="image_name")["split"]
    here = [name for name in split.index if (source / "training_set" / name).is_file()]
    tested = [name for name in here if split[name] == "test"]
    folder = target / "training_set"
    folder.mkdir(parents=True)
    chosen = [*tested, *[name for name in here if split[name] != "test"][:12]]
    for name in chosen:
        for file in (name, name.replace(".png", "_Annotation.png")):
            (folder / file).symlink_to(source / "training_set" / file)
    (target / "multicentre_split.csv").symlink_to(source / "multicentre_split.csv")
    sizes = pd.read_csv(source / "training_set_pixel_size_and_HC.csv", index_col="filename", dtype=str)
    sizes.loc[chosen].to_csv(target / "training_set_pixel_size_and_HC.csv")


@pytest.fixture(scope="module")
def measured_folder(copy_workflow, tmp_path_factory, real_data):
    """What the shipped model makes of HC18's published test images, and of drawings without a head."""
    if not (real_data / "hc18" / "multicentre_split.csv").is_file():
        pytest.skip(f"no published split in {real_data}")
    house = copy_workflow(tmp_path_factory.mktemp("shipped"))
    link_test_images(real_data.resolve() / "hc18", house.folder / "data" / "hc18")
    results = "results/shipped/given_model"
    arguments = (
        "run=shipped", f"model={MODELS / 'hc18.onnx'}", f"data_root={house.folder / 'data'}", "strangers_judged=25",
    )  # fmt: skip
    house.snakemake(
        f"{results}/metrics.json", "strangers", "--configfile", "datasets/hc18.yaml", "--config", *arguments
    )
    return house.folder / results


@pytest.mark.slow
def test_it_measures_the_published_test_images_as_its_card_says(measured_folder):
    measured, card = (
        json.loads(path.read_text())["splits"]["test"]["all"]
        for path in (measured_folder / "metrics.json", MODELS / "hc18.json")
    )
    assert measured["n"] == card["n"]
    for length in LENGTHS:
        for figure in ("mae", "bias"):
            assert measured[length][figure] == pytest.approx(card[length][figure], abs=0.01)  # mm
        for figure in ("coverage", "relative_loa_low", "relative_loa_high", "unflagged_over_10_percent"):
            assert measured[length][figure] == pytest.approx(card[length][figure], abs=0.01)


@pytest.mark.slow
def test_it_takes_two_in_a_hundred_drawings_without_a_head_for_one_at_most(measured_folder):
    """At the doubt below which 98 % of the test heads lie."""
    summary = json.loads((measured_folder / "strangers.json").read_text())
    assert summary["heads"]["n"] > 100 and summary["heads"]["at_operating_point"] >= 0.975
    assert summary["strangers"]["n"] == 9 * 25 and summary["strangers"]["at_operating_point"] <= 0.02
