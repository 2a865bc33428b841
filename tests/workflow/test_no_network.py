"""Nothing is fetched unless the download target is asked for."""

import cv2
import pytest
from small_run import ARGUMENTS, make_small

from fetal_biometry.data.phantom import draw_phantom, plan_phantoms

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


def test_images_are_measured_without_a_network(house, namespace):
    house.snakemake("measure", "--config", "images=images", inside=namespace("net"))
    page = (house.folder / "results" / "images" / "report.html").read_text(encoding="utf-8")
    assert page.count('data-picture="data:image/jpeg;base64,') == 3


def test_a_network_is_trained_and_reported_without_one(house, namespace):
    house.snakemake(*ARGUMENTS, inside=namespace("net"))
    assert (house.folder / "results" / "phantom" / "report.html").stat().st_size > 10_000
