"""The recipes that a run may train, as its configuration changes them."""

from __future__ import annotations

from pathlib import Path

from fetal_biometry.configuration import Config
from fetal_biometry.errors import InputError
from fetal_biometry.recipe import Recipe, find_recipe, read_recipe

ABLATION = "ablation_"  # with which the names of the ablation's recipes begin


def read_recipes(config: Config, folders: list[Path]) -> dict[str, Recipe]:
    """Every recipe that the run may train, by name: the reported one with the configuration's seed and epochs.

    Raises
    ------
    InputError
        As of `recipe.read_recipe`; two recipes of one name; a recipe that does not fit the configuration.
    """
    steps = sorted({path.stem for folder in folders for path in folder.glob(f"{ABLATION}*.yaml")})
    files: dict[str, Path] = {}
    for name in [config.recipe, config.audit_recipe, *config.compare, *steps]:
        path = find_recipe(name, folders)
        if files.setdefault(path.stem, path).resolve() != path.resolve():
            raise InputError(f"recipe: {path} and {files[path.stem]} would share a folder of results; rename one.")
    recipes = {name: _fitted(config, name, path, folders) for name, path in files.items()}
    audit, reported = (recipes[Path(name).stem] for name in (config.audit_recipe, config.recipe))
    repairs = audit.noisy_labels.policy == "repair"  # by the points of an audit
    if audit.network.kind != "heatmap" or not audit.augmentation or repairs:
        raise InputError(
            f"audit_recipe {config.audit_recipe}: networks that audit labels need network.kind heatmap, augmentation, "
            "and another noisy_labels.policy than repair."
        )
    audited = config.audit_method == "out_of_fold" or config.given_model
    if reported.noisy_labels.policy == "repair" and not audited:
        raise InputError(
            f"recipe {config.recipe}: noisy_labels.policy repair takes the points of out-of-fold networks; set "
            "audit_method: out_of_fold."
        )
    return recipes


def _fitted(config: Config, name: str, path: Path, folders: list[Path]) -> Recipe:
    """A recipe with what the configuration says of its training."""
    recipe = read_recipe(str(path), folders)
    changes = {"device": config.device} if config.device != "auto" else {}
    if name == Path(config.recipe).stem:
        changes |= {key: value for key in ("seed", "epochs") if (value := getattr(config, key)) is not None}
    if config.image_size % recipe.deepest:
        raise InputError(
            f"recipe {name}: image_size {config.image_size} is no multiple of {recipe.deepest}; set image_size to one."
        )
    return recipe.model_copy(update={"training": recipe.training.model_copy(update=changes)})
