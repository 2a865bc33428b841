"""Tables of the workflow: what is written is what is read."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetal_biometry.frames import points_of, read_frame, read_frames, report_unit, sizes_of, write_frame
from fetal_biometry.terms import COLUMNS


def table(rows):
    filled = {"width_px": 800, "height_px": 540, "pixel_size_mm": np.nan, "label_source": "", **dict.fromkeys(COLUMNS)}
    return pd.DataFrame([{**filled, **row} for row in rows])


def test_names_stay_text_and_gaps_stay_gaps(tmp_path):
    names = ["007", "nan", "NA", "1e5", "a,b ä.png"]
    written = table([{"image_name": name, "examination": name, "path": f"x/{name}"} for name in names])
    written.loc[0, list(COLUMNS)] = np.arange(8.0)
    write_frame(written, tmp_path / "images.csv")
    found = read_frame(tmp_path / "images.csv")
    assert list(found.index) == list(found["image_name"]) == list(found["examination"]) == names
    assert set(found["label_source"]) == {""}
    assert found["pixel_size_mm"].isna().all()
    assert points_of(found)[0].tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert points_of(found).shape == (5, 4, 2) and np.isnan(points_of(found)[1:]).all()
    assert sizes_of(found).tolist() == [[800, 540]] * 5


def test_tables_of_several_parts_are_one_and_an_empty_one_changes_no_type(tmp_path):
    write_frame(table([{"image_name": "a", "width_px": 7}]), tmp_path / "0.csv")
    write_frame(table([{"image_name": "b"}]).iloc[:0], tmp_path / "1.csv")
    write_frame(table([{"image_name": "c", "width_px": 9}]), tmp_path / "2.csv")
    found = read_frames(tmp_path / f"{number}.csv" for number in range(3))
    assert list(found.index) == ["a", "c"] and found["width_px"].tolist() == [7, 9]
    assert found["width_px"].dtype.kind == "i"
    assert list(read_frames([tmp_path / "1.csv"]).columns) == list(found.columns)


@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_floats_come_back_exactly(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("frame") / "frame.csv"
    write_frame(pd.DataFrame({"image_name": [str(i) for i in range(len(values))], "x": values}), path)
    assert read_frame(path)["x"].tolist() == values


@pytest.mark.parametrize(
    ("rows", "unit", "per_px"),
    [
        ([(0.1, 5.0), (0.2, 6.0)], "mm", [0.1, 0.2]),
        ([(0.1, 5.0), (np.nan, None)], "mm", [0.1, np.nan]),  # an unlabelled image has no error to report
        ([(0.1, 5.0), (np.nan, 6.0)], "px", [1, 1]),
        ([(0.1, None)], "px", [1]),
    ],
)
def test_errors_of_two_units_never_mix(rows, unit, per_px):
    frame = table([{"image_name": str(i), "pixel_size_mm": s, "ofd_1_x": x} for i, (s, x) in enumerate(rows)])
    found = report_unit(frame)
    assert found[0] == unit
    np.testing.assert_array_equal(found[1], per_px)
