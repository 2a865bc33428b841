"""Nothing is fetched unless the download target is asked for."""

import cv2
import pandas as pd
import pytest
from small_run import ARGUMENTS, make_small

from fetal_biometry.data.phantom import draw_phantom, plan_phantoms
from fetal_biometry.terms import COLUMNS

pytestmark = pytest.mark.slow


@pytest.fixture
def house(copy_workflow, tmp_path):
    """A small run beside three images without labels."""
    house = copy_workflow(tmp_path)
    make_small(house, negatives=0)
    (tmp_path / "images").mkdir()
    for phantom in plan_phantoms(3, seed=5):
        cv2.imwrite(str(tmp_path / "images" / f"mine-{phantom.image_name}"), draw_phantom(phantom))
    return house


def corrected_lengths(house) -> tuple[float, float]:
    """OFD and BPD in px of an image that a person corrected to 100 and 80; only measuring runs again."""
    predictions = house.folder / "results" / "images" / "predictions.csv"
    name = pd.read_csv(predictions)["image_name"][1]
    points = "250,200,350,200,300,160,300,240"
    (house.folder / "corrections.csv").write_text(
        f"image_name,{','.join(COLUMNS)},status\n{name},{points},corrected\n", encoding="utf-8"
    )
    done = house.ran("measure", "--config", "images=images", "corrections=corrections.csv")
    assert set(done) == {"measure_heads", "evaluate_model", "publish_results", "render_report"}
    page = (house.folder / "results" / "images" / "report.html").read_text(encoding="utf-8")
    assert page.count('data-status="corrected"') == page.count("data-status=") == 1
    row = pd.read_csv(predictions).set_index("image_name").loc[name]
    return row["ofd_px"], row["bpd_px"]


def test_images_are_measured_without_a_network(house, namespace):
    house.snakemake("measure", "--config", "images=images", inside=namespace("net"))
    page = (house.folder / "results" / "images" / "report.html").read_text(encoding="utf-8")
    assert page.count('data-picture="data:image/jpeg;base64,') == 3
    assert corrected_lengths(house) == pytest.approx((100, 80))


def test_a_network_is_trained_and_reported_without_one(house, namespace):
    house.snakemake(*ARGUMENTS, inside=namespace("net"))
    assert (house.folder / "results" / "phantom" / "report.html").stat().st_size > 10_000
