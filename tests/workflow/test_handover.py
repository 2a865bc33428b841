"""What measuring gives other programs, read back from the files that the workflow writes; no network is needed."""

import json

import numpy as np
import pandas as pd
import pytest
from highdicom.sr import ComprehensiveSR
from pydicom import FileDataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage, generate_uid

from fetal_biometry.data.phantom import draw_phantom, plan_phantoms
from fetal_biometry.terms import COLUMNS, LENGTHS

pytestmark = pytest.mark.slow

PATIENT, NUMBER = "Doe^Jane", "PATIENT-4711"
ARGUMENTS = ("measure", "--config", "images=images", "dicom_sr=true", "growth_chart=hadlock")


def write_scan(path, frames):
    """A DICOM file of grey frames (F, H, W) with pixels of 0.2 mm, a patient and a study."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UltrasoundMultiFrameImageStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    file.StudyInstanceUID, file.SeriesInstanceUID, file.Modality = generate_uid(), generate_uid(), "US"
    file.PatientName, file.PatientID = PATIENT, NUMBER
    file.NumberOfFrames, file.Rows, file.Columns = frames.shape
    file.SamplesPerPixel, file.PhotometricInterpretation, file.PixelRepresentation = 1, "MONOCHROME2", 0
    file.BitsAllocated, file.BitsStored, file.HighBit = 8, 8, 7
    file.PixelSpacing = [0.2, 0.2]
    file.PixelData = frames.tobytes()
    file.save_as(path, enforce_file_format=True)


@pytest.fixture(scope="module")
def house(copy_workflow, namespace, tmp_path_factory):
    """A scan of two frames of one examination, measured by the pretrained model; structured reports asked for."""
    house = copy_workflow(tmp_path_factory.mktemp("handover"))
    (house.folder / "images").mkdir()
    drawn = [draw_phantom(phantom) for phantom in plan_phantoms(12, seed=3)]
    alike = [image for image in drawn if image.shape == drawn[0].shape]
    write_scan(house.folder / "images" / "7_scan.dcm", np.stack(alike[:2]))
    house.snakemake(*ARGUMENTS, inside=namespace("net", needed=False))
    return house


@pytest.fixture
def results(house):
    return house.folder / "results" / "images"


@pytest.fixture
def predictions(results):
    return pd.read_csv(results / "predictions.csv", index_col="image_name", dtype={"flags": str}, na_values=[""])


def test_the_structured_report_has_the_lengths_of_the_table(results, predictions):
    (path,) = (results / "exports" / "dicom_sr").glob("*.dcm")
    content = ComprehensiveSR.from_dataset(dcmread(path)).content
    found = [
        [measurement.value for group in groups for measurement in group.get_measurements()]
        for groups in (content.get_planar_roi_measurement_groups(), content.get_image_measurement_groups())
    ]
    assert len(predictions) == 2
    assert found[0] == pytest.approx(list(predictions["hc_mm"]), abs=0.01)
    assert found[1] == pytest.approx(predictions[["ofd_mm", "bpd_mm"]].to_numpy().ravel().tolist(), abs=0.01)


def test_the_patient_stands_in_the_structured_report_alone(results):
    found = {
        path.relative_to(results).parts[:2]
        for path in results.rglob("*")
        if path.is_file() and any(word.encode() in path.read_bytes() for word in (PATIENT, NUMBER))
    }
    assert found == {("exports", "dicom_sr")}


def test_workbook_codes_and_examinations_agree_with_the_table(results, predictions):
    book = pd.read_excel(results / "predictions.xlsx", sheet_name=None, dtype={"examination": str})
    for name in LENGTHS:
        assert book["predictions"][f"{name}_mm"].tolist() == predictions[f"{name}_mm"].tolist()
    (examination,) = book["examinations"].to_dict("records")
    (row,) = pd.read_csv(results / "examinations.csv", dtype={"examination": str}).to_dict("records")
    for one in (examination, row):
        assert (one["examination"], one["images"], one["measured"]) == ("7", 2, 2)
        assert one["hc_mm"] == pytest.approx(predictions["hc_mm"].mean(), abs=0.001)
    entries = json.loads((results / "exports" / "measurements.json").read_text(encoding="utf-8"))
    assert [entry["hc"]["value"] for entry in entries] == predictions["hc_mm"].tolist()
    bundle = json.loads((results / "exports" / "fhir.json").read_text(encoding="utf-8"))
    lengths = [entry["resource"]["valueQuantity"] for entry in bundle["entry"]]
    assert {one["value"] for one in lengths if one["code"] == "mm"} == set(
        predictions[[f"{name}_mm" for name in LENGTHS]].to_numpy().ravel()
    )


def test_nothing_is_left_to_do_also_after_a_fresh_copy_of_the_same_model(house):
    assert house.planned(*ARGUMENTS) == {}
    (house.folder / "resources" / "models" / "hc18.onnx").touch()
    assert house.planned(*ARGUMENTS) == {}


def test_a_corrected_head_is_measured_and_nothing_else_runs(house, results, predictions):
    """OFD 100 and BPD 80 px; last, as it changes the results."""
    name = predictions.index[1]
    (house.folder / "corrections.csv").write_text(
        f"image_name,{','.join(COLUMNS)},status\n{name},250,200,350,200,300,160,300,240,corrected\n", encoding="utf-8"
    )
    done = house.ran(*ARGUMENTS, "corrections=corrections.csv")
    reports = {"write_structured_reports", "render_report"}
    assert set(done) == {"measure_heads", "evaluate_model", "publish_results"} | reports
    page = (results / "report.html").read_text(encoding="utf-8")
    assert page.count('data-status="corrected"') == page.count("data-status=") == 1
    assert page.count('data-picture="data:image/jpeg;base64,') == 2
    row = pd.read_csv(results / "predictions.csv").set_index("image_name").loc[name]
    assert (row["ofd_px"], row["bpd_px"]) == pytest.approx((100, 80))
