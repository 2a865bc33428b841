"""The pictures of a page: small enough to be mailed, and of DICOM frames no more than may be seen."""

import base64
from pathlib import Path
from urllib.parse import unquote

import cv2
import numpy as np
import pandas as pd
import pytest
from test_dicom import write

from fetal_biometry.model.geometry import ellipse_landmarks
from fetal_biometry.report import pictures
from fetal_biometry.terms import COLUMNS, SECOND_COLUMNS


def rows(paths, names) -> pd.DataFrame:
    """Measured rows of images with one head each."""
    table = pd.DataFrame({"image_name": names, "path": [str(path) for path in paths], "frame": ""})
    table[list(COLUMNS)] = ellipse_landmarks((60, 45), 12, 9, 0.0).ravel()
    table[list(SECOND_COLUMNS)] = np.nan
    return table


def decoded(content: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)


def embedded(address: str) -> np.ndarray:
    return decoded(base64.b64decode(address.removeprefix("data:image/jpeg;base64,")))


def test_a_picture_of_noise_is_small_enough_and_keeps_its_shape():
    noise = np.random.default_rng(0).integers(0, 255, (1500, 2000), dtype=np.uint8)
    content = pictures.jpeg(noise, 1024)
    assert len(base64.b64encode(content)) <= 60_000
    height, width = decoded(content).shape
    assert width / height == pytest.approx(4 / 3, abs=0.01) and width > 300


def test_few_pictures_are_part_of_the_page_and_many_lie_beside_it(tmp_path, monkeypatch):
    path, folder = tmp_path / "a.png", tmp_path / "pictures"
    cv2.imwrite(str(path), np.full((100, 500), 90, np.uint8))
    names = ["000_HC.png", "../../etc/passwd", 'q"<>.png', "a%2Fb.png", "頭" * 80, "頭" * 81]
    table = rows([path] * len(names), names)
    large, small = pictures.picture_addresses(table, folder)
    assert not folder.exists() and embedded(large[names[0]]).shape == (100, 500)
    assert embedded(small[names[0]]).shape == (48, 240)
    monkeypatch.setattr(pictures, "MOST_EMBEDDED", len(names) - 1)
    large, small = pictures.picture_addresses(table, folder, threads=2)
    assert large == small and len(set(large.values())) == len(names) == len(list(folder.iterdir()))
    for address in large.values():
        file = tmp_path / unquote(address)
        assert file.parent == folder and decoded(Path(file).read_bytes()).shape == (100, 500)
    monkeypatch.undo()
    pictures.picture_addresses(table, folder)
    assert not folder.exists()


def test_a_dicom_frame_is_shown_whole_only_where_asked_for(tmp_path):
    frame = np.full((100, 160), 200, np.uint8)
    table = rows([write(tmp_path / "frame.dcm", frame[None])] * 2, ["a.dcm", "b.dcm"])
    table.loc[1, list(COLUMNS)] = np.nan
    large, small = pictures.picture_addresses(table, tmp_path / "pictures")
    for shown in (embedded(large["a.dcm"]), embedded(small["a.dcm"])):
        assert shown[45 - 9 : 45 + 9, 60 - 6 : 60 + 6].min() > 150 and shown[:16].max() < 30
    assert embedded(large["b.dcm"]).max() < 30
    whole, _ = pictures.picture_addresses(table, tmp_path / "pictures", whole_frames=True)
    assert embedded(whole["a.dcm"]).min() > 150
