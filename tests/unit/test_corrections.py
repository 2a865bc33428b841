"""What a person said of measurements: read, applied to lengths, and taken as labels."""

import cv2
import numpy as np
import pandas as pd
import pytest

from fetal_biometry.configuration import read_config
from fetal_biometry.data.sources import list_sources
from fetal_biometry.errors import InputError
from fetal_biometry.measure.corrections import apply_corrections, read_corrections
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


def line(name, status, points=None, comment="") -> str:
    cells = [""] * 8 if points is None else [f"{value:.3f}" for value in np.ravel(points)]
    return ",".join([name, *cells, "0.1", status, "Ada", "2026-01-02T03:04:05Z", comment])


@pytest.fixture
def saved(tmp_path):
    """``saved(*lines)`` writes a corrections.csv."""

    def write(*lines):
        head = ",".join(["image_name", *COLUMNS, "pixel_size_mm", "status", "who", "when", "comment"])
        path = tmp_path / "corrections.csv"
        path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def measured() -> tuple[pd.DataFrame, pd.DataFrame]:
    """A predictions table of four equal heads with pixels that are no squares, and their images."""
    table = pd.DataFrame({"image_name": NAMES, "flags": "low confidence;no pixel size", "confidence": 0.7})
    table[list(COLUMNS)] = HEAD.ravel()
    table[list(SECOND_COLUMNS)] = np.nan
    table[MEASURED] = 7.0
    table[["pixel_width_mm", "pixel_height_mm"]] = np.nan
    images = pd.DataFrame({"image_name": NAMES, "pixel_size_mm": np.nan, "width_px": 800, "height_px": 540})
    images["calibrated_regions"] = "0 0 799 539 0.1 0.2"
    return table.set_index("image_name", drop=False), images.set_index("image_name", drop=False)


@pytest.mark.parametrize("calliper", list(Calliper))
def test_a_corrected_head_has_the_lengths_of_its_points(saved, measured, calliper):
    rows = read_corrections(saved(line(NAMES[1], "corrected", MOVED[[1, 0, 3, 2]])))
    after = apply_corrections(*measured, rows, calliper).loc[NAMES[1]]
    scaled = MOVED * [0.1, 0.2]
    bpd, ofd = (np.hypot(*(scaled[i] - scaled[i + 1])) for i in (2, 0))
    assert after["ofd_mm"] == pytest.approx(ofd, abs=0.002)
    assert after["bpd_mm"] == pytest.approx(float(to_outer(bpd, calliper)), abs=0.002)
    assert after[[f"{length}_px" for length in LENGTHS]].to_numpy(float) == pytest.approx(all_lengths(MOVED), abs=0.002)
    assert after[list(COLUMNS)].to_numpy(float) == pytest.approx(MOVED.ravel(), abs=0.001)
    assert after[[column for column in MEASURED if column[-3:] in ("low", "igh")]].isna().all()
    assert after["flags"] == "no pixel size" and np.isnan(after["confidence"])
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


@pytest.mark.parametrize(
    "lines, said",
    [
        ([line(NAMES[0], "done", HEAD)], r"corrections\.csv, row 2 \(000_HC\.png\): status"),
        ([line(NAMES[0], "corrected")], r"row 2 \(000_HC\.png\): ofd_1_x"),
        ([line(NAMES[0], "accepted", HEAD)] * 2, "row 3"),
        ([line("other.png", "accepted", HEAD)], r"row 2 \(other\.png\)"),
        ([line(NAMES[0], "corrected", HEAD * 3)], r"row 2 \(000_HC\.png\).*800x540"),
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


def test_corrections_of_labelled_images_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"own\.yaml"):
        read_config({"dataset": "hc18", "corrections": "corrections.csv"})
    assert read_config({"images": "folder", "corrections": "corrections.csv"}).corrections
