"""What a report of a labelled run says in words, from its metrics."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from fetal_biometry.measure.flags import NO_HEAD
from fetal_biometry.report.wording import LENGTH_NAMES, count, many, number, percent, span
from fetal_biometry.terms import Split

WONG = "BPDoo = 0.5559 + 1.0273 BPDoi"  # in mm
_NO_HEAD = f"#images?{urlencode({'split': Split.TEST, 'flag': NO_HEAD})}"
NOISY_LABELS = {  # what training did with labels that are not valid, by policy
    None: "",
    "drop": "Training left them out.",
    "keep": "Training took them as they are.",
    "repair": "Training replaced them by confident points of out-of-fold networks, and left out the rest.",
}


@dataclass(frozen=True)
class Note:
    """Something to know: a short title, what it means, and an address on the page where more stands."""

    id: str
    title: str
    text: str = ""
    link: str = ""


def result(metrics: dict) -> str:
    """The run's result in a sentence or two."""
    unit, headline = metrics["unit"], metrics["splits"].get("test", {}).get("all")
    reference = metrics["reference"]
    said = []
    if headline:
        errors = ", ".join(
            f"{length.upper()} {number(headline[length]['mae'])}\u00a0{unit} ({span(headline[length], 'mae')})"
            for length in LENGTH_NAMES
        )
        images = f"{many(headline['n'], 'test image')} of {many(headline['examinations'], 'examination')}"
        unseen = metrics["model"]["kind"] != "external" or metrics["model"]["knows_seen"]
        training = "that the model was not trained on" if unseen else "that the model may have been trained on"
        said.append(f"Mean error (95 % interval): {errors}, on {images} {training}.")
    if reference:
        model, labels = (reference[who]["all"]["hc"]["mae"] for who in ("model", "labels"))
        against = f"{number(model)}\u00a0{unit} of the model, {number(labels)}\u00a0{unit} of the labels"
        said.append(f"Mean HC error against the independent reference: {against}.")
    if not said:
        said.append("No test image has a valid label, so no error can be given.")
    return " ".join(said)


def facts(metrics: dict, to_check: int, quarantined: int) -> list[Note]:
    """What a reader has to know at once, each with the place that shows more."""
    labels, seen = metrics["labels"], metrics["model"]["test_images_seen"]
    missed = metrics["without_head"].get(Split.TEST, 0)
    noisy = labels["invalid"] + labels["questionable"]
    found = [
        (to_check, "to-check", f"{many(to_check, 'image')} to check", "#images?flag=*"),
        (noisy, "labels-left-out", f"{count(noisy)} of {count(labels['labelled'])} labels not valid", "#noisy-labels"),
        (missed, "missed", f"no head found on {many(missed, 'test image')}, not counted", _NO_HEAD),
        (quarantined, "could-not-be-used", f"{many(quarantined, 'image')} could not be used", "#quarantine"),
        (seen, "seen", f"{many(seen, 'more test image')} not counted: the model was trained on their examinations", ""),
    ]
    return [Note(name, text, link=link) for n, name, text, link in found if n]


def notices(metrics: dict, shown_unit: str) -> list[Note]:
    """What a reader has to know about labels and pixel sizes."""
    labels, found = metrics["labels"], []
    if shown_unit == "px":
        found.append(Note("no-pixel-sizes", "No pixel sizes.", "Lengths are in pixels of the original images."))
    elif metrics["unit"] == "px":
        text = "All errors are therefore in pixels of the original images."
        found.append(Note("some-pixel-sizes", "Some pixel sizes are missing.", text))
    found += convention_notes(metrics["model"])
    if labels["names_swapped"]:
        text = "The landmark table calls the short axis OFD. On this page OFD is the long axis."
        found.append(Note("names-swapped", "Landmark names were swapped.", text))
    if noisy := labels["invalid"] + labels["questionable"]:
        found.append(Note("noisy-labels", _noisy_title(labels, noisy), _noisy_text(metrics)))
    if metrics["unit"] == "mm" and metrics["calliper"] == "outer_to_inner":
        text = f"It is converted to outer-to-outer by {WONG} (Wong et al. 2018)."
        found.append(Note("converted", "The labels’ BPD is outer-to-inner.", text))
    return found


def convention_notes(model: dict) -> list[Note]:
    """That lengths follow a site's callipers, by which factors; nothing where they are the model's own."""
    convention = model.get("convention")
    if not convention:
        return []
    whose = "of the site" if convention == "site" else convention.replace("_", "-")
    bpd, ofd = (number(model[f"{length}_factor"], 3) for length in ("bpd", "ofd"))
    text = f"BPD × {bpd}, OFD × {ofd}. Ages and centiles come from the model’s own lengths."
    return [Note("site-convention", f"Lengths in the convention {whose}.", text)]


def _noisy_title(labels: dict, noisy: int) -> str:
    share = percent(noisy / labels["labelled"], 1)
    return f"{count(noisy)} of {many(labels['labelled'], 'label')} ({share}) are not valid."


def _noisy_text(metrics: dict) -> str:
    labels = metrics["labels"]
    parts = [f"{count(labels['invalid'])} invalid, {count(labels['questionable'])} questionable."]
    if labels["questionable"]:
        parts.append("A questionable label’s points lie on the head, but are not the ends of its axes.")
    parts += ["Errors against labels leave them out.", NOISY_LABELS[metrics["model"]["noisy_labels"]]]
    if labels["reasons"]:
        reasons = ", ".join(f"{reason} ({count(n)})" for reason, n in labels["reasons"].items())
        parts.append(f"Reasons: {reasons}.")
    return " ".join(filter(None, parts))


def limits_of_use(metrics: dict) -> list[str]:
    """What the numbers do not say."""
    said = ["For research only. Not a medical device; do not base care on these numbers."]
    if metrics["splits"].get("test"):
        said.append(
            "The errors hold for images like those of this dataset: its scanners, operators, planes and gestational "
            "ages. Images of another clinic can be measured worse."
        )
    calliper = metrics["calliper"].replace("_", "-")
    return [
        *said,
        "An outer-to-inner BPD is one skull wall shorter than an outer-to-outer one. Check that the labels are "
        f"{calliper}, and which BPD a growth chart expects (Hadlock’s: outer-to-inner).",
        "The program does not check whether an image shows the standard plane. A length in mm is only as accurate as "
        "the pixel size.",
    ]
