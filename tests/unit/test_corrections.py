"""What a person said of measurements: read, applied to lengths, and taken as labels."""

import cv2
import numpy as np
import pandas as pd
import pytest
from test_flags import LIMITS

from fetal_biometry.configuration import read_config
from fetal_biometry.data.sources import list_sources
from fetal_biometry.errors import InputError
from fetal_biometry.frames import points_of
from fetal_biometry.measure.corrections import apply_corrections, describe_outdated, read_corrections
from fetal_biometry.measure.lengths import to_outer
from fetal_biometry.measure.site import CONVENTIONS
from fetal_biometry.measure.site_lengths import in_site_convention
from fetal_biometry.model.geometry import all_lengths, ellipse_landmarks
from fetal_biometry.plan import _without_own_judges
from fetal_biometry.terms import ACCEPTED_PREDICTION, COLUMNS, LENGTH_COLUMNS, LENGTHS, SECOND_COLUMNS, Calliper, Split

NAMES = ["000_HC.png", "001_HC.png", "002_HC.png", "003_HC.png"]
HEAD = ellipse_landmarks((400, 270), 200, 160, 0.2)
MOVED = HEAD + [[-20, 0], [0, 0], [0, 0], [0, 0]]
MEASURED = list(LENGTH_COLUMNS)
CONTENT = "sha256:0123456789ab"  # of each image; its sha256 goes on
OUTER = Calliper.OUTER_TO_OUTER


def line(name, status, points=None, comment="", content="", convention="") -> str:
    cells = [""] * 8 if points is None else [f"{value:.3f}" for value in np.ravel(points)]
    said = [status, "Ada", "2026-01-02T03:04:05Z", comment, content, convention]
    return ",".join([name, *cells, "0.1", *said])


@pytest.fixture
def saved(tmp_path):
    """``saved(*lines)`` writes a corrections.csv."""

    def write(*lines):
        said = ["status", "who", "when", "comment", "content", "convention"]
        head = ",".join(["image_name", *COLUMNS, "pixel_size_mm", *said])
        path = tmp_path / "corrections.csv"
        path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def measured() -> tuple[pd.DataFrame, pd.DataFrame]:
    """A predictions table of four equal heads with pixels that are no squares, and their images."""
    table = pd.DataFrame({"image_name": NAMES, "flags": "low confidence", "contradiction": "", "confidence": 0.7})
    table[list(COLUMNS)] = HEAD.ravel()
    table[list(SECOND_COLUMNS)] = np.nan
    table[MEASURED] = 7.0
    table[["pixel_width_mm", "pixel_height_mm"]] = np.nan
    images = pd.DataFrame({"image_name": NAMES, "pixel_size_mm": np.nan, "width_px": 800, "height_px": 540})
    images["calibrated_regions"], images["sha256"] = "0 0 799 539 0.1 0.11", CONTENT.removeprefix("sha256:") + "cdef"
    return table.set_index("image_name", drop=False), images.set_index("image_name", drop=False)


@pytest.mark.parametrize("calliper", list(Calliper))
def test_a_corrected_head_has_the_lengths_of_its_points(saved, measured, calliper):
    rows = read_corrections(saved(line(NAMES[1], "corrected", MOVED[[1, 0, 3, 2]])))
    after = apply_corrections(*measured, rows, calliper).loc[NAMES[1]]
    scaled = MOVED * [0.1, 0.11]
    bpd, ofd = (np.hypot(*(scaled[i] - scaled[i + 1])) for i in (2, 0))
    assert after["ofd_mm"] == pytest.approx(ofd, abs=0.002)
    assert after["bpd_mm"] == pytest.approx(float(to_outer(bpd, calliper)), abs=0.002)
    assert after[[f"{length}_px" for length in LENGTHS]].to_numpy(float) == pytest.approx(all_lengths(MOVED), abs=0.002)
    assert after[list(COLUMNS)].to_numpy(float) == pytest.approx(MOVED.ravel(), abs=0.001)
    assert after[[column for column in MEASURED if column[-3:] in ("low", "igh")]].isna().all()
    assert after["flags"] == "" and np.isnan(after["confidence"])
    assert list(after[["review", "reviewer", "reviewed"]]) == ["corrected", "Ada", "2026-01-02T03:04:05Z"]


