"""Measurements as DICOM structured reports, which archives and viewers file with the images that they are of.

Template TID 1500: for each frame the head's ellipse, BPD and OFD as lines, HC. Patient and study are copied from the
image's file, since a report belongs to a study. Nothing else of this package reads or writes them.
"""

from __future__ import annotations

import highdicom as hd
import numpy as np
import pandas as pd
from highdicom import sr
from pydicom import Dataset, dcmread
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from fetal_biometry.digests import digest
from fetal_biometry.errors import InputError
from fetal_biometry.frames import points_of
from fetal_biometry.images.image_ref import ImageRef, is_dicom
from fetal_biometry.model.geometry import ellipse_landmarks, landmarks_to_ellipse, mean_ellipse
from fetal_biometry.names import as_file_name

_NAMES = {
    "bpd_mm": codes.LN.BiparietalDiameter,
    "ofd_mm": codes.LN.OccipitalFrontalDiameter,
    "hc_mm": codes.LN.HeadCircumference,
}
_LINES = {"ofd_mm": slice(0, 2), "bpd_mm": slice(2, 4)}  # of the landmarks
_PROGRAM, _OWN_CODES = "fetal-head-biometry", "99FHB"  # 99 marks codes that no standard defines
_NEEDED = ("StudyInstanceUID", "SOPInstanceUID", "SOPClassUID")
_PATIENT = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex")
_STUDY = ("AccessionNumber", "StudyID", "StudyDate", "StudyTime")  # these and the patient's may be empty


def structured_reports(table: pd.DataFrame) -> dict[str, hd.sr.ComprehensiveSR]:
    """A report for each DICOM file with a head measured in millimetres, by the name of its own file.

    Parameters
    ----------
    table : DataFrame
        A predictions table with ``path`` and ``frame``, counted from 0 and NaN for the only one of a file.

    Raises
    ------
    InputError
        When a file cannot be read, or does not say which study it belongs to; where two reports would have one name.
    """
    measured = table[table["hc_mm"].notna() & table["path"].map(is_dicom)]
    reports, paths = {}, {}
    for path, rows in measured.groupby("path", sort=True):
        name = _report_name(rows.iloc[0])
        if name in paths:
            raise InputError(
                f"{path}: its report would be called {name}, as that of {paths[name]}; rename one of the two, or set "
                "dicom_sr: false."
            )
        reports[name], paths[name] = _report(_read_source(path), rows), path
    return reports


def _report_name(row: pd.Series) -> str:
    """The name of the report of a row's file: that of its image, without the number of its frame."""
    name = row["image_name"].removesuffix(ImageRef.from_row(row).suffix)
    return f"{as_file_name(name.removesuffix('.dcm'))}.dcm"


def _read_source(path) -> Dataset:
    """What a report says of the image's file: all but its pixels."""
    try:
        source = dcmread(path, stop_before_pixels=True)
    except Exception as error:  # of many kinds, whose messages may quote the file
        raise InputError(f"{path}: not a readable DICOM file ({type(error).__name__}); remove it.") from None
    missing = [keyword for keyword in _NEEDED if not source.get(keyword)]
    if missing:
        raise InputError(f"{path}: no {missing[0]}, so no report can refer to it; set dicom_sr: false or add it.")
    for keyword in (*_PATIENT, *_STUDY):
        if keyword not in source:
            setattr(source, keyword, None)
    return source


def _report(source: Dataset, rows: pd.DataFrame) -> hd.sr.ComprehensiveSR:
    device = sr.DeviceObserverIdentifyingAttributes(uid=_uid(_PROGRAM), name=_PROGRAM)
    context = sr.ObservationContext(
        observer_device_context=sr.ObserverContext(codes.DCM.Device, observer_identifying_attributes=device),
        subject_context=sr.SubjectContext(codes.DCM.Fetus, sr.SubjectContextFetus("fetus")),  # not the patient's head
    )
    heads = zip(rows.to_dict("records"), points_of(rows), strict=True)
    groups = [group for row, points in heads for group in (_head(source, row, points), _diameters(source, row, points))]
    content = sr.MeasurementReport(
        observation_context=context,
        procedure_reported=codes.SCT.ObstetricUSScan,
        title=codes.DCM.ImagingMeasurementReport,
        imaging_measurements=groups,
    )
    return sr.ComprehensiveSR(
        evidence=[source],
        content=content[0],
        series_instance_uid=_uid("series", source.StudyInstanceUID),
        series_number=9000,  # behind those of the scanner
        sop_instance_uid=_uid("report", source.SOPInstanceUID, rows[list(_NAMES)].to_numpy().tolist()),
        instance_number=1,
        manufacturer=_PROGRAM,
        series_description="Fetal head biometry by software, for research",
    )


