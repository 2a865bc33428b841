"""The embedded default from nothing to the report, and what runs again after a change."""

import copy
import json
import shutil

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from fetal_biometry.data.phantom import draw_phantom, plan_phantoms
from fetal_biometry.images.raster import read_grey
from fetal_biometry.model.detection import find_heads
from fetal_biometry.model.geometry import squeeze
from fetal_biometry.model.inference import Predictor
from fetal_biometry.model.landmarks import COLUMNS
from fetal_biometry.model.networks import build_networks
from fetal_biometry.model.training import drawn_maps

pytestmark = pytest.mark.slow
AFTER_CALIBRATION = {"measure_heads": 1, "evaluate_model": 1, "render_report": 1, "write_model_card": 1}
AFTER_PREDICTION = {"calibrate_intervals": 1, "package_model": 1, **AFTER_CALIBRATION}
AFTER_TRAINING = {"export_model": 1, "predict_landmarks": 4, **AFTER_PREDICTION}
PACKAGE = "workflow/scripts/fetal_biometry"


@pytest.fixture(scope="module")
def finished(copy_workflow, tmp_path_factory):
    """The default workflow, run once."""
    house = copy_workflow(tmp_path_factory.mktemp("house"))
    house.snakemake()
    return house


@pytest.fixture
def results(finished):
    return finished.folder / "results" / "phantom"


@pytest.fixture
def edited(finished):
    """Restores the package after a test has edited it."""
    package = finished.folder / PACKAGE
    saved = {path: path.read_bytes() for path in package.iterdir() if path.is_file()}
    yield finished
    for path, content in saved.items():
        path.write_bytes(content)


def test_heads_are_measured_to_six_thousandths_of_their_circumference(results):
    metrics = json.loads((results / "heatmap" / "metrics.json").read_text())
    test = metrics["splits"]["test"]["all"]
    assert metrics["unit"] == "mm" and test["n"] > 40
    errors, found = (pd.read_csv(results / "heatmap" / f"{name}.csv") for name in ("errors", "predictions"))
    judged = errors[(errors["split"] == "test") & errors["sound"]].merge(found, on="image_name")
    true = judged["hc_mm"] - judged["hc_error_label"]
    assert len(judged) == test["n"] and (judged["hc_error_label"] / true).abs().mean() < 0.006
    assert test["hc"]["mae"] * 8 <= test["hc"]["constant_mae"]
    assert test["endpoint"]["bpd"]["nme"] < 0.05 and test["endpoint"]["ofd"]["nme"] < 0.05
    assert metrics["loss"]["test"] < 0.7 * metrics["loss"]["baseline"]


def test_pytorch_and_onnx_agree_within_a_twentieth_of_a_pixel_on_real_images(results, real_data):
    paths = sorted((real_data / "hc18" / "training_set").glob("*_HC.png"))[::40]
    images = [read_grey(path) for path in paths]
    sizes = np.array([image.shape[::-1] for image in images], dtype=float)
    predictor = Predictor(results / "heatmap" / "model.onnx")
    squeezed = np.stack([squeeze(image, predictor.cache_size) for image in images])
    found, _ = predictor.locate(squeezed, sizes)
    trained = torch.load(results / "heatmap" / "model.pt", weights_only=True)
    networks = build_networks(trained["architecture"]).eval()
    networks.load_state_dict(trained["state"])

    def draw(seen, look):
        with torch.no_grad():
            maps = networks[min(look, 1)](torch.from_numpy(np.ascontiguousarray(seen[:, None])))
        return drawn_maps(maps, trained["settings"]["loss"]).numpy()

    expected, _ = find_heads(draw, squeezed, sizes, predictor.metadata)
    assert len(paths) > 15 and np.abs(found - expected).max() < 0.05


def test_lengths_are_those_of_the_points_in_original_pixels(results):
    predictions = pd.read_csv(results / "heatmap" / "predictions.csv", index_col="image_name")
    manifest = pd.read_csv(results / "manifest.csv", index_col="image_name").loc[predictions.index]
    points = predictions[list(COLUMNS)].to_numpy().reshape(-1, 4, 2)
    ofd = np.linalg.norm(points[:, 1] - points[:, 0], axis=1)
    bpd = np.linalg.norm(points[:, 3] - points[:, 2], axis=1)
    assert np.allclose(predictions["ofd_px"], ofd, atol=0.01) and np.allclose(predictions["bpd_px"], bpd, atol=0.01)
    assert np.allclose(predictions["bpd_mm"], predictions["bpd_px"] * manifest["pixel_size_mm"], atol=0.01)
    assert (predictions["hc_low"] <= predictions["hc_mm"]).all()
    assert (predictions["hc_mm"] <= predictions["hc_high"]).all()


