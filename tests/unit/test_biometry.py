"""The predictions table: lengths in their units, intervals, and the folds that they come from."""

import numpy as np
import pandas as pd
import pytest
from test_flags import HEAD, LIMITS, QUALITY

from fetal_biometry.frames import points_of
from fetal_biometry.measure.biometry import describe_row, measure, measure_by_fold
from fetal_biometry.measure.lengths import axes_in_millimetres, head_pixel_sizes, outer_lengths, reported_lengths
from fetal_biometry.model import detection
from fetal_biometry.model.geometry import all_lengths, ellipse_landmarks, head_circumference
from fetal_biometry.model.second_head import SECOND_HEAD
from fetal_biometry.terms import COLUMNS, LENGTHS, Calliper

OTHER = ellipse_landmarks((380, 250), 100, 80, -0.5)
OUTER, INNER = Calliper.OUTER_TO_OUTER, Calliper.OUTER_TO_INNER


def calibration(share=None, **more):
    """Of a model whose intervals are a share of the length to either side, whatever the quality."""
    learned = {"slopes": [0.0] * 5, "quantiles": {} if share is None else {"all": share}}
    return {"centre": [0.0] * 5, "spread": [1.0] * 5} | dict.fromkeys(LENGTHS, learned) | more


def found_heads(heads=(HEAD, OTHER), confidence=(0.9, 0.123456)):
    names = [f"{number:03d}_HC.png" for number in range(len(heads))]
    found = pd.DataFrame({"image_name": names}, index=names)
    found[list(COLUMNS)] = np.reshape(heads, (len(heads), 8))
    found[[*detection.QUALITY, *SECOND_HEAD]] = np.nan
    return found.assign(**(QUALITY | {"confidence": confidence}))


def images(pixel_sizes):
    names = [f"{number:03d}_HC.png" for number in range(len(pixel_sizes))]
    return pd.DataFrame({"width_px": 800, "height_px": 540, "pixel_size_mm": pixel_sizes}, index=names)


@pytest.fixture
def table():
    """Two heads, the second without a pixel size."""
    return measure(found_heads(), images([0.1, np.nan]), calibration(0.08), LIMITS, OUTER)


def test_a_column_has_one_unit(table):
    """Pixels everywhere, millimetres where the pixel size is known; each with its interval, 8 % to either side."""
    lengths = all_lengths(np.array([HEAD, OTHER]))
    for column, name in enumerate(LENGTHS):
        for end, share in (("", 1), ("_low", 0.92), ("_high", 1.08)):
            assert table[f"{name}_px{end}"].to_numpy() == pytest.approx(share * lengths[:, column], abs=1e-3)
            assert table[f"{name}_mm{end}"][0] == pytest.approx(share * lengths[0, column] * 0.1, abs=1e-3)
            assert np.isnan(table[f"{name}_mm{end}"][1])
    assert not {"bpd_low", "hc_high"} & set(table)
    assert points_of(table) == pytest.approx(np.array([HEAD, OTHER]), abs=1e-3)
    assert list(table["flags"]) == ["", "low confidence;no pixel size"]
    assert table["confidence"][1] == 0.1235


def test_lengths_and_points_are_corrected_together():
    corrected = calibration(0.08, correction=[1.02, 1.01])  # OFD, BPD
    table = measure(found_heads(), images([0.1, np.nan]), corrected, LIMITS, OUTER)
    plain = all_lengths(np.array([HEAD, OTHER]))
    assert table["ofd_px"].to_numpy() == pytest.approx(1.02 * plain[:, 1], abs=1e-3)
    assert table["bpd_px"].to_numpy() == pytest.approx(1.01 * plain[:, 0], abs=1e-3)
    assert all_lengths(points_of(table)) == pytest.approx(
        table[[f"{name}_px" for name in LENGTHS]].to_numpy(), abs=5e-3
    )


def test_axes_are_those_in_millimetres_where_pixels_are_no_squares():
    """A head of 50 x 40 mm, 45 degrees oblique, on pixels of 0.12 x 0.10 mm.

    Its shape in mm is [[25^2 + 20^2, 25^2 - 20^2], [..., ...]] / 2 = [[512.5, 112.5], [112.5, 512.5]]; on the screen,
    divided by the pixels' sides, [[35590.3, 9375], [9375, 51250]]. The eigenvalues 55634.9 and 31205.4 give semi axes
    of 235.87 and 176.65 pixels, the longer one at atan2(2 * 9375, 35590.3 - 51250) / 2 = 64.93 degrees. Taken as axes
    in mm these would be 49.00 and 41.22 mm long.
    """
    size = np.array([0.12, 0.1])
    on_screen = ellipse_landmarks((400, 270), 235.87, 176.65, np.deg2rad(64.93))
    taken = all_lengths(on_screen * size)
    assert taken[:2] == pytest.approx([41.22, 49.00], abs=0.01)
    known = images([np.nan] * 3).assign(calibrated_regions=["0 0 799 539 0.12 0.1", "0 0 799 539 0.12 0.1", ""])
    found = found_heads([on_screen] * 3, [0.9] * 3)
    found.loc[found.index[1], "disagreement"] = np.nan  # no ellipse: ends of diameters, wherever the network saw them
    table = measure(found, known, calibration(0.08), LIMITS, OUTER)
    lengths, points = table[["bpd_mm", "ofd_mm", "hc_mm"]].to_numpy(), points_of(table)
    assert lengths[0] == pytest.approx([40, 50, head_circumference(40, 50)], abs=0.01)
    assert lengths[1] == pytest.approx(taken, abs=1e-3)
    in_mm = ellipse_landmarks((400 * 0.12, 270 * 0.1), 25, 20, np.pi / 4)
    assert points[0] * size == pytest.approx(in_mm, abs=0.01) and table["flags"][0] == ""
    assert points[1:] == pytest.approx(np.array([on_screen, on_screen]), abs=1e-3)


