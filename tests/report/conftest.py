"""A made-up run to report on, and a headless Chromium to look at its page with."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import sync_playwright

from fetal_biometry.frames import read_frame
from fetal_biometry.limits import read_limits
from fetal_biometry.model.geometry import all_lengths, ellipse_landmarks
from fetal_biometry.report import audit_page as audit
from fetal_biometry.report import report
from fetal_biometry.terms import COLUMNS, LENGTHS, REFERENCE_COLUMNS, SECOND_COLUMNS

WIDTH, HEIGHT = 400, 270
HOSTILE_NAME = '"><script>window.pwned=1</script><img src=x onerror=window.pwned=2>.png'
LIMITS = read_limits(Path(__file__).parents[2] / "limits.yaml")
SETTINGS = {
    "seed": 0,
    "training": {"epochs": 30, "batch_size": 8},
    "note": "</script><script>window.pwned=3</script>",
    "recipe_values": {"network": {}},
}


def made_up_run(folder: Path, n=40, unit="mm", labelled=True, image=None) -> report.ReportInputs:
    """Images of drawn ellipses (or one image for all) and a run's tables on them, written and read back."""
    generator = np.random.default_rng(7)
    names = [f"{i // 2:03d}_{'' if i % 2 == 0 else '2'}HC.png" for i in range(n - 1)] + [HOSTILE_NAME]
    hc_scale = np.linspace(0.35, 1.0, n)[generator.permutation(n)]
    truth = np.stack(
        [
            ellipse_landmarks(
                generator.uniform([180, 120], [220, 150]), 150 * s, 150 * s * generator.uniform(0.74, 0.83),
                generator.uniform(-0.6, 0.6),
            )
            for s in hc_scale
        ]
    )  # fmt: skip
    predicted = truth + generator.normal(0, 1.5, truth.shape)
    labels = truth.copy()
    invalid = generator.random(n) < 0.2
    invalid[-1] = True
    labels[invalid] += generator.normal(0, 40, (invalid.sum(), 4, 2))
    pixel_size = np.round(0.2 + 0.15 * hc_scale, 4) if unit == "mm" else np.full(n, np.nan)

    paths = [folder / f"image_{i}.png" for i in range(n)]
    for path, points in zip(paths, truth, strict=True):
        if image is None:
            draw_head(path, points, generator)
        else:
            path.symlink_to(image)
    images = pd.DataFrame({"image_name": names, "path": paths, "frame": ""})
    images["examination"] = [name.split("_")[0] for name in names]
    images["sha256"] = [f"{i:064x}" for i in range(n)]
    images[["width_px", "height_px", "calibrated_regions"]] = WIDTH, HEIGHT, ""
    images[["pixel_size_mm", "reference_hc_mm", "gestational_age_weeks"]] = np.nan
    images["pixel_size_mm"] = pixel_size
    images[[*REFERENCE_COLUMNS, *COLUMNS, "score"]] = np.nan
    images[["label_source", "split", "verdict", "reasons"]] = ""
    predictions = pd.DataFrame({"image_name": names})
    predictions[list(COLUMNS)] = predicted.reshape(n, 8)
    predictions[list(SECOND_COLUMNS)] = np.nan
    for i, length in enumerate(LENGTHS):
        for name, size in (("px", np.ones(n)), ("mm", pixel_size)):
            for end, factor in (("", 1.0), ("_low", 0.97), ("_high", 1.03)):
                predictions[f"{length}_{name}{end}"] = all_lengths(predicted)[:, i] * size * factor
    predictions["pixel_width_mm"] = predictions["pixel_height_mm"] = pixel_size
    predictions["confidence"] = generator.uniform(0.3, 1, n).round(4)
    predictions["flags"] = np.resize(["cephalic index;low confidence", "", "", "low confidence", "", ""], n)
    suggested = [f"suggested_{column}" for column in COLUMNS]
    images[suggested] = predicted.reshape(n, 8) if labelled else np.nan  # stands in for what networks of folds found
    images["suggested_confidence"] = predictions["confidence"] if labelled else np.nan
    tables = {"images": images, "predictions": predictions, "errors": pd.DataFrame(columns=["image_name"])}
    tables["quarantine"] = pd.DataFrame(columns=["image_name", "path", "reason"])
    if labelled:
        hostile = "<script>window.pwned=4</script>.png"
        tables["quarantine"] = pd.DataFrame({
            "image_name": ["900_HC.png", hostile], "path": ["images/900_HC.png", f"images/{hostile}"],
            "reason": ["images/900_HC.png: not a readable image; replace or remove it.", f"{hostile}: cut short."],
        })  # fmt: skip
        images[list(COLUMNS)] = labels.reshape(n, 8)
        images["label_source"] = "landmark table, names swapped"
        images["verdict"] = np.where(invalid, "invalid", "valid")
        both = np.where(np.arange(n) % 2, "axes not perpendicular;centres apart", "centres apart")
        images["reasons"] = np.where(invalid, both, "")
        images["score"] = np.where(invalid, 1 + np.arange(1, n + 1) / 10, np.linspace(0.1, 0.9, n)).round(4)
        code = pd.Series(pd.factorize(images["examination"])[0])
        images["split"] = np.select([code % 5 < 2, code % 5 == 2], ["test", "validation"], "train")
        tables["errors"] = images[["image_name", "examination", "split"]].assign(valid=~invalid)
        epoch = np.arange(1, 31)
        decay = np.exp(-epoch / 7)
        tables["history"] = pd.DataFrame({
            "epoch": epoch, "train_loss": 4.1 + 4 * decay, "validation_loss": 4.3 + 3.9 * decay,
            "validation_bpd_mae_px": 1 + 20 * decay, "validation_ofd_mae_px": 1.4 + 28 * decay,
            "validation_hc_mae_px": 2.5 + 70 * decay, "validation_relative_error": 0.01 + 0.2 * decay,
            "learning_rate": 1e-3, "seconds": 11.0,
        })  # fmt: skip
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    test, scale = (images["split"] == "test").to_numpy(), pixel_size if unit == "mm" else np.ones(n)
    metrics = made_up_metrics(unit, labelled, invalid, predicted, labels, scale, test)
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return report.ReportInputs(
        run="phantom demonstration",
        recipe="heatmap",
        metrics=json.loads((folder / "metrics.json").read_text()),
        settings=SETTINGS if labelled else {},
        versions={"numpy": "2.4.6", "torch": "2.13.0"},
        history=pd.read_csv(folder / "history.csv") if labelled else None,
        **{name: read_frame(folder / f"{name}.csv") for name in tables if name != "history"},
    )