def test_a_head_corrected_in_a_site_s_convention_keeps_the_person_s_points(saved, measured):
    site = CONVENTIONS["mid_skull"]
    rows = read_corrections(saved(line(NAMES[1], "corrected", MOVED)))
    after = in_site_convention(apply_corrections(*measured, rows, Calliper.OUTER_TO_OUTER, site), site).loc[NAMES[1]]
    assert after[list(COLUMNS)].to_numpy(float) == pytest.approx(MOVED.ravel(), abs=0.002)
    assert after[["bpd_px", "ofd_px"]].to_numpy(float) == pytest.approx(all_lengths(MOVED)[:2], abs=0.003)


def test_rejected_heads_have_no_length_and_others_stay(saved, measured):
    rows = read_corrections(saved(line(NAMES[0], "rejected"), line(NAMES[2], "accepted", HEAD, "fine")))
    after = apply_corrections(*measured, rows, Calliper.OUTER_TO_OUTER)
    assert after.loc[NAMES[0], [*MEASURED, *COLUMNS]].isna().all()
    unchanged = after.loc[NAMES[1:], measured[0].columns]
    pd.testing.assert_frame_equal(unchanged, measured[0].loc[NAMES[1:]])
    assert list(after["review"]) == ["rejected", "", "accepted", ""] and after.loc[NAMES[2], "comment"] == "fine"
    assert describe_outdated(after, rows) == describe_outdated(after, None) == []


@pytest.mark.parametrize("site", [None, CONVENTIONS["mid_skull"]], ids=["own", "mid_skull"])
def test_an_accepted_row_counts_only_for_the_lengths_that_were_accepted(saved, measured, site):
    """The second image has no head now; the third row has none; the fourth is of another head by 0.06 px."""
    measured[0].loc[NAMES[1], [*COLUMNS, *MEASURED]] = np.nan
    shown = points_of(in_site_convention(measured[0].iloc[[0]], site))[0]
    other = shown + np.array([[0.06, 0], [0, 0], [0, 0], [0, 0]])
    heads = [shown.round(2), HEAD, None, other]
    rows = read_corrections(saved(*(line(name, "accepted", head) for name, head in zip(NAMES, heads, strict=True))))
    after = apply_corrections(*measured, rows, OUTER, site)
    assert list(after["review"]) == ["accepted", "", "", ""] and list(after["reviewer"]) == ["Ada", "", "", ""]
    (said,) = describe_outdated(after, rows)
    assert said.startswith("3 of 4 ") and rows[NAMES[1]].place in said
    rows = read_corrections(saved(line(NAMES[1], "accepted")))
    assert apply_corrections(*measured, rows, OUTER, site).loc[NAMES[1], "review"] == "accepted"


def test_flags_of_the_pixel_size_are_raised_anew_for_a_corrected_head(saved, measured):
    """The first head's HC contradicts what is stated, the second's does not, the third's is over a metre."""
    table, images = measured
    table[["flags", "contradiction"]] = "low confidence;implausible HC;pixel size contradicted;no pixel size", "old"
    images["calibrated_regions"], images["pixel_size_mm"] = "", [0.1, 0.1, 1.0, np.nan]
    hc = all_lengths(MOVED)[2]
    images["reference_hc_mm"] = [300.0, hc * 0.1, np.nan, np.nan]
    rows = read_corrections(saved(*(line(name, "corrected", MOVED) for name in NAMES)))
    after = apply_corrections(*measured, rows, OUTER, limits=LIMITS)
    assert list(after["flags"]) == ["pixel size contradicted", "", "implausible HC", "no pixel size"]
    assert f"{hc * 0.1:.1f}" in after["contradiction"].iloc[0] and "300.0" in after["contradiction"].iloc[0]
    assert list(after["contradiction"].iloc[1:]) == [""] * 3
    unlimited = apply_corrections(*measured, rows, OUTER)
    assert (unlimited[["flags", "contradiction"]] == "").all(axis=None)