@pytest.mark.parametrize("size", [0.1, np.nan])
def test_on_square_pixels_points_stay_as_they_are_to_the_last_bit(size):
    points = np.array([HEAD, OTHER]) / 3
    assert np.array_equal(axes_in_millimetres(points, np.full((2, 2), size)), points)


def test_without_limits_nothing_is_flagged_and_without_a_calibration_there_is_no_interval():
    table = measure(found_heads(), images([0.1, np.nan]), {}, None, OUTER)
    assert list(table["flags"]) == ["", ""]
    assert table[["hc_px_low", "hc_px_high", "hc_mm_low"]].isna().all(axis=None) and table["hc_px"].notna().all()


def test_an_interval_that_is_wide_is_flagged_in_either_unit():
    table = measure(found_heads(), images([0.1, np.nan]), calibration(0.11), LIMITS, OUTER)
    assert list(table["flags"]) == ["uncertain length", "low confidence;uncertain length;no pixel size"]


def test_the_log_line_shows_millimetres_where_known(table):
    first, second = map(describe_row, table.itertuples())
    circumference = all_lengths(HEAD)[2] * 0.1
    assert first == (
        f"000_HC.png → BPD: 300.00 px | OFD: 400.00 px | BPD: 30.00 mm | OFD: 40.00 mm | HC: {circumference:.2f} mm"
    )
    assert second == "001_HC.png → BPD: 160.00 px | OFD: 200.00 px | low confidence;no pixel size"


def test_inner_callipers_are_converted_in_millimetres_and_hc_with_them():
    bpd, ofd, _ = all_lengths(HEAD) * 0.1
    found = outer_lengths(HEAD[None], np.array([0.1]), INNER)[0]
    assert found[0] == pytest.approx(0.555934 + 1.027318 * bpd)  # Wong et al. 2018
    assert found[1] == pytest.approx(ofd)
    assert found[2] == pytest.approx(head_circumference(found[0], ofd))
    assert outer_lengths(HEAD[None], np.array([0.1]), OUTER)[0] == pytest.approx(all_lengths(HEAD) * 0.1)


@pytest.mark.parametrize("configured", Calliper)
def test_a_model_says_itself_how_its_labels_took_bpd(configured):
    found, known = found_heads([HEAD], [0.9]), images([0.1])
    for stated in map(str, Calliper):
        table = measure(found, known, calibration(calliper=stated), LIMITS, configured)
        expected = outer_lengths(HEAD[None], np.array([0.1]), Calliper(stated))[0]
        assert table[["bpd_mm", "ofd_mm", "hc_mm"]].to_numpy()[0] == pytest.approx(expected, abs=1e-3)
    silent = measure(found, known, calibration(), LIMITS, configured)
    expected = outer_lengths(HEAD[None], np.array([0.1]), configured)[0, 0]
    assert silent["bpd_mm"].item() == pytest.approx(expected, abs=1e-3)


def test_without_a_pixel_size_nothing_is_converted():
    found = reported_lengths(np.array([HEAD, HEAD]), np.array([np.nan, 0.1]), INNER)
    assert found[0] == pytest.approx(all_lengths(HEAD))
    assert found[1] == pytest.approx(outer_lengths(HEAD[None], np.array([0.1]), INNER)[0])


def test_an_image_s_pixel_size_counts_before_its_regions():
    """And of several calibrated regions the smallest that holds the whole head."""
    whole, lower, other = "0 0 799 539 0.1 0.1", "100 50 700 500 0.2 0.3", "0 0 150 150 0.4 0.4"
    regions = ["", whole, f"{whole};{lower}", other, ";".join([other, whole])]
    known = images([0.5, np.nan, np.nan, np.nan, np.nan]).assign(calibrated_regions=regions)
    sizes = head_pixel_sizes(known, np.repeat(HEAD[None], 5, axis=0))
    expected = [[0.5, 0.5], [0.1, 0.1], [0.2, 0.3], [np.nan, np.nan], [0.1, 0.1]]
    assert sizes == pytest.approx(np.array(expected), nan_ok=True)


def test_images_that_calibrated_take_what_the_other_folds_say():
    """Images that calibrated nothing take what all folds say."""
    folds = pd.Series([0, 1], index=["002_HC.png", "000_HC.png"])
    of_all = calibration(0.05, without={"0": calibration(0.01, correction=[1.1, 1.0]), "1": calibration(0.02)})
    found, known = found_heads([HEAD] * 4, [0.9] * 4), images([0.1] * 4)
    table = measure_by_fold(found, known, of_all, folds, LIMITS, OUTER)
    assert list(table["image_name"]) == list(found["image_name"]) and list(table.index) == [0, 1, 2, 3]
    shares = (table["bpd_mm_high"] / table["bpd_mm"] - 1).to_numpy()
    assert shares == pytest.approx([0.02, 0.05, 0.01, 0.05], abs=1e-4)
    assert (table["ofd_px"] / table["ofd_px"][0]).to_numpy() == pytest.approx([1, 1, 1.1, 1], abs=1e-5)
    together = measure_by_fold(found, known, of_all, None, LIMITS, OUTER)
    assert (together["bpd_mm_high"] / together["bpd_mm"] - 1).to_numpy() == pytest.approx([0.05] * 4, abs=1e-4)