def draw_head(path: Path, points: np.ndarray, generator) -> None:
    """Write an image of a bright ring through the four landmarks on speckle."""
    image = generator.gamma(2.0, 18.0, (HEIGHT, WIDTH)).clip(0, 255).astype(np.uint8)
    long = points[1] - points[0]
    axes = [np.linalg.norm(long), np.linalg.norm(points[3] - points[2])]
    cv2.ellipse(image, (points.mean(0), axes, np.degrees(np.arctan2(long[1], long[0]))), 220, 3)
    cv2.imwrite(str(path), image)


def made_up_metrics(unit, labelled, invalid, predicted, reference, scale, test) -> dict:
    """Metrics of the made-up run, by the contract of metrics.json."""
    n, left_out = len(predicted), int(invalid.sum())
    labels = {"labelled": n, "valid": n - left_out, "questionable": 0, "invalid": left_out,
              "names_swapped": True, "reasons": {"centres apart": left_out}}  # fmt: skip
    model = {"kind": "heatmap", "calliper": "outer_to_outer", "interval_level": 0.9, "parameters": 1_912_341,
             "epochs": 30, "best_epoch": 27, "knows_seen": True, "seconds": 333.3, "data_digest": "0a1b2c",
             "decoder": "fused", "test_time_augmentation": "conditional", "closer_views": [0.5, 0.7],
             "noisy_labels": "drop",
             "keep": "best", "calibrate_on": "validation", "test_images_seen": 0, "tells_heads": True,
             "planes_of": []}  # fmt: skip
    empty = {"out_of_fold": {}, "reference": {}, "repeats": {}, "splits": {}, "without_head": {}}
    if not labelled:
        labels |= {"labelled": 0, "valid": 0, "invalid": 0, "names_swapped": False, "reasons": {}}
        model |= {"kind": "external", "noisy_labels": None, "keep": None, "calibrate_on": None}
        return {"recipe": "given_model", "dataset": "images", "unit": unit, "model": model,
                "calliper": "outer_to_outer", "labels": labels, **empty}  # fmt: skip
    shown, true = all_lengths(predicted) * scale[:, None], all_lengths(reference) * scale[:, None]

    def group(chosen):
        lengths = {}
        for i, length in enumerate(LENGTHS):
            d = (shown - true)[chosen, i]
            lengths[length] = {
                "n": len(d), "mae": abs(d).mean(), "median": np.median(abs(d)),
                "p95": np.quantile(abs(d), 0.95), "bias": d.mean(),
                "mae_low": 0.9 * abs(d).mean(), "mae_high": 1.2 * abs(d).mean(),
                "bias_low": d.mean() - 0.2, "bias_high": d.mean() + 0.2,
                "loa_low": d.mean() - 1.96 * d.std(), "loa_high": d.mean() + 1.96 * d.std(),
                "relative_loa_low": -0.031, "relative_loa_high": 0.028,
                "relative_loa_low_low": -0.038, "relative_loa_low_high": -0.026,
                "relative_loa_high_low": 0.022, "relative_loa_high_high": 0.034,
                "over_10_percent": float((abs(d) > 0.1 * true[chosen, i]).mean()),
                "over_10_percent_low": 0.0, "over_10_percent_high": 0.09,
                "unflagged_over_10_percent": 0.0,
                "unflagged_over_10_percent_low": 0.0, "unflagged_over_10_percent_high": 0.09,
                "constant_mae": abs(true[chosen, i] - true[:, i].mean()).mean(), "coverage": 0.91,
                "coverage_low": 0.82, "coverage_high": 0.97,
            }  # fmt: skip
        ends = {axis: {"mean": 1.4, "nme": 0.021, "nme_low": 0.018, "nme_high": 0.025} for axis in ("bpd", "ofd")}
        return {"n": int(chosen.sum()), "examinations": int(chosen.sum()) - 1, **lengths, "endpoint": ends}

    hc, valid = true[:, 2], test & ~invalid
    groups = {"all": valid, "with_invalid": test}
    if unit == "mm":
        groups |= {"hc_under_120": valid & (hc < 120), "hc_120_200": valid & (hc >= 120) & (hc <= 200),
                   "hc_over_200": valid & (hc > 200)}  # fmt: skip
    groups = {name: group(chosen) for name, chosen in groups.items() if chosen.any()}
    judged = {name: values for name, values in groups.items() if name != "with_invalid"}
    noise = {name: {**values, "hc": values["hc"] | {"mae": 11.2}} for name, values in judged.items()}
    repeats = {"pairs": 23, "model": 0.009, "model_low": 0.006, "model_high": 0.012,
               "reference": 0.016, "reference_low": 0.011, "reference_high": 0.021,
               "floor": 0.61, "floor_low": 0.42, "floor_high": 0.8}  # fmt: skip
    return {"recipe": "heatmap", "dataset": "phantom", "unit": unit, "model": model,
            "labels": labels, "splits": {"test": groups}, "calliper": "outer_to_outer", "out_of_fold": {},
            "without_head": {},
            "reference": {"model": judged, "labels": noise}, "repeats": {"bpd": repeats}}  # fmt: skip


