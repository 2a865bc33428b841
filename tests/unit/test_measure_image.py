"""Images measured from the terminal: what is printed, and what is refused."""

import io
import shutil
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
from test_dicom import region, write

from fetal_biometry.data.phantom import draw_phantom, plan_phantoms
from fetal_biometry.measure.api import _prepare, measure_images
from fetal_biometry.measure.growth import estimate_age
from measure_image import main


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    paths = [folder / f"head {number}.png" for number in range(2)]
    for path, phantom in zip(paths, plan_phantoms(2, seed=3), strict=True):
        cv2.imwrite(str(path), draw_phantom(phantom))
    return [str(path) for path in paths]


def test_a_line_an_image_gives_lengths_with_intervals_and_flags(images, capsys):
    main([*images, "--pixel-size", "0.2"])
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split("  ")[0].strip() == "image" and "BPD" in head and "flags" in head
    assert [line.split("  ")[0] for line in lines] == ["head 0.png", "head 1.png"]
    assert all(line.count("(") == 3 and "  mm  " in line for line in lines)


def test_a_folder_is_measured_and_what_is_no_image_named(images, tmp_path, capsys, caplog):
    shutil.copy(images[0], tmp_path / "head.png")
    (tmp_path / "notes.txt").write_text("one head")
    main([str(tmp_path), "--csv"])
    (row,) = pd.read_csv(io.StringIO(capsys.readouterr().out)).to_dict("records")
    assert row["image_name"] == "head.png" and row["ofd_px"] > 0
    assert any("notes.txt" in said for said in caplog.messages)


@pytest.mark.parametrize("given", [["A/IM1.png", "B/IM1.png", "B/IM2.png"], ["A", "B"]])
def test_images_of_one_name_are_told_apart_by_their_paths(given, tmp_path):
    for name in ("A/IM1.png", "B/IM1.png", "B/IM2.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), np.zeros((64, 64), np.uint8))
    names, prepared = _prepare([tmp_path / path for path in given], SimpleNamespace(prepared_size=32), recursive=False)
    assert names == [str(tmp_path / "A" / "IM1.png"), str(tmp_path / "B" / "IM1.png"), "IM2.png"] and len(prepared) == 3


def test_a_growth_chart_reads_the_lengths(images, capsys):
    semi_long = plan_phantoms(2, seed=3)[0].semi_long_px
    pixel_size = str(60.7 / (2 * semi_long))  # mm, of a head of 20 weeks
    main([images[0], "--pixel-size", pixel_size, "--growth-chart", "hadlock", "--weeks", "20"])
    head, line = capsys.readouterr().out.splitlines()
    assert "weeks by HC  by BPD  HC centile" in head and line.count("(") == 3
    main([images[0], "--pixel-size", pixel_size, "--growth-chart", "hadlock", "--csv"])
    (row,) = pd.read_csv(io.StringIO(capsys.readouterr().out)).to_dict("records")
    expected = estimate_age(np.array([[row["bpd_mm"], row["ofd_mm"], row["hc_mm"]]]), "hadlock")[0]
    assert [row["age_weeks_hc"], row["age_weeks_bpd"]] == pytest.approx(expected, abs=0.01)
    assert row["cephalic_index"] == pytest.approx(row["bpd_mm"] / row["ofd_mm"], abs=1e-3) and np.isnan(
        row["hc_centile"]
    )
    with pytest.raises(SystemExit):
        main([images[0], "--weeks", "20"])
    assert "name one" in capsys.readouterr().err


def test_without_a_pixel_size_lengths_are_pixels(images, capsys):
    main(images[:1])
    out = capsys.readouterr().out
    assert "  px  " in out and "no pixel size" in out


def test_the_whole_table_is_that_of_the_workflow(images, capsys):
    main([*images, "--csv", "--pixel-size", "0.2"])
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert len(table) == 2 and np.allclose(table["ofd_mm"], 0.2 * table["ofd_px"], atol=2e-3)
    assert {"ofd_1_x", "hc_px_low", "confidence", "flags"} <= set(table)
    for unit in ("px", "mm"):
        low, length, high = (table[f"hc_{unit}{end}"] for end in ("_low", "", "_high"))
        assert ((low < length) & (length < high)).all()


def test_what_is_no_image_or_no_pixel_size_is_refused(images, tmp_path, capsys):
    text = tmp_path / "text.png"
    text.write_text("no image")
    with pytest.raises(SystemExit, match=r"text\.png: not a readable image"):
        main([images[0], str(text)])
    with pytest.raises(SystemExit):
        main([images[0], "--pixel-size", "12"])
    assert "a pixel of 12 mm is impossible in ultrasound" in capsys.readouterr().err


def test_a_dicom_file_says_itself_how_large_its_pixels_are(images, tmp_path, capsys):
    grey = cv2.imread(images[0], cv2.IMREAD_GRAYSCALE)
    height, width = grey.shape
    whole = region(0, 0, width - 1, height - 1, 0.02, 0.02)
    path = write(tmp_path / "head.dcm", np.stack([grey, grey]), SequenceOfUltrasoundRegions=[whole])
    main([str(path), images[0], "--csv"])
    first, second, plain = pd.read_csv(io.StringIO(capsys.readouterr().out)).itertuples()
    assert [first.image_name, second.image_name] == ["head.dcm#1", "head.dcm#2"]
    assert first.hc_px == second.hc_px == plain.hc_px and np.isnan(plain.hc_mm)
    assert first.hc_mm == pytest.approx(0.2 * plain.hc_px, abs=2e-3)


def test_of_no_image_there_is_an_empty_table():
    some, none = measure_images([np.zeros((540, 800), np.uint8)]), measure_images([])
    assert len(none) == 0 and list(none) == list(some)
