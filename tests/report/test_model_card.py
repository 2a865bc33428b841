"""The model card holds the figures of the run, and a rebuilt model is set beside the shipped one."""

import pytest

from compare_to_card import compare
from write_model_card import write_card

SHA256 = "5" * 64
SETTINGS = {
    "image_size": 256, "seed": 1, "epochs": 30, "correct": True, "arithmetic": "int8", "augmentation": {"flip": 0.5},
}  # fmt: skip


@pytest.fixture
def metrics(labelled_run):
    return labelled_run.metrics


def test_it_gives_each_length_of_each_band_with_n_interval_and_flags(metrics):
    card = write_card("hc18", metrics | {"dataset": "hc18"}, SETTINGS, SHA256)
    rows = [line for line in card.splitlines() if line.startswith(("| all |", "| HC "))]
    test = metrics["splits"]["test"]
    judged = sum(len({"bpd", "ofd", "hc"} & set(test[band])) for band in test if band != "with_suspects")
    reference = metrics["reference"]["model"]
    assert len(rows) == judged + sum(len({"bpd", "ofd", "hc"} & set(reference[band])) for band in reference)
    hc = next(row for row in rows if row.startswith("| all | HC |"))
    assert f"| {test['all']['n']} | {test['all']['hc']['mae']:.2f} (" in hc
    assert (
        "| −3.1\u00a0% (−3.8\u00a0% to −2.6\u00a0%), 2.8\u00a0% (2.2\u00a0% to 3.4\u00a0%) |" in hc
        and "91\u00a0%" in hc
    )
    assert hc.count("(0.0–9.0\u00a0%)") == 2 and "0.021 (0.018–0.025) BPD" in card
    assert f"sha256 `{SHA256}`" in card
    assert "CC BY 4.0" in card and "Not a medical device" in card
    assert "| `augmentation.flip` | `0.5` |" in card
    assert (
        "BPD 0.9\u00a0% (0.6\u00a0% to 1.2\u00a0%) the model's, 1.6\u00a0%" in card and "the labels', 23 pairs." in card
    )
    assert "off from the test images' labels by 0.61 (0.42–0.80) mm of BPD.\n" in card
    assert "HC < 120 mm" in card and "&lt;" not in card and "\n\n\n" not in card


def test_what_is_known_out_of_fold_stands_beside_the_test_images(metrics):
    test = metrics["splits"]["test"] | {"hc_over_200": metrics["splits"]["test"]["all"]}
    small = {"splits": {"test": {"all": test["all"]}}, "unit": "mm", "reference": {}}
    card = write_card("hc18", metrics | small | {"out_of_fold": test}, SETTINGS, SHA256)
    assert f"Out of fold: the {test['all']['n']} images that taught it" in card and card.count("| all | HC |") == 2
    assert "of late heads only what follows out of fold is known" in card and card.count("In brackets") == 1
    card = write_card("hc18", metrics | small, SETTINGS, SHA256)
    assert "out of fold" not in card.lower() and "nothing is known of late heads" in card
    card = write_card("hc18", metrics | small | {"out_of_fold": test, "splits": {}}, SETTINGS, SHA256)
    assert "nothing is known of its errors but out of fold" in card and card.count("In brackets") == 1


def test_it_says_who_calibrates_and_whether_it_is_one_network(metrics):
    def write(**model):
        return write_card("hc18", metrics | {"model": metrics["model"] | model}, SETTINGS, SHA256)

    ensemble, one = write(cross_fit="ensemble", networks=4, closeup={"looks": 2}), write(cross_fit="calibrate")
    assert "The mean of 4 models" in ensemble and "2 times in a row" in ensemble
    assert "Two U-Nets" in one and "A U-Net" in write(closeup=None)
    assert "speak against a head" in write(closeup={"looks": 1, "finder": {"gate": True}}) and "speak" not in one
    assert "mean of" not in one and "weights of the last" in one
    for card in (ensemble, one):
        assert "that never saw its examination calibrate the intervals and correct the lengths' bias" in card
    assert "choose the epoch and calibrate the intervals" in write()


def test_without_test_images_it_says_so(metrics):
    card = write_card("mine", metrics | {"splits": {}, "reference": {}}, SETTINGS, SHA256)
    assert "nothing is known of its errors" in card and "| all |" not in card


def test_a_rebuilt_model_stands_beside_the_shipped_one(metrics):
    table = compare(metrics, metrics).set_index(["length", "figure"])
    assert (table["rebuilt"] == table["shipped"]).all()
    mae = table.loc[("hc", "mae")]
    assert mae["shipped_low"] < mae["shipped"] < mae["shipped_high"]
