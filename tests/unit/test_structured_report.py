"""DICOM structured reports, read back by pydicom and highdicom."""

import io
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import highdicom as hd
import numpy as np
import pandas as pd
import pytest
from highdicom import sr
from pydicom import dcmread
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid
from test_dicom import speckle, write
from test_flags import HEAD

from fetal_biometry.errors import InputError
from fetal_biometry.measure.structured_report import structured_reports
from fetal_biometry.model.geometry import ellipse_landmarks, mean_ellipse
from fetal_biometry.terms import COLUMNS

SCRIPT = Path(__file__).parents[2] / "workflow" / "scripts" / "write_structured_reports.py"
STUDY = generate_uid()
TAGS = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": generate_uid(), "PatientID": "4711", "StudyID": "S1"}
NAMES = {"bpd_mm": codes.LN.BiparietalDiameter, "ofd_mm": codes.LN.OccipitalFrontalDiameter,
         "hc_mm": codes.LN.HeadCircumference}  # fmt: skip
LENGTHS = {"bpd_mm": 30.123, "ofd_mm": 40.456, "hc_mm": 111.789}
SQUARE = {"pixel_width_mm": 0.1, "pixel_height_mm": 0.1}
OTHER = HEAD + [5, -3]


def table(rows):
    """Predictions with what is known of their images."""
    found = pd.DataFrame([{"flags": "", "frame": np.nan, **SQUARE, **LENGTHS, **row} for row in rows])
    found[list(COLUMNS)] = [np.ravel(row.get("points", HEAD)) for row in rows]
    return found


@pytest.fixture(scope="module")
def two_frames(tmp_path_factory):
    """A file of two frames, each with a head, the second one flagged."""
    path = write(tmp_path_factory.mktemp("scan") / "scan.dcm", speckle(2), **TAGS)
    rows = [{"image_name": "scan.dcm#1", "path": str(path), "frame": 0.0}]
    flagged = {"hc_mm": 99.5, "points": OTHER, "flags": "low confidence;uncertain length"}
    rows.append({"image_name": "scan.dcm#2", "path": str(path), "frame": 1.0} | flagged)
    return path, table(rows)


@pytest.fixture(scope="module")
def read_back(two_frames):
    """The report of the two frames, through a file."""
    (name, report), = structured_reports(two_frames[1]).items()  # fmt: skip
    assert name == "scan.dcm"
    file = io.BytesIO()
    report.save_as(file, enforce_file_format=True)
    file.seek(0)
    return dcmread(file)


def heads(document):
    """Of each head the group of its ellipse and that of its diameters."""
    content = sr.ComprehensiveSR.from_dataset(document).content
    ellipses, diameters = content.get_planar_roi_measurement_groups(), content.get_image_measurement_groups()
    return list(zip(ellipses, diameters, strict=True))


def test_the_lengths_are_those_of_the_table(two_frames, read_back):
    found = heads(read_back)
    assert len(found) == 2
    for both, (_, row) in zip(found, two_frames[1].iterrows(), strict=True):
        assert all(row["image_name"] in group.tracking_identifier for group in both)
        measured = {item.name: item for group in both for item in group.get_measurements()}
        assert measured.keys() == set(NAMES.values())
        for column, name in NAMES.items():
            assert measured[name].value == pytest.approx(row[column], abs=0.01)
            assert measured[name].unit == codes.UCUM.Millimeter


def test_diameters_are_lines_and_the_head_an_ellipse_on_their_frame(read_back):
    """DICOM's pixel centres lie at halves."""
    for number, ((ellipse, diameters), points) in enumerate(zip(heads(read_back), (HEAD, OTHER), strict=True), start=1):
        region = ellipse.roi
        assert region.graphic_type == sr.GraphicTypeValues.ELLIPSE
        assert region.value == pytest.approx(points + 0.5, abs=1e-3)
        items = {item.name: item for item in diameters.get_measurements()}
        for column, ends in (("ofd_mm", points[:2]), ("bpd_mm", points[2:])):
            (line,) = items[NAMES[column]].referenced_coordinates
            assert line.graphic_type == sr.GraphicTypeValues.POLYLINE
            assert line.value == pytest.approx(ends + 0.5, abs=1e-3)
            (image,) = line.ContentSequence
            assert image.ReferencedSOPSequence[0].ReferencedFrameNumber == number


def test_the_head_is_the_fetus_s_and_not_the_patient_s(read_back):
    subject = [
        item for item in read_back.ContentSequence if item.get("ConceptNameCodeSequence")[0].CodeValue == "121024"
    ]
    assert [item.ConceptCodeSequence[0].CodeValue for item in subject] == [codes.DCM.Fetus.value]


def test_flags_go_along(read_back):
    said = [[item.value.meaning for item in group.get_qualitative_evaluations()] for group, _ in heads(read_back)]
    assert said == [[], ["low confidence", "uncertain length"]]


def test_a_site_s_convention_goes_along_with_each_length(two_frames):
    (report,) = structured_reports(two_frames[1].assign(convention="mid_skull")).values()
    for both in heads(report):
        for group in both:
            (said,) = [item for item in group.get_qualitative_evaluations() if item.name.meaning == "convention"]
            assert said.value.meaning == "mid_skull"


