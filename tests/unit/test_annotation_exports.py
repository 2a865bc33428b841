"""What was found opens in annotation tools."""

import io
import json
import zipfile

import numpy as np
import pytest
from test_exports import described, measured, without_head
from test_flags import HEAD

from fetal_biometry.measure.exports import EXPORTS
from fetal_biometry.model.geometry import all_lengths
from fetal_biometry.terms import LANDMARKS


def read_coco(table):
    return json.loads(EXPORTS["exports/coco.json"](table))


def read_labelme(table):
    with zipfile.ZipFile(io.BytesIO(EXPORTS["exports/labelme.zip"](table))) as files:
        return {name: json.loads(files.read(name)) for name in files.namelist()}


def test_coco_has_the_keypoints_and_the_box_of_the_ellipse():
    found = read_coco(measured())
    (kind,), first = found["categories"], found["annotations"][0]
    image = next(image for image in found["images"] if image["id"] == first["image_id"])
    assert kind["keypoints"] == list(LANDMARKS) and kind["id"] == first["category_id"]
    assert (image["file_name"], image["width"], image["height"]) == ("000_HC.png", 800, 540)
    keypoints = np.reshape(first["keypoints"], (4, 3))
    assert keypoints[:, :2] == pytest.approx(HEAD, abs=1e-3) and set(keypoints[:, 2]) == {2}
    x, y, width, height = first["bbox"]
    assert x - 0.01 <= HEAD[:, 0].min() and HEAD[:, 0].max() <= x + width + 0.01
    assert y - 0.01 <= HEAD[:, 1].min() and HEAD[:, 1].max() <= y + height + 0.01
    bpd, ofd, _ = all_lengths(HEAD)
    assert first["area"] == pytest.approx(np.pi * bpd * ofd / 4, rel=1e-4)
    assert width**2 + height**2 == pytest.approx(bpd**2 + ofd**2, rel=1e-4)  # of any box around an ellipse


def test_labelme_has_a_file_an_image_that_names_it():
    files = read_labelme(measured())
    first = files["000_HC.json"]
    assert first["imagePath"] == "000_HC.png" and (first["imageWidth"], first["imageHeight"]) == (800, 540)
    assert [shape["label"] for shape in first["shapes"]] == list(LANDMARKS)
    assert np.squeeze([shape["points"] for shape in first["shapes"]]) == pytest.approx(HEAD, abs=1e-3)
    assert len(files) == 2


def test_files_of_images_that_differ_in_their_suffix_alone_do_not_collide():
    table = measured()
    table["image_name"] = ["a.png", "a.jpg"]
    assert set(read_labelme(described(table))) == {"a.png.json", "a.jpg.json"}


def test_an_image_without_a_head_has_no_annotation():
    table = without_head(measured())
    found = read_coco(table)
    assert len(found["images"]) == 2 and [one["image_id"] for one in found["annotations"]] == [2]
    assert len(read_labelme(table)) == 1
