"""The model card holds the figures of the run, and a rebuilt model is compared with the pretrained one."""

import json
from pathlib import Path

import pandas as pd
import pytest

from fetal_biometry.digests import check_model
from fetal_biometry.errors import InputError
from fetal_biometry.report.card_comparison import compare_to_card
from fetal_biometry.report.elsewhere import TABLE
from fetal_biometry.report.model_card import write_card
from fetal_biometry.terms import LENGTHS

PRETRAINED = Path(__file__).parents[2] / "resources" / "models" / "hc18.json"
SHA256 = "5" * 64
RECIPE = {
    "network": {"head_presence": True},
    "training": {"seed": 1, "epochs": 30},
    "augmentation": {"flip": 0.5},
    "reading": {"correct_bias": True, "arithmetic": "int8"},
}
DATA = {"image_size": 256, "split_seed": 7}


@pytest.fixture
def metrics(labelled_run):
    return labelled_run.metrics


def card_of(metrics: dict) -> str:
    return write_card("hc18", metrics, RECIPE, DATA, SHA256).replace("\u00a0", " ")


def test_it_gives_each_length_of_each_band_with_n_interval_and_flags(metrics):
    card = card_of(metrics | {"dataset": "hc18"})
    rows = [line for line in card.splitlines() if line.startswith(("| all |", "| HC "))]
    test, reference = metrics["splits"]["test"], metrics["reference"]["model"]
    judged = sum(len(set(LENGTHS) & set(test[band])) for band in test if band != "with_invalid")
    assert len(rows) == judged + sum(len(set(LENGTHS) & set(reference[band])) for band in reference)
    hc = next(row for row in rows if row.startswith("| all | HC |"))
    assert f"| {test['all']['n']} | {test['all']['hc']['mae']:.2f} (" in hc and hc.count("|") == 10
    assert "| −3.1 % (−3.8 % to −2.6 %), 2.8 % (2.2 % to 3.4 %) |" in hc and "91 %" in hc
    assert hc.count("(0.0–9.0 %)") == 2 and card.count("0.021 (0.018–0.025)") == 2
    assert f"sha256 `{SHA256}`" in card and "CC BY 4.0" in card
    assert "| `augmentation.flip` | `0.5` |" in card and "| `split_seed` | `7` |" in card
    assert "| BPD | 23 | 0.9 % (0.6 % to 1.2 %) | 1.6 % (1.1 % to 2.1 %) |\n" in card
    assert "0.61 (0.42–0.80) mm.\n" in card
    assert "HC < 120 mm" in card and "&lt;" not in card and "\n\n\n" not in card


def test_the_check_of_a_model_finds_the_cards_digest(metrics, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"another model")
    (tmp_path / "model_card.md").write_text(card_of(metrics), encoding="utf-8")
    with pytest.raises(InputError, match="sha256"):
        check_model(tmp_path / "model.onnx")


def test_what_is_known_out_of_fold_stands_beside_the_test_images(metrics):
    test = metrics["splits"]["test"] | {"hc_over_200": metrics["splits"]["test"]["all"]}
    small = {"splits": {"test": {"all": test["all"]}}, "reference": {}}
    card = card_of(metrics | small | {"out_of_fold": test})
    assert card.count("| all | HC |") == 2 and card.count("| HC > 200 mm | HC |") == 1
    assert card_of(metrics | small).count("| all | HC |") == 1
    card = card_of(metrics | small | {"out_of_fold": test, "splits": {}})
    assert card.count("| all | HC |") == 1 and "| HC > 200 mm | HC |" in card


def test_without_test_images_it_has_no_figures(metrics):
    card = card_of(metrics | {"splits": {}, "reference": {}})
    assert "| all |" not in card and "\n\n\n" not in card


def test_recipes_differ_in_their_cards(metrics):
    def written(recipe=RECIPE, **model):
        return write_card("hc18", metrics | {"model": metrics["model"] | model}, recipe, DATA, SHA256)

    plain = RECIPE | {"network": {"head_presence": False}, "reading": {"correct_bias": False, "arithmetic": "float32"}}
    cards = [
        written(),
        written(plain),
        written(calibrate_on="out_of_fold"),
        written(keep="last"),
        written(kind="direct"),
    ]
    assert len({card.split("## Recipe")[0] for card in cards}) == len(cards)


def test_a_rebuilt_model_is_compared_with_the_pretrained_one(metrics):
    pretrained = json.loads(PRETRAINED.read_text(encoding="utf-8"))
    table = compare_to_card(pretrained, pretrained).set_index(["length", "figure"])
    assert (table["rebuilt"] == table["pretrained"]).all()
    mae = table.loc[("hc", "mae")]
    assert mae["pretrained_low"] < mae["pretrained"] < mae["pretrained_high"]
    table = compare_to_card(metrics, pretrained).set_index(["length", "figure"])
    assert table.loc[("bpd", "nme"), "rebuilt"] == metrics["splits"]["test"]["all"]["endpoint"]["bpd"]["nme"]
    with pytest.raises(InputError):
        compare_to_card(metrics | {"splits": {}}, pretrained)


def test_other_centres_stand_beside_the_test_images(metrics):
    shares = [("whole heads", "passed", 13, 12), ("negatives", "passed", 67, 1), ("negatives", "with_length", 67, 5)]
    rows = [("Egypt", images, "", figure, n, count, count / n, 0.0, 1.0) for images, figure, n, count in shares]
    rows.append(("Egypt", "heads", "mask", "hc_ratio", 9, None, 0.98, 0.95, 1.01))
    table = pd.DataFrame(rows, columns=list(TABLE))
    card = write_card("hc18", metrics, RECIPE, DATA, SHA256, table)
    assert "| Egypt | 12 of 13 | 1 of 67 | 5 of 67 | 0.980 (0.950 to 1.010) of mask, n = 9 |" in card
    assert "Egypt" not in card_of(metrics)