def test_the_ellipse_s_axes_are_those_on_the_screen_where_pixels_are_no_squares(tmp_path):
    """Of an ellipse of 20 x 10 pixels, 45 degrees oblique on the screen; its diameters are axes in millimetres."""
    path, size = write(tmp_path / "a.dcm", speckle(), **TAGS), np.array([0.12, 0.1])
    on_screen = ellipse_landmarks((30, 25), 20, 10, np.pi / 4)
    (in_mm,) = mean_ellipse(on_screen[None] * size, on_screen[None] * size, 0)
    row = {"image_name": "a.dcm", "path": str(path), "points": in_mm / size}
    (report,) = structured_reports(table([row | dict(zip(SQUARE, size, strict=True))])).values()
    ((ellipse, diameters),) = heads(report)
    assert ellipse.roi.value == pytest.approx(on_screen + 0.5, abs=1e-3)
    (line,) = diameters.get_measurements(NAMES["ofd_mm"])[0].referenced_coordinates
    assert line.value == pytest.approx(in_mm[:2] / size + 0.5, abs=1e-3)


def test_a_report_is_called_as_its_file_and_only_a_frame_s_number_left_out(tmp_path):
    """Whatever else the name holds, and however long it is."""
    paths = [write(tmp_path / f"{number}.dcm", speckle(), **TAGS) for number in range(4)]
    names = ["exam#1.dcm", "exam#2.dcm", "exam#3.dcm#12", "頭" * 80]
    rows = [
        {"image_name": name, "path": str(path), "frame": 11.0 if name.endswith("#12") else np.nan}
        for name, path in zip(names, paths, strict=True)
    ]
    *short, long = structured_reports(table(rows))
    assert short == ["exam%231.dcm", "exam%232.dcm", "exam%233.dcm"]
    assert long.startswith("%E9%A0%AD") and long.endswith(".dcm") and len(long) < 255


def test_two_reports_of_one_name_are_refused(tmp_path):
    paths = [write(tmp_path / name, speckle(), **TAGS) for name in ("IM1", "IM1.dcm")]
    rows = [{"image_name": path.name, "path": str(path)} for path in paths]
    with pytest.raises(InputError) as refused:
        structured_reports(table(rows))
    assert all(str(path) in str(refused.value) for path in paths) and "rename" in str(refused.value)


def test_the_report_belongs_to_the_patient_and_study_of_the_image(two_frames, read_back):
    source = dcmread(two_frames[0])
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "StudyID"):
        assert read_back[keyword].value == source[keyword].value
    assert read_back.SeriesInstanceUID != source.SeriesInstanceUID
    assert (read_back.Modality, read_back.VerificationFlag, read_back.PreliminaryFlag) == (
        "SR", "UNVERIFIED", "PRELIMINARY",
    )  # fmt: skip
    assert read_back.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert hd.sr.ComprehensiveSR.from_dataset(read_back).SOPInstanceUID != source.SOPInstanceUID


def test_a_report_made_again_has_the_same_identifiers(two_frames, read_back):
    (again,) = structured_reports(two_frames[1]).values()
    assert again.SOPInstanceUID == read_back.SOPInstanceUID and again.SeriesInstanceUID == read_back.SeriesInstanceUID
    (other,) = structured_reports(two_frames[1].assign(hc_mm=100.0)).values()
    assert other.SOPInstanceUID != read_back.SOPInstanceUID


def test_other_files_and_images_without_millimetres_have_none(tmp_path):
    path = write(tmp_path / "a.dcm", speckle(), **TAGS)
    rows = [
        {"image_name": "000_HC.png", "path": str(tmp_path / "000_HC.png")},
        {"image_name": "a.dcm", "path": str(path), "hc_mm": np.nan},
    ]
    assert structured_reports(table(rows)) == {}


def test_a_file_that_says_no_study_is_refused(tmp_path):
    path = write(tmp_path / "a.dcm", speckle())
    with pytest.raises(InputError, match="StudyInstanceUID") as refused:
        structured_reports(table([{"image_name": "a.dcm", "path": str(path)}]))
    assert str(path) in str(refused.value) and "\n" not in str(refused.value)


def test_a_head_that_crosses_the_border_is_reported(tmp_path):
    path = write(tmp_path / "a.dcm", speckle(), **TAGS)
    points = HEAD - HEAD.min(axis=0) - 20
    (report,) = structured_reports(table([{"image_name": "a.dcm", "path": str(path), "points": points}])).values()
    assert heads(report)[0][0].roi.value == pytest.approx(points + 0.5, abs=1e-3)


def test_without_highdicom_one_line_says_what_to_install(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "highdicom"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "fetal_biometry.measure.structured_report")
    output = SimpleNamespace(folder=tmp_path / "dicom_sr")
    rule = SimpleNamespace(rule="write_structured_reports", log=[tmp_path / "log"], input=None, output=output)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPT), {"snakemake": rule}, "__main__")
    assert "requirements-sr.txt" in str(ended.value) and len(str(ended.value).strip().splitlines()) == 1
    assert not output.folder.exists()
