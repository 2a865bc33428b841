"""The pretrained model, measured by the workflow, gives the figures of its card, and the docs have them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fetal_biometry.frames import read_frame
from fetal_biometry.images.image_ref import ImageRef
from fetal_biometry.images.raster import read_grey
from fetal_biometry.measure.site_calibration import calibrate_to_site, pair
from fetal_biometry.measure.site_table import read_site_table
from fetal_biometry.model.geometry import fit_annotation
from fetal_biometry.model.inference import Predictor
from fetal_biometry.terms import COLUMNS, LENGTHS, Split

MUST = {"bpd": 0.55, "ofd": 0.88, "hc": 1.6, "bpd_nme": 0.04, "ofd_nme": 0.032}  # of test images, mm and shares
MODELS = Path(__file__).parents[2] / "resources" / "models"


def test_it_says_how_to_be_read_and_what_its_intervals_rest_on():
    metadata, figures = Predictor(MODELS / "hc18.onnx").metadata, json.loads((MODELS / "hc18.json").read_text())
    parts = ("train", "validation")
    calibrating = sum(figures["splits"][part]["all"]["n"] + figures["without_head"][part] for part in parts)
    assert metadata["calibration"]["images"] == calibrating
    assert metadata["data_digest"] == figures["model"]["data_digest"]


def test_card_and_readme_have_its_figures():
    card = (MODELS / "hc18.md").read_text(encoding="utf-8")
    readme = (MODELS.parents[1] / "README.md").read_text(encoding="utf-8")
    test = json.loads((MODELS / "hc18.json").read_text())["splits"]["test"]["all"]
    maes = [f"{test[name]['mae']:.2f} ({test[name]['mae_low']:.2f}-{test[name]['mae_high']:.2f})" for name in LENGTHS]
    assert f"{test['n']} test images" in readme
    for name, mae in zip(LENGTHS, maes, strict=True):
        low, high = (100 * test[name][f"relative_loa_{end}"] for end in ("low", "high"))
        assert f"| {name.upper()} | {mae} | {low:.1f} to {high:.1f} |" in readme
    assert f"| all | HC | {test['n']} | {maes[2].replace('-', '–')} |" in card
    assert "CC BY 4.0" in card


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
    measured = (MODELS.parents[1] / "docs" / "measured.md").read_text(encoding="utf-8")
    table = measured.split("| aim |\n")[1].split("\n\n")[0]
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
    chosen = [name for name in here if split[name] == "test"] + [name for name in here if split[name] != "test"][:12]
    folder = target / "training_set"
    folder.mkdir(parents=True)
    for name in chosen:
        for file in (name, name.replace(".png", "_Annotation.png")):
            (folder / file).symlink_to(source / "training_set" / file)
    (target / "multicentre_split.csv").symlink_to(source / "multicentre_split.csv")
    sizes = pd.read_csv(source / "training_set_pixel_size_and_HC.csv", index_col="filename", dtype=str)
    sizes.loc[chosen].to_csv(target / "training_set_pixel_size_and_HC.csv")


@pytest.fixture(scope="module")
def measured(copy_workflow, tmp_path_factory, real_data):
    """What the pretrained model makes of HC18's published test images, and of drawings without a head."""
    if not (real_data / "hc18" / "multicentre_split.csv").is_file():
        pytest.skip(f"no published split in {real_data}")
    house = copy_workflow(tmp_path_factory.mktemp("pretrained"))
    link_test_images(real_data.resolve() / "hc18", house.folder / "data" / "hc18")
    settings = ("run=pretrained", "model=resources/models/hc18.onnx", "data_root=data", "negatives=12")
    work = "results/pretrained/work/given_model"
    house.snakemake(f"{work}/metrics.json", "negatives", "--configfile", "datasets/hc18.yaml", "--config", *settings)
    return house.folder / work


def figures(folder: Path, name: str) -> dict:
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_it_measures_the_published_test_images_as_its_card_says(measured):
    found = figures(measured, "metrics")["splits"]["test"]["all"]
    card = json.loads((MODELS / "hc18.json").read_text())["splits"]["test"]["all"]
    assert found["n"] == card["n"]
    names = ("mae", "bias", "coverage", "relative_loa_low", "relative_loa_high", "unflagged_over_10_percent")
    for length in LENGTHS:
        for figure in names:  # mm and shares
            assert found[length][figure] == pytest.approx(card[length][figure], abs=0.01), (length, figure)


@pytest.mark.slow
def test_it_takes_two_in_a_hundred_drawings_without_a_head_for_one_at_most(measured):
    summary = figures(measured.parents[1], "negatives")
    assert summary["heads"]["n"] > 100 and summary["heads"]["with_lengths"] >= 0.98
    assert summary["negatives"]["n"] == 9 * 12 and summary["negatives"]["without_a_flag"] <= 0.02


@pytest.mark.slow
def test_at_home_a_site_s_own_lengths_correct_nothing(measured, real_data, tmp_path):
    predictions = read_frame(measured / "predictions.csv")
    split = read_frame(measured.parent / "images.csv")["split"]
    names = list(split.index[split == Split.TEST])
    folder = real_data / "hc18" / "training_set"
    drawn = [read_grey(ImageRef(folder / name.replace(".png", "_Annotation.png"))) for name in names]
    points = np.stack([fit_annotation(outline).ravel() for outline in drawn])
    pd.DataFrame(points, pd.Index(names, name="image_name"), COLUMNS).to_csv(tmp_path / "lengths.csv")
    pairs, without = pair(read_site_table(tmp_path / "lengths.csv"), predictions)
    site = calibrate_to_site(pairs, 0.9)
    assert len(without) <= 3 and site.bpd.n == site.ofd.n == len(names) - len(without) > 150
    assert site.bpd.refused and site.ofd.refused and not site.corrects