def _head(source: Dataset, row: dict, points: np.ndarray) -> sr.PlanarROIMeasurementsAndQualitativeEvaluations:
    """One frame's head, (4, 2) landmarks: its ellipse, HC, convention and flags."""
    flags = [flag for flag in row["flags"].split(";") if flag]
    outline = _in_dicom(_outline(row, points))
    return sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(source, row, "ellipse"),
        referenced_region=sr.ImageRegion(sr.GraphicTypeValues.ELLIPSE, outline, _place(source, row)),
        finding_sites=[sr.FindingSite(codes.SCT.Head)],
        measurements=[_length(row, "hc_mm")],
        qualitative_evaluations=_convention(row) + [_evaluation("flag", flag) for flag in flags],
    )


def _outline(row: dict, points: np.ndarray) -> np.ndarray:
    """Ends of the axes, on the screen, of the ellipse whose axes in millimetres are the head's diameters, (4, 2)."""
    pixel_size = np.array([row["pixel_width_mm"], row["pixel_height_mm"]])
    diameters = ellipse_landmarks(*landmarks_to_ellipse(points * pixel_size)) / pixel_size
    return mean_ellipse(diameters[None], diameters[None], 0)[0]


def _diameters(source: Dataset, row: dict, points: np.ndarray) -> sr.MeasurementsAndQualitativeEvaluations:
    """BPD and OFD of the same head, each as a line between two of its landmarks."""
    lines = {
        column: sr.CoordinatesForMeasurement(
            sr.GraphicTypeValues.POLYLINE, _in_dicom(points[ends]), _place(source, row)
        )
        for column, ends in _LINES.items()
    }
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(source, row, "diameters"),
        finding_sites=[sr.FindingSite(codes.SCT.Head)],
        measurements=[_length(row, column, [line]) for column, line in lines.items()],
        qualitative_evaluations=_convention(row),
    )


def _convention(row: dict) -> list[sr.QualitativeEvaluation]:
    """Whose callipers the lengths follow, where they are a site's."""
    return [_evaluation("convention", row["convention"])] if "convention" in row else []


def _evaluation(name: str, value: str) -> sr.QualitativeEvaluation:
    return sr.QualitativeEvaluation(_own_code(name), _own_code(value))


def _length(row: dict, column: str, lines: list | None = None) -> sr.Measurement:
    return sr.Measurement(_NAMES[column], float(row[column]), codes.UCUM.Millimeter, referenced_coordinates=lines)


def _in_dicom(points: np.ndarray) -> np.ndarray:
    """Points whose pixel centres lie at halves, as DICOM's do, of such with them at integers."""
    return points + 0.5


def _frames(row: dict) -> list[int] | None:
    return None if np.isnan(row["frame"]) else [int(row["frame"]) + 1]


def _place(source: Dataset, row: dict) -> sr.SourceImageForRegion:
    return sr.SourceImageForRegion(source.SOPClassUID, source.SOPInstanceUID, _frames(row))


def _tracking(source: Dataset, row: dict, what: str) -> sr.TrackingIdentifier:
    return sr.TrackingIdentifier(_uid(what, source.SOPInstanceUID, _frames(row)), f"{row['image_name']} {what}")


def _own_code(meaning: str) -> sr.CodedConcept:
    return sr.CodedConcept(digest(meaning), _OWN_CODES, meaning)


def _uid(*parts) -> str:
    """The same for the same parts, so that a report made again replaces the first one."""
    return generate_uid(entropy_srcs=[digest(_PROGRAM, *parts)])