def test_files_have_the_columns_that_readers_rely_on(results):
    exports = results / "heatmap" / "exports"
    corners = [f"{axis}{end}" for end in range(1, 5) for axis in "xy"]
    expected = {
        results / "split.csv": ["image_name", "examination", "split"],
        results / "audit.csv": ["image_name", "verdict", "reasons", "score"],
        exports / "taskA_predictions.csv": ["image_name", *corners, "bpd", "ofd"],
        exports / "hc18_submission.csv": [
            "filename", "center_x_mm", "center_y_mm", "semi_axes_a_mm", "semi_axes_b_mm", "angle_rad",
        ],
    }  # fmt: skip
    for path, columns in expected.items():
        assert list(pd.read_csv(path).columns) == columns
    submission = pd.read_csv(exports / "hc18_submission.csv")
    predictions = pd.read_csv(results / "heatmap" / "predictions.csv")
    assert np.allclose(2 * submission["semi_axes_a_mm"], predictions[["ofd_mm", "bpd_mm"]].max(axis=1), atol=0.01)
    log = (results / "logs" / "heatmap" / "measure_heads.log").read_text(encoding="utf-8")
    row = predictions.iloc[0]
    assert f"{row.image_name} → BPD: {row.bpd_px:.2f} px | OFD: {row.ofd_px:.2f} px" in log


def test_no_examination_is_on_two_sides(results):
    split = pd.read_csv(results / "split.csv", dtype=str)
    assert len(split[["examination", "split"]].drop_duplicates()) == len(split["examination"].drop_duplicates())
    assert set(split["split"]) == {"train", "validation", "test"}


def test_a_label_audit_of_phantoms_finds_nothing_to_complain_about(results):
    audit = pd.read_csv(results / "audit.csv")
    assert (audit["verdict"] == "suspect").mean() <= 0.02


def test_a_second_run_does_nothing(finished):
    assert finished.planned() == {}


def test_touching_files_does_nothing(finished, results):
    for path in ("workflow/scripts/train_model.py", f"{PACKAGE}/heatmaps.py", "config.yaml", "Snakefile"):
        (finished.folder / path).touch()
    (results / "manifest.csv").touch()
    assert finished.planned() == {}


@pytest.mark.parametrize(
    "module, rules",
    [
        ("report.py", {"render_report": 1}),
        ("report.html.j2", {"render_report": 1}),
        ("model_card.md.j2", {"write_model_card": 1}),
        ("uncertainty.py", AFTER_PREDICTION),
        ("networks.py", {"train_model": 1, **AFTER_TRAINING}),
        ("audit.py", {"screen_labels": 1, "audit_labels": 1, "train_model": 1, **AFTER_TRAINING}),
        ("views.py", {"train_model": 1, **AFTER_TRAINING}),
        ("heatmaps.py", {"render_heatmaps": 4, "train_model": 1, **AFTER_TRAINING}),
    ],
)
def test_editing_a_module_reruns_the_rules_that_use_it(edited, module, rules):
    edited.append(f"{PACKAGE}/{module}", "\n{# edited #}\n" if module.endswith("j2") else "\n# edited\n")
    assert edited.planned() == rules


def test_another_sigma_renders_and_trains_but_caches_nothing(finished):
    assert finished.planned("--config", "sigma_px=6") == {"render_heatmaps": 4, "train_model": 1, **AFTER_TRAINING}


def test_another_flag_limit_only_measures_again(finished):
    override = finished.folder / "stricter.yaml"
    override.write_text("flags:\n  angle_deg: 10\n")
    assert finished.planned("--configfile", str(override)) == AFTER_CALIBRATION


@pytest.mark.parametrize("use", ["reflections=first", "correct=False", "arithmetic=int8"])
def test_another_use_of_a_network_trains_nothing(finished, use):
    planned = finished.planned("--config", use)
    assert "export_model" in planned and "train_model" not in planned


def test_one_unlabelled_image_more_or_less_touches_one_shard_and_trains_nothing(finished, results):
    extra = finished.folder / "extra"
    extra.mkdir()
    for phantom in plan_phantoms(3, seed=99):
        cv2.imwrite(str(extra / f"mine-{phantom.image_name}"), draw_phantom(phantom))
    images = sorted(extra.iterdir())
    parked = shutil.move(images[2], finished.folder / images[2].name)
    finished.snakemake("--config", "dataset=phantom", "images=extra")
    weights = (results / "heatmap" / "model.pt").stat().st_mtime_ns
    assert finished.planned("--config", "dataset=phantom", "images=extra") == {}

    one_shard = {"build_manifest": 1, "cache_images": 1, "predict_landmarks": 1, **AFTER_PREDICTION}
    shutil.move(parked, images[2])
    assert finished.planned("--config", "dataset=phantom", "images=extra") == one_shard
    finished.snakemake("--config", "dataset=phantom", "images=extra")
    predictions = pd.read_csv(results / "heatmap" / "predictions.csv", index_col="image_name")
    assert images[2].name in predictions.index and np.isfinite(predictions.loc[images[2].name, "hc_px"])

    images[0].touch()
    assert finished.planned("--config", "dataset=phantom", "images=extra") == {}

    images[1].unlink()
    assert finished.planned("--config", "dataset=phantom", "images=extra") == one_shard
    finished.snakemake("--config", "dataset=phantom", "images=extra")
    predictions = pd.read_csv(results / "heatmap" / "predictions.csv", index_col="image_name")
    assert images[1].name not in predictions.index and len(predictions) == 322
    assert (results / "heatmap" / "model.pt").stat().st_mtime_ns == weights


