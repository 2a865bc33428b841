"""What a target needs of the configuration, refused in one line where it is not there."""

import re

import pytest

from fetal_biometry.configuration import Config
from fetal_biometry.errors import InputError
from fetal_biometry.run_inputs import figures_of_card, lengths_of_site, refuse_unusable


def refused(words: str):
    return pytest.raises(InputError, match=re.escape(words))


def test_a_path_with_braces_cannot_stand_in_a_rule(tmp_path):
    refuse_unusable(Config(), "", tmp_path)
    with refused("{scans}"):
        refuse_unusable(Config(data_root="{scans}"), "", tmp_path)


def test_files_that_the_configuration_names_exist(tmp_path):
    with refused("gone.onnx"):
        refuse_unusable(Config(), str(tmp_path / "gone.onnx"), tmp_path)
    saved = tmp_path / "corrections.csv"
    config = Config(images="scans", corrections=str(saved))
    with refused("corrections.csv"):
        refuse_unusable(config, "", tmp_path)
    saved.touch()
    refuse_unusable(config, "", tmp_path)


def test_a_site_s_calibration_needs_its_lengths(tmp_path):
    with refused("site_lengths=FILE"):
        lengths_of_site(Config())
    table = tmp_path / "lengths.csv"
    with refused("lengths.csv"):
        lengths_of_site(Config(images="scans", site_lengths=str(table)))
    table.touch()
    assert lengths_of_site(Config(images="scans", site_lengths=str(table))) == str(table)


def test_a_rebuilt_model_is_set_beside_the_card_of_its_dataset_and_split(tmp_path):
    (tmp_path / "hc18.json").touch()
    with refused("dataset phantom"):
        figures_of_card(Config(), tmp_path)
    config = Config(dataset="hc18", split="published_if_present", split_file="split.csv", data_root=str(tmp_path))
    with refused("published split"):
        figures_of_card(config, tmp_path)
    (tmp_path / "split.csv").touch()
    assert figures_of_card(config, tmp_path) == str(tmp_path / "hc18.json")
