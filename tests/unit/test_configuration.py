"""Settings, recipes and limits: what is wrong is refused in one line, with the key and the nearest name."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from fetal_biometry.configuration import RENAMED, Config, read_config
from fetal_biometry.data.formats import FORMATS
from fetal_biometry.errors import InputError
from fetal_biometry.limits import read_limits
from fetal_biometry.measure.growth import CHARTS
from fetal_biometry.problems import field_names
from fetal_biometry.recipe import Recipe, merge, read_reading, read_recipe, read_training_recipe
from fetal_biometry.run_recipes import ABLATION, read_recipes

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "recipes"
NAMES = sorted(path.stem for path in RECIPES.glob("*.yaml"))
# of version 0.1.0 that are no settings any more
OLD_KEYS = re.findall(
    r"\w+",
    """experiment max_epochs kind precision batch_size learning_rate schedule weight_decay weight_average loss sigma_px
    stride stem_stride width depth batch_norm transposed grey_scaling keep_epoch cross_fit suspects suspect_weight
    repair_confidence teach_from teach_confidence mask_weight strangers strangers_drawn strangers_judged decoder
    reflections correct arithmetic closeup zooms second_opinion augmentation experiments ablation audit audit_networks
    audit_rounds cache_size interval_assurance bench""",
)


def refuse(read, *words):
    """Whatever is read is refused in one line that holds these words."""
    with pytest.raises(InputError) as refused:
        read()
    message = str(refused.value)
    assert "\n" not in message and all(word in message for word in words), message


def given(**values):
    return lambda: read_config(values)


def test_config_yaml_shows_at_most_25_settings_with_their_defaults():
    shown = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    assert len(shown) <= 25
    defaults = Config().model_dump(mode="json")
    assert {key: defaults[key] for key in shown} == shown
    assert read_config(shown) == Config()


@pytest.mark.parametrize("overlay", sorted((ROOT / "datasets").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_overlays_are_valid(overlay):
    config = read_config(yaml.safe_load(overlay.read_text(encoding="utf-8")))
    assert {config.reported, *config.compare} <= set(read_recipes(config, [RECIPES]))


def test_an_empty_setting_has_its_default():
    assert read_config({"seed": None, "epochs": None, "shards": None}) == Config()


@pytest.mark.parametrize("setting, registry", [("dataset", FORMATS), ("growth_chart", CHARTS)])
def test_a_setting_offers_what_its_registry_holds_and_refuses_the_rest(setting, registry):
    assert all(getattr(read_config({setting: name}), setting) == name for name in registry)
    refuse(given(**{setting: "hc_18"}), setting, "'hc_18'", *map(repr, registry))


def test_the_dataset_and_the_run_s_name_are_decided():
    assert (Config().data, Config().run_name, Config().reported) == ("phantom", "phantom", "heatmap")
    images = Config(images="folder")
    assert (images.data, images.run_name, images.reported) == ("images", "images", "given_model")
    beside = Config(images="folder", dataset="hc18", run="mine", recipe="recipes/keep.yaml")
    assert (beside.data, beside.run_name, beside.reported) == ("hc18", "mine", "keep")
    assert Config(dataset="hc18", model="a.onnx").reported == "given_model"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("epoch", 3, ["did you mean 'epochs'"]),
        ("growthchart", "hadlock", ["did you mean 'growth_chart'"]),
        ("xyzzy", 3, ["there is no setting 'xyzzy'."]),
        ("epochs", "many", ["'many'", "valid integer"]),
        ("epochs", 0, ["greater than or equal to 1"]),
        ("seed", "one", ["'one'", "valid integer"]),
        ("seed", True, ["True", "valid integer"]),
        ("seed", 1.5, ["1.5", "valid integer"]),
        ("shards", 0, ["0", "greater than or equal to 1"]),
        ("interval_level", 1.5, ["1.5", "less than 1"]),
        ("outside_tolerance", float("nan"), ["nan", "finite"]),
        ("on_bad_image", "ignore", ["'ignore'", "'stop' or 'quarantine'"]),
        ("calliper", "inner", ["'inner'", "outer_to_outer"]),
        ("report_compares", True, ["True", "'ablation'"]),
        ("flags", "sometimes", ["'sometimes'", "boolean"]),
        ("run", "../elsewhere", ["'../elsewhere'"]),
        ("run", 20240501, ["20240501", "valid string", "quotes"]),  # what YAML makes of run: 2024_05_01
        ("device", "gpu", ["'gpu'", "cuda"]),
        ("data_root", "", ["''"]),
        ("download_url", "zenodo.org", ["'zenodo.org'", "http"]),
        ("pixel_sizes", [0.1], ["[0.1]", "number"]),
        ("pixel_sizes", True, ["True", "number"]),
        ("pixel_sizes", 0, ["0", "millimetres"]),
        ("compare", "direct", ["'direct'", "list"]),
        ("compare", [], ["at least 1"]),
        ("compare", ["direct", "direct"], ["twice"]),
        ("examination_pattern", "([)", ["not a regular expression"]),
        ("examination_pattern", r"\(x\)", ["no group"]),
    ],
)
def test_a_wrong_key_or_value_is_refused(key, value, words):
    refuse(given(**{key: value}), key, *words)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"validation_fraction": 0.6, "test_fraction": 0.5}, ["test_fraction", "no examination to train on"]),
        ({"report_compares": "ablation", "model": "a.onnx"}, ["report_compares", "where a model is given"]),
        ({"report_compares": "compare", "images": "folder"}, ["report_compares", "where a model is given"]),
        ({"report_compares": "compare", "recipe": "keep"}, ["report_compares", "keep", "add it there"]),
        ({"audit_method": "out_of_fold", "recipe": "audit"}, ["audit_recipe audit", "of its own"]),
        ({"audit_method": "out_of_fold", "compare": ["heatmap", "recipes/audit.yaml"]}, ["audit_recipe audit"]),
    ],
)
def test_settings_that_do_not_go_together_are_refused(values, words):
    refuse(given(**values), *words)


def test_the_audit_s_recipe_may_be_trained_where_networks_do_not_audit_and_measured_with_a_given_model():
    assert given(recipe="audit")().reported == "audit"
    assert given(recipe="audit", audit_method="out_of_fold", model="a.onnx")().given_model


def test_an_audit_s_networks_train_on_labels_that_geometry_judged():
    config = Config(audit_method="out_of_fold")
    assert [config.labels_of(name) for name in ("heatmap", "audit")] == ["reviewed", "labels"]
    assert Config().labels_of("heatmap") == "labels"


@pytest.mark.parametrize("key", OLD_KEYS)
def test_a_key_of_the_first_version_is_answered_with_its_place(key):
    assert key not in Config.model_fields
    refuse(given(**{key: 1}), f"{key} is a ", RENAMED.get(key, f".{key}" if key != "augmentation" else "recipes"))


def test_limits_in_the_configuration_are_sent_to_their_file():
    refuse(given(flags={"hc_low_mm": 30}), "flags", "limits.yaml")
    assert not read_config({"flags": False}).flags


def test_the_places_of_old_keys_exist():
    places = {place.split()[0] for place in RENAMED.values()} - {"nothing,", "a", "the", "bench.yaml"}
    assert places <= {*Config.model_fields, *field_names(Recipe)}


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_file_is_valid(name, tmp_path):
    recipe = read_recipe(name, [RECIPES])
    for kind, values in (("training", recipe.training_part()), ("reading", recipe.reading.model_dump())):
        (tmp_path / f"{kind}.yaml").write_text(yaml.safe_dump(values))
    assert read_training_recipe(tmp_path / "training.yaml").model_dump() == recipe.training_part()
    assert read_reading(tmp_path / "reading.yaml") == recipe.reading


def test_each_step_of_the_ablation_differs_from_the_one_before_and_the_last_is_the_default_recipe():
    steps = [name for name in NAMES if name.startswith(ABLATION)]
    recipes = [read_recipe(name, [RECIPES]).model_dump() for name in steps]
    assert len(steps) >= 2 and all(one != other for one, other in pairwise(recipes))
    assert recipes[0] == read_recipe("baseline", [RECIPES]).model_dump()
    default = read_recipe("heatmap", [RECIPES]).model_dump()
    default["training"]["epochs"] = recipes[-1]["training"]["epochs"]  # all steps train as long as the baseline
    assert recipes[-1] == default


def test_the_reported_recipe_alone_takes_seed_and_epochs_of_the_configuration():
    config = Config(recipe="baseline", seed=7, epochs=3, device="cpu")
    recipes = read_recipes(config, [RECIPES])
    assert set(recipes) >= {
        "baseline",
        "audit",
        *config.compare,
        *(name for name in NAMES if name.startswith(ABLATION)),
    }
    own = {name: read_recipe(name, [RECIPES]).training for name in recipes}
    for name, recipe in recipes.items():
        changed = {"seed": 7, "epochs": 3} if name == "baseline" else {}
        assert recipe.training == own[name].model_copy(update={"device": "cpu", **changed})


@pytest.fixture
def recipe(tmp_path):
    """Writes a recipe file, from the default one unless told otherwise, and reads it."""

    def write(text, name="mine", extends="extends: heatmap\n"):
        (tmp_path / f"{name}.yaml").write_text(extends + text, encoding="utf-8")
        return lambda: read_recipe(name, [tmp_path, RECIPES])

    return write


def test_a_recipe_says_what_it_changes(recipe):
    recipe("augmentation: null\ntraining: {epochs: 5}\n")
    changed = recipe("training: {batch_size: 4}\n", "other", "extends: mine\n")()
    default = read_recipe("heatmap", [RECIPES])
    training = default.training.model_copy(update={"epochs": 5, "batch_size": 4})
    assert changed == default.model_copy(update={"augmentation": None, "training": training})


def test_blocks_are_merged_key_by_key():
    assert merge({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"c": 4}, "d": {"e": 5}}) == {
        "a": {"b": 1, "c": 4}, "d": {"e": 5},
    }  # fmt: skip
    assert merge({"a": {"b": 1}}, {"a": None}) == {"a": None} and merge({"a": None}, {"a": {"b": 1}}) == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("netwrok: {depth: 2}\n", ["'netwrok'", "did you mean 'network'"]),
        ("training: {batchsize: 4}\n", ["'training.batchsize'", "did you mean 'training.batch_size'"]),
        ("reading: {batch_size: 4}\n", ["'reading.batch_size'", "did you mean 'training.batch_size'"]),
        ("epochs: 4\n", ["'epochs'", "did you mean 'training.epochs'"]),
        ("training: {epochs: many}\n", ["training.epochs", "'many'", "valid integer"]),
        ("training: {batch_size: 1}\n", ["training.batch_size", "greater than or equal to 2"]),
        ("training: {sigma_px: -1}\n", ["training.sigma_px", "-1"]),
        ("network: {batch_norm: 3}\n", ["network.batch_norm", "boolean"]),
        ("network: {stem_stride: 3}\n", ["network.stem_stride", "1, 2 or 4"]),
        ("network: 3\n", ["network is 3"]),
        ("augmentation: {flip: 2}\n", ["augmentation.flip", "less than or equal to 1"]),
        ("network: {stride: 16, depth: 2}\n", ["network.stride 16", "[2, 4, 8]", "stem_stride and depth"]),
        ("network: {head_mask: false}\n", ["reading.decoder fused", "network.head_mask"]),
        ("training: {mask_weight: 0}\n", ["network.head_mask", "training.mask_weight"]),
        ("network: {kind: direct}\n", ["reading.decoder fused"]),
        (
            "network: {head_mask: false}\nreading: {decoder: paired}\n",
            ["reading.test_time_augmentation", "none"],
        ),
        (
            "network: {head_mask: false}\nreading: {decoder: paired, test_time_augmentation: none}\n",
            ["reading.closer_views", "[]"],
        ),
        (
            "network: {kind: direct, head_mask: false}\n"
            "reading: {decoder: argmax, test_time_augmentation: none, closer_views: [], arithmetic: int8}\n",
            ["reading.arithmetic int8", "network.kind heatmap"],
        ),
        ("[1, 2]\n", ["cannot be read"]),
        ("training: [\n", ["cannot be read"]),
    ],
)
def test_a_wrong_recipe_is_refused(recipe, text, words):
    refuse(recipe(text), "mine.yaml", *words)


def test_a_recipe_file_that_is_none_is_refused(recipe, tmp_path):
    refuse(recipe("- 1\n", extends=""), "mine.yaml", "no names with values")
    refuse(recipe("training: {epochs: 3}\n", extends=""), "mine.yaml", "network is missing")
    refuse(recipe("extend: heatmap\n", extends=""), "mine.yaml", "'extend'", "did you mean 'extends'")
    (tmp_path / "mine.yaml").write_bytes(b"\xff\xfe")
    refuse(lambda: read_recipe("mine", [tmp_path]), "mine.yaml", "cannot be read")
    refuse(lambda: read_recipe(str(tmp_path / "gone.yaml"), []), "gone.yaml", "cannot be read")


def test_a_recipe_extends_one_that_is_there_and_not_itself(recipe):
    refuse(recipe("", extends="extends: heatmp\n"), "mine.yaml, extends", "'heatmp'", "did you mean 'heatmap'")
    refuse(recipe("", extends="extends: [heatmap]\n"), "mine.yaml, extends", "['heatmap']")
    recipe("", "other", "extends: mine\n")
    refuse(recipe("", "mine", "extends: other\n"), "mine.yaml", "extends itself by way of other.yaml")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"recipe": "heatmp"}, ["'heatmp'", "did you mean 'heatmap'", "keep, repair"]),
        ({"compare": ["resnet"]}, ["'resnet'", "keep, repair"]),
        ({"audit_recipe": "audits"}, ["'audits'", "did you mean 'audit'"]),
        ({"image_size": 250}, ["image_size 250", "multiple of 32"]),
        ({"recipe": "repair"}, ["repair", "audit_method: out_of_fold"]),
        ({"audit_recipe": "repair", "audit_method": "out_of_fold"}, ["audit_recipe repair", "noisy_labels.policy"]),
        ({"audit_recipe": "direct"}, ["audit_recipe direct", "network.kind heatmap"]),
        ({"audit_recipe": "baseline"}, ["audit_recipe baseline", "augmentation"]),
    ],
)
def test_recipes_that_do_not_fit_the_configuration_are_refused(values, words):
    refuse(lambda: read_recipes(Config(**values), [RECIPES]), *words)


def test_a_given_model_needs_no_audit():
    assert "repair" in read_recipes(Config(recipe="repair", model="a.onnx"), [RECIPES])


def test_two_recipes_never_share_a_folder(recipe, tmp_path):
    recipe("", "heatmap", f"extends: {RECIPES / 'heatmap.yaml'}\n")
    other = str(tmp_path / "heatmap.yaml")
    refuse(lambda: read_recipes(Config(recipe=other), [RECIPES]), "heatmap.yaml", "rename")
    assert read_recipes(Config(recipe=str(RECIPES / "heatmap.yaml"), seed=7), [RECIPES])["heatmap"].training.seed == 7
    recipe("", "my recipe")
    refuse(lambda: read_recipes(Config(recipe=str(tmp_path / "my recipe.yaml")), [RECIPES]), "my recipe.yaml", "rename")


@pytest.fixture
def limits(tmp_path):
    """Writes the limits with a change, and reads them."""

    def write(change):
        values = yaml.safe_load((ROOT / "limits.yaml").read_text(encoding="utf-8"))
        change(values)
        (tmp_path / "limits.yaml").write_text(yaml.safe_dump(values))
        return lambda: read_limits(tmp_path / "limits.yaml")

    return write


def test_the_limits_are_those_of_the_file(limits):
    values = yaml.safe_load((ROOT / "limits.yaml").read_text(encoding="utf-8"))
    read = read_limits(ROOT / "limits.yaml")
    for block, entries in values.items():
        assert {key: getattr(getattr(read, block), key) for key in entries} == entries
    assert limits(lambda values: None)() == read


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda values: values["flags"].update(angel_deg=3), ["flags.angel_deg", "did you mean 'flags.angle_deg'"]),
        (lambda values: values.update(flag={}), ["'flag'", "did you mean 'flags'"]),
        (lambda values: values["audit"].pop("angle_deg"), ["audit.angle_deg is missing"]),
        (lambda values: values.pop("flags"), ["flags is missing"]),
        (lambda values: values.update(audit=None), ["audit is None"]),
        (lambda values: values["audit"].update(angle_deg="20 degrees"), ["audit.angle_deg", "'20 degrees'", "number"]),
        (lambda values: values["audit"].update(angle_deg=True), ["audit.angle_deg", "True", "number"]),
        (lambda values: values["audit"].update(angle_deg=0), ["audit.angle_deg", "greater than 0"]),
        (lambda values: values["audit"].update(longest_ratio=0.9), ["audit.longest_ratio", "0.9"]),
        (lambda values: values["audit_networks"].update(disagreement=0), ["audit_networks.disagreement", "0"]),
        (lambda values: values["flags"].update(confidence=35), ["flags.confidence", "35", "less than or equal to 1"]),
        (lambda values: values["flags"].update(border_px=-1), ["flags.border_px", "-1"]),
        (lambda values: values["flags"].update(border_px=float("nan")), ["flags.border_px", "nan"]),
        (lambda values: values["flags"].update(hc_low_mm=500), ["flags", "hc_low_mm is not below hc_high_mm"]),
        (lambda values: values["flags"].update(cephalic_index_high=0.5), ["cephalic_index_low is not below"]),
    ],
)
def test_wrong_limits_are_refused(limits, change, words):
    refuse(limits(change), "limits.yaml", *words)
