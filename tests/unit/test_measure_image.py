"""Images measured from the terminal: what is printed, and what is refused."""

import io

import cv2
import numpy as np
import pandas as pd
import pytest

from fetal_biometry.phantom import draw_phantom, plan_phantoms
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
    assert head.split("  ")[0].strip() == "image" and "BPD mm" in head and "flags" in head
    assert [line.split("  ")[0] for line in lines] == ["head 0.png", "head 1.png"]
    assert all(line.count("(") == 3 for line in lines)


def test_without_a_pixel_size_lengths_are_pixels(images, capsys):
    main(images[:1])
    out = capsys.readouterr().out
    assert "HC px" in out and "no pixel size" in out


def test_the_whole_table_is_that_of_the_workflow(images, capsys):
    main([*images, "--csv", "--pixel-size", "0.2"])
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert len(table) == 2 and np.allclose(table["ofd_mm"], 0.2 * table["ofd_px"], atol=2e-3)
    assert {"ofd_1_x", "hc_low", "confidence", "flags"} <= set(table)
    assert ((table["hc_low"] < table["hc_mm"]) & (table["hc_mm"] < table["hc_high"])).all()


def test_what_is_no_image_or_no_pixel_size_is_refused(images, tmp_path, capsys):
    text = tmp_path / "text.png"
    text.write_text("no image")
    with pytest.raises(SystemExit, match=r"text\.png: not a readable image"):
        main([images[0], str(text)])
    with pytest.raises(SystemExit):
        main([images[0], "--pixel-size", "12"])
    assert "a pixel of 12 mm is no ultrasound image's" in capsys.readouterr().err