class Browser:
    """Headless Chromium with one page open; what that page said and asked for is kept."""

    def __init__(self, chromium):
        self.chromium, self.page = chromium, None
        self.messages, self.requests = [], []

    def open(self, page: Path, width=1280, height=900, scheme="light", fragment="") -> None:
        """Load a file in a fresh window of the given size and colour scheme, a phone's below 600 pixels."""
        if self.page:
            self.page.context.close()
        context = self.chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, is_mobile=width < 600
        )
        self.page = context.new_page()
        self.messages, self.requests = [], []
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(page.as_uri() + fragment)

    def run(self, script: str):
        """The value of a JavaScript expression on the page."""
        return self.page.evaluate(script)

    def press(self, key: str) -> None:
        """Press and release a key that the page's focused element gets."""
        self.page.keyboard.press(key)


@pytest.fixture(scope="session")
def browser():
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no chromium or google-chrome on the PATH")
    with sync_playwright() as playwright:
        yield Browser(playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"]))


@pytest.fixture(scope="session")
def labelled_run(tmp_path_factory) -> report.ReportInputs:
    return made_up_run(tmp_path_factory.mktemp("labelled"))


@pytest.fixture(scope="session")
def unlabelled_run(tmp_path_factory) -> report.ReportInputs:
    return made_up_run(tmp_path_factory.mktemp("unlabelled"), n=20, unit="px", labelled=False)


@pytest.fixture(scope="session")
def large_run(tmp_path_factory) -> report.ReportInputs:
    """As many images as the challenge has, each as hard to compress as noise at 800 x 540."""
    folder = tmp_path_factory.mktemp("large")
    image = np.random.default_rng(3).gamma(2.0, 18.0, (540, 800)).clip(0, 255).astype(np.uint8)
    cv2.imwrite(str(folder / "noise.png"), image)
    return made_up_run(folder, n=622, image=folder / "noise.png")


@pytest.fixture(scope="session")
def page(labelled_run, tmp_path_factory) -> Path:
    """The labelled run's report as a file."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(report.render_report(labelled_run), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def limits():
    return LIMITS


@pytest.fixture(scope="session")
def without_networks():
    """Images as a geometric audit leaves them."""
    return lambda images: images.assign(**dict.fromkeys([*audit.SUGGESTED, "suggested_confidence"], np.nan))


@pytest.fixture(scope="session")
def written_audit():
    """The page of an audit's rows."""
    return lambda rows, method="out_of_fold": audit.audit_page(
        rows, "phantom demonstration", method, LIMITS, "results/phantom/audit_for_annotator.csv"
    )


@pytest.fixture(scope="session")
def audit_page(labelled_run, written_audit, tmp_path_factory) -> Path:
    """The labelled run's audit as a file."""
    path = tmp_path_factory.mktemp("audit") / "audit.html"
    path.write_text(written_audit(audit.audited_rows(labelled_run.images, LIMITS)), encoding="utf-8")
    return path


@pytest.fixture(params=["page", "audit_page"])
def any_page(request) -> Path:
    return request.getfixturevalue(request.param)