def test_new_code_and_a_new_image_at_once_miss_nothing(edited):
    """Snakemake alone leaves out a job behind an ancient file that is made anew in the same run."""
    folder = edited.folder / "more"
    folder.mkdir()
    cv2.imwrite(str(folder / "one.png"), draw_phantom(plan_phantoms(1, seed=55)[0]))
    image_alone = edited.planned("--config", "dataset=phantom", "images=more")
    assert "build_manifest" in image_alone and "export_model" not in image_alone
    edited.append(f"{PACKAGE}/inference.py", "\n# edited\n")
    rules = {**image_alone, "export_model": 1, "predict_landmarks": 4}
    assert edited.planned("--config", "dataset=phantom", "images=more") == rules


def test_a_trained_model_measures_unlabelled_images(finished, results, tmp_path):
    folder = tmp_path / "unlabelled"
    folder.mkdir()
    phantoms = plan_phantoms(3, seed=77)
    for phantom in phantoms:
        cv2.imwrite(str(folder / phantom.image_name), draw_phantom(phantom))
    rows = "".join(f"{phantom.image_name},{phantom.pixel_size_mm},20\n" for phantom in phantoms[:2])
    table = folder / "images.csv"
    table.write_text("image_name,pixel_size_mm,gestational_age_weeks\n" + rows + f"{phantoms[2].image_name},,\n")
    model = results / "heatmap" / "model.onnx"
    arguments = ("run=mine", f"images={table}", f"model={model}", "growth_chart=hadlock")
    said = finished.snakemake("measure", "--config", *arguments).stdout
    assert "The lengths: results/mine/given_model/predictions.csv" in said
    mine = finished.folder / "results" / "mine"
    predictions = pd.read_csv(mine / "given_model" / "predictions.csv", index_col="image_name")
    for phantom in phantoms:
        row = predictions.loc[phantom.image_name]
        assert abs(row["ofd_px"] / (2 * phantom.semi_long_px) - 1) < 0.1
    assert predictions["hc_mm"].notna().tolist() == [True, True, False]
    assert (predictions["hc_low"] < predictions["hc_px"].where(predictions["hc_mm"].isna(), predictions["hc_mm"])).all()
    assert predictions["hc_centile"].notna().tolist() == [True, True, False]
    assert "no pixel size" in predictions["flags"].iloc[2]
    assert (mine / "report.html").stat().st_size > 10_000


def test_images_without_a_head_are_not_measured_with_confidence(finished, results):
    finished.snakemake("strangers", "--config", "strangers_judged=5")
    summary = json.loads((results / "heatmap" / "strangers.json").read_text())
    assert summary["strangers"]["n"] == 45 and summary["heads"]["n"] == 60
    assert summary["drawn_heads"]["at_operating_point"] >= 0.8
    for shown in ("strangers", "beside_heads"):
        assert summary[shown]["without_a_flag"] <= 0.05 and summary[shown]["at_operating_point"] <= 0.1


def test_an_ablation_trains_each_step_that_is_not_trained_yet(finished):
    planned = finished.planned("ablate")
    assert planned["train_model"] == 11 and planned["compare_ablation"] == 1


def test_a_rebuilt_model_stands_beside_the_shipped_one(finished, results):
    metrics = json.loads((results / "heatmap" / "metrics.json").read_text())
    rebuilt, card = metrics["splits"]["test"]["all"], copy.deepcopy(metrics)
    card["splits"]["test"]["all"]["hc"]["mae"], card["splits"]["test"]["all"]["bpd"]["bias"] = 9.125, -3.5
    (finished.folder / "resources" / "models" / "phantom.json").write_text(json.dumps(card))
    printed = finished.snakemake("rebuild_model").stdout
    table = pd.read_csv(results / "heatmap" / "against_card.csv").set_index(["length", "figure"])
    other = table[table["rebuilt"] != table["shipped"]]
    assert other["shipped"].to_dict() == {("bpd", "bias"): -3.5, ("hc", "mae"): 9.125}
    assert other["rebuilt"].tolist() == pytest.approx([rebuilt["bpd"]["bias"], rebuilt["hc"]["mae"]])
    assert "relative_loa_low" in printed and "9.125" in printed and table.loc[("ofd", "nme"), "shipped"] > 0
    card = (results / "heatmap" / "model_card.md").read_text(encoding="utf-8")
    assert f"| {rebuilt['hc']['mae']:.2f} ({rebuilt['hc']['mae_low']:.2f}–{rebuilt['hc']['mae_high']:.2f}) |" in card


def test_snakemakes_own_report_is_written(finished):
    finished.snakemake("--report", "provenance.html")
    page = (finished.folder / "provenance.html").read_text(encoding="utf-8")
    for words in ("label audit", "split by examination", "history by epoch", "predictions", "metrics", "model card"):
        assert words in page
