"""The measurements as FHIR R4 Observations, coded in LOINC and UCUM."""

from __future__ import annotations

import json
import uuid

import pandas as pd

from fetal_biometry.measure.columns import PIXELS, PREDICTIONS
from fetal_biometry.measure.exports.measurements import entries

_MEANINGS = {column.name: column.meaning for column in PREDICTIONS}
_CODED = ("bpd", "ofd", "hc", "cephalic_index", "age_weeks_hc", "age_weeks_bpd")
_NAMESPACE = uuid.UUID("5f2f8c0e-5a57-4b5e-9a0b-8f0c1f6a9d11")
_CATEGORY = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "imaging"}


def bundle(table: pd.DataFrame) -> str:
    """A FHIR R4 Bundle with an Observation for each value in mm, weeks or as a ratio; LOINC and UCUM codes.

    It holds the values of `measurements.entries`. A length in pixels and a missing one are left out. Nothing names
    a patient: image and examination have the names that the run knows them by.
    """
    observations = [
        {"fullUrl": _address(entry["image"], name), "resource": _observe(entry, name)}
        for entry in entries(table)
        for name in _CODED
        if name in entry and entry[name]["value"] is not None and entry[name]["unit"] != PIXELS
    ]
    made = {"resourceType": "Bundle", "type": "collection"} | ({"entry": observations} if observations else {})
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def _address(image: str, name: str) -> str:
    """The same for the same measurement of every run."""
    return f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{image} {name}')}"


def _observe(entry: dict, name: str) -> dict:
    """A preliminary Observation; the ends of an interval are its components."""
    value = entry[name]
    text = _MEANINGS.get(name) or _MEANINGS[f"{name}_mm"].partition(";")[0]
    observation = {
        "resourceType": "Observation",
        "status": "preliminary",
        "category": [{"coding": [_CATEGORY]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": value["loinc"]}], "text": text},
        "partOf": [{"type": "ImagingStudy", "identifier": {"value": entry["examination"]}}],
        "derivedFrom": [{"type": "Media", "display": entry["image"]}],
        "valueQuantity": _quantity(value["value"], value["unit"]),
    }
    ends = [(f"{end} end of the interval", value[end]) for end in ("low", "high") if value.get(end) is not None]
    if ends:
        observation["component"] = [
            {"code": {"text": said}, "valueQuantity": _quantity(end, value["unit"])} for said, end in ends
        ]
    notes = ["Measured by software for research; not a medical device.", *entry["flags"]]
    notes += [f"Callipers as in {entry['convention']}."] if "convention" in entry else []
    return observation | {"note": [{"text": note} for note in notes]}


def _quantity(value: float, ucum: str) -> dict:
    return {"value": value, "unit": ucum, "system": "http://unitsofmeasure.org", "code": ucum}