def test_the_longer_diameter_in_millimetres_is_the_ofd(saved, measured):
    """Pixels are twice as high as wide: across 200 px are 20 mm, down 150 px are 30 mm."""
    head = np.array([[300, 270], [500, 270], [400, 195], [400, 345]], dtype=float)
    rows = read_corrections(saved(line(NAMES[0], "corrected", head), line(NAMES[1], "corrected", head)))
    measured[1].loc[NAMES[:2], "calibrated_regions"] = ["0 0 799 539 0.1 0.2", ""]  # in pixels the first is longer
    after = apply_corrections(*measured, rows, OUTER)
    assert after.loc[NAMES[0], ["bpd_mm", "ofd_mm", "bpd_px", "ofd_px"]].tolist() == [20, 30, 200, 150]
    assert after.loc[NAMES[0], list(COLUMNS)].tolist() == head[[2, 3, 0, 1]].ravel().tolist()
    assert after.loc[NAMES[1], ["bpd_px", "ofd_px"]].tolist() == [150, 200]


@pytest.mark.parametrize(
    "lines, said",
    [
        ([line(NAMES[0], "done", HEAD)], r"corrections\.csv, row 2 \(000_HC\.png\): status"),
        ([line(NAMES[0], "corrected")], r"row 2 \(000_HC\.png\): ofd_1_x"),
        ([line(NAMES[0], "accepted", HEAD)] * 2, "row 3"),
        ([line("other.png", "accepted", HEAD)], r"row 2 \(other\.png\)"),
        ([line(NAMES[0], "corrected", HEAD * 3)], r"row 2 \(000_HC\.png\).*800x540"),
        ([line(NAMES[0], "accepted", HEAD).replace("596", "5g6")], r"row 2 .*not a finite"),
        ([line(NAMES[0], "rejected", content="sha256:ba9876543210")], r"row 2 \(000_HC\.png\).*another image"),
        ([line(NAMES[0], "corrected", HEAD, "", CONTENT, "mid_skull")], r"row 2 \(000_HC\.png\).*mid_skull"),
    ],
)
def test_what_is_wrong_is_named(saved, measured, lines, said):
    with pytest.raises(InputError, match=said) as refusal:
        apply_corrections(*measured, read_corrections(saved(*lines)), Calliper.OUTER_TO_OUTER)
    assert "\n" not in str(refusal.value)


def test_corrections_are_labels_but_an_accepted_prediction_judges_no_model(saved, tmp_path):
    for name in NAMES:
        cv2.imwrite(str(tmp_path / name), np.zeros((540, 800), np.uint8))
    table = saved(
        line(NAMES[0], "corrected", MOVED), line(NAMES[1], "accepted", HEAD), line(NAMES[2], "rejected"),
        line(NAMES[3], "accepted"),
    )  # fmt: skip
    given = {"dataset": "challenge", "data_root": str(tmp_path), "image_folder": ".", "landmark_table": table.name}
    sources = list_sources(read_config(given | {"pixel_sizes": table.name}), tmp_path)
    assert [source.labelled for source in sources] == [True, True, False, False]
    assert sources[0].landmarks == pytest.approx(MOVED.ravel(), abs=0.001) and sources[0].pixel_size_mm == 0.1
    assert sources[1].label_source == ACCEPTED_PREDICTION != sources[0].label_source
    for side, labelled in ((Split.TRAIN, [True, True]), (Split.VALIDATION, [True, False]), (Split.TEST, [True, False])):
        split = dict.fromkeys(NAMES[:2], side)
        kept = _without_own_judges(sources[:2], split)
        assert [source.labelled for source in kept] == labelled == [source.image_name in split for source in kept]


def test_rows_of_these_images_and_this_convention_are_taken(saved, measured):
    site = CONVENTIONS["mid_skull"]
    rows = read_corrections(saved(line(NAMES[1], "corrected", MOVED, "", CONTENT, "mid_skull")))
    assert apply_corrections(*measured, rows, OUTER, site)["review"].tolist() == ["", "corrected", "", ""]
    with pytest.raises(InputError, match="outer_to_inner"):
        apply_corrections(*measured, rows, OUTER, CONVENTIONS["outer_to_inner"])


def test_corrections_of_labelled_images_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"own\.yaml"):
        read_config({"dataset": "hc18", "corrections": "corrections.csv"})
    assert read_config({"images": "folder", "corrections": "corrections.csv"}).corrections
    with pytest.raises(InputError, match="site_lengths"):
        read_config({"images": "folder", "corrections": "corrections.csv", "site_lengths": "lengths.csv"})
