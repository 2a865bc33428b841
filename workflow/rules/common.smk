"""What the rules share: settings, recipes and the plan, and functions that name a rule's inputs."""

import os
import re
import sys
from pathlib import Path

HOME = Path(os.path.relpath(workflow.current_basedir.get_path_or_uri(secret_free=True))).parents[1]  # also of a module
SCRIPTS = HOME / "workflow" / "scripts"
sys.path.append(str(SCRIPTS))

from fetal_biometry import plan as planning
from fetal_biometry.configuration import ABLATION, read_config, read_recipes
from fetal_biometry.data.splits import published
from fetal_biometry.digests import check_model
from fetal_biometry.errors import InputError, refuse
from fetal_biometry.imports import modules as modules_of
from fetal_biometry.limits import read_limits
from fetal_biometry.measure.site import read_site
from fetal_biometry.registry import registered
from fetal_biometry.terms import GIVEN_MODEL

try:
    CONFIG = read_config(config, workflow.config_settings.config_args, workflow.config_settings.config)
    planning.refuse_braces(Path.cwd(), HOME.resolve(), CONFIG.data_root, CONFIG.model)
    RECIPES = read_recipes(CONFIG, [Path("recipes"), HOME / "recipes"])
    RESULTS = f"results/{CONFIG.run_name}"
    WORK = f"{RESULTS}/work"
    PHANTOMS = f"{WORK}/phantoms"
    PRETRAINED = HOME / "resources" / "models"
    MODEL = (CONFIG.model or str(PRETRAINED / "hc18.onnx")) if CONFIG.given_model else ""
    if MODEL:
        check_model(MODEL)
    convention = read_site(CONFIG.site, MODEL)
    SITE = convention.model_dump() if convention else {}
    if CONFIG.corrections and not Path(CONFIG.corrections).is_file():
        raise InputError(f"corrections: {CONFIG.corrections} does not exist; save it from the page of measurements.")
    if workflow.is_main_process and not planning.locked(RESULTS):
        planning.refuse_earlier_clock()
        limits = read_limits(CONFIG.limits if Path(CONFIG.limits).is_file() else HOME / CONFIG.limits)
        PLAN = planning.write_plan(
            CONFIG, RECIPES, limits, Path(f"{WORK}/plan"), Path(PHANTOMS), Path("results/file_index.json")
        )
    else:  # a job, or a run beside another one
        PLAN = planning.read_plan(Path(f"{WORK}/plan"))
except (InputError, OSError) as error:  # such as of a full disk
    refuse(error)

LOGS = f"{WORK}/logs"
BENCHMARKS = f"{WORK}/benchmarks"
REPORTED = CONFIG.reported
LIMITS = f"{WORK}/plan/limits.{{}}.yaml"  # for each reader: audit, review, flags
CARD_FIGURES = str(PRETRAINED / f"{CONFIG.data}.json")  # of the pretrained model
STEPS = sorted(name for name in RECIPES if name.startswith(ABLATION))
COMPARED = {"compare": [Path(name).stem for name in CONFIG.compare], "ablation": STEPS}
EXPORTS = registered("measure.exports", "EXPORTS")
PREPARED = r"train|validation|test|images/\d+|planes"  # parts that the plan lists
ALL_CORES = 1000  # of which Snakemake gives as many as --cores allows
JUDGED_BY_NETWORKS = CONFIG.audit_method == "out_of_fold"
FOLDS = range(CONFIG.folds)
ELSEWHERE_NOTE = (
    "The model’s own classifier told heads; images of centres that taught it are not judged by others."
    if MODEL
    else "Each centre is judged by a classifier and limits that saw none of its images. No network was trained on them."
)
OTHERS = [*(["negatives"] if CONFIG.training_negatives else []), *(["planes"] if PLAN.planes else [])]


def modules(rule):
    """A rule's script and the modules that it imports."""
    return modules_of(SCRIPTS, rule)


def templates():
    """What the pages are made from."""
    files = (SCRIPTS / "fetal_biometry" / "report").rglob("*")
    return sorted(str(path) for path in files if path.suffix in (".j2", ".css", ".js"))


def parts(pattern, which="parts"):
    """An input function: the pattern's file for each part of the plan; refuses where the data is missing."""

    def files(wildcards):
        if PLAN.missing:
            refuse(PLAN.missing)
        return [pattern.format(part=part, **dict(wildcards)) for part in getattr(PLAN, which)]

    return files


def compared_files(name):
    """An input function: that file of each recipe that is compared."""

    def files(wildcards):
        return [f"{WORK}/{recipe}/{name}" for recipe in COMPARED[wildcards.kind]]

    return files


def compared_with(wildcards):
    """The recipe that the others are compared with: the reported one, where it is among them."""
    names = COMPARED[wildcards.kind]
    return REPORTED if REPORTED in names else names[-1]


def recipe_facts(wildcards):
    """A recipe's values as plain dicts; none of a given model."""
    return {} if wildcards.recipe == GIVEN_MODEL else RECIPES[wildcards.recipe].model_dump()


def data_facts():
    """What else another would have to set to make the model anew."""
    keys = ("split", "split_file", "split_seed", "split_folds", "split_fold", "validation_fraction", "test_fraction")
    keys += ("image_size", "calliper", "audit_method", "audit_recipe", "folds", "interval_level")
    return {key: CONFIG.model_dump(mode="json")[key] for key in keys}


def report_settings():
    """What the report's last section lists: settings and the reported recipe."""
    recipe = {} if MODEL else {"recipe_values": RECIPES[REPORTED].model_dump()}
    return CONFIG.model_dump(mode="json") | recipe


def labels(recipe):
    """The pattern of the audited labels that a recipe trains on: an audit's own networks know geometry alone."""
    reviewed = JUDGED_BY_NETWORKS and recipe != Path(CONFIG.audit_recipe).stem
    return f"{WORK}/audit/{'reviewed' if reviewed else 'labels'}/{{part}}.csv"


LABELS = labels(REPORTED)  # of everything but an audit's networks


def label_file(wildcards):
    return labels(wildcards.recipe).format(part=wildcards.part)


def is_out_of_fold(recipe):
    """Whether networks of folds calibrate the recipe's model."""
    return recipe != GIVEN_MODEL and RECIPES[recipe].training.calibrate_on == "out_of_fold"


def fold_files(recipe, part):
    """What the networks of a recipe's folds found in a part, a file a fold."""
    return [f"{WORK}/{recipe}/fold_{fold}/predicted/{part}.csv" for fold in FOLDS]


def audit_predictions(wildcards):
    """What the audit's networks found in a part's images, each in the fold that it never saw."""
    return fold_files(Path(CONFIG.audit_recipe).stem, wildcards.part)


def predictions(wildcards):
    """Where each part's landmarks stand: of images that a model was trained on, with the networks of folds."""
    if PLAN.missing:
        refuse(PLAN.missing)
    return predictions_of(wildcards.recipe, PLAN.parts)


def predictions_of(recipe, parts):
    files = []
    for part in parts:
        folded = is_out_of_fold(recipe) and part in PLAN.trained_on
        files += fold_files(recipe, part) if folded else [f"{WORK}/{recipe}/predicted/{part}.csv"]
    return files


def calibration_parts(recipe):
    """The parts whose images calibrate a recipe's model."""
    return PLAN.trained_on if is_out_of_fold(recipe) else [part for part in PLAN.labelled if part == "validation"]


def calibration_predictions(wildcards):
    return predictions_of(wildcards.recipe, calibration_parts(wildcards.recipe))


def calibration_labels(wildcards):
    return [LABELS.format(part=part) for part in calibration_parts(wildcards.recipe)]


def folds_tables(wildcards):
    """Which fold each image is in that calibrates, where networks of folds measure it."""
    return expand(f"{WORK}/plan/{{part}}.folds.csv", part=PLAN.trained_on) if is_out_of_fold(wildcards.recipe) else []


def calibration_facts(wildcards):
    return [f"{WORK}/plan/{part}.facts.csv" for part in calibration_parts(wildcards.recipe)]


def calibration_folds(wildcards):
    return [f"{WORK}/plan/{part}.folds.csv" for part in calibration_parts(wildcards.recipe)]


def teaching_files(wildcards):
    """What judging a model elsewhere needs: what taught its classifier, or the given model."""
    if not PLAN.planes:
        refuse(PLAN.missing or "evaluate_elsewhere needs images of other centres; give --config planes=[FOLDER].")
    if REPORTED == GIVEN_MODEL:
        return {"model": MODEL}
    parts = calibration_parts(REPORTED)
    return {
        "calibration": f"{WORK}/{REPORTED}/calibration.json",
        "heads": predictions_of(REPORTED, parts),
        "folds": expand(f"{WORK}/plan/{{part}}.folds.csv", part=parts),
        "others": expand(f"{WORK}/{REPORTED}/predicted/{{part}}.csv", part=OTHERS),
    }


def phantom_folder(wildcards):
    """The drawn phantoms, where the part's images are such."""
    return PHANTOMS if CONFIG.data == "phantom" and not wildcards.part.startswith("images/") else []


def quantising_images(wildcards):
    """Training images, by which 8-bit layers learn their ranges; none for a network of floats."""
    return f"{WORK}/prepared/train.npy" if RECIPES[wildcards.recipe].reading.arithmetic == "int8" else []


def model_of(name):
    """An input function: that file of the recipe's model, or the model given in the configuration."""

    def path(wildcards):
        return MODEL if wildcards.recipe == GIVEN_MODEL else f"{WORK}/{wildcards.recipe}/{name}"

    return path


def calibration_file(wildcards):
    """What the intervals rest on; a given model carries its own."""
    return [] if wildcards.recipe == GIVEN_MODEL else f"{WORK}/{wildcards.recipe}/calibration.json"


def report_files(wildcards):
    """What the report reads of the reported recipe, where there is such a thing."""
    files = {}
    if REPORTED != GIVEN_MODEL:
        files["history"] = f"{WORK}/{REPORTED}/history.csv"
    else:
        files["model"] = MODEL
        beside = [Path(MODEL).with_suffix(".json"), Path(MODEL).with_name("metrics.json")]
        files["figures"] = next((str(path) for path in beside if path.is_file()), [])
    if CONFIG.report_compares != "none":
        files["comparison"] = f"{RESULTS}/{CONFIG.report_compares}.csv"
    return files


def final_outputs(wildcards):
    """What `snakemake` makes when nothing else is asked for."""
    if PLAN.missing:
        refuse(PLAN.missing)
    published = ["predictions.csv", "metrics.json", *EXPORTS]
    published += [] if REPORTED == GIVEN_MODEL else ["model.onnx", "model_card.md"]
    published += ["exports/dicom_sr"] if CONFIG.dicom_sr else []
    return [f"{RESULTS}/report.html", *(f"{RESULTS}/{name}" for name in published)]


def measured_outputs(wildcards):
    """What `snakemake measure` makes."""
    if not CONFIG.images:
        refuse("measure what? Give --config images=FOLDER, or a csv that names images.")
    return final_outputs(wildcards)


def site_lengths(wildcards):
    """The lengths that a site measured itself."""
    if not CONFIG.site_lengths:
        refuse(
            "calibrate by what? Give --config images=FOLDER site_lengths=FILE, a csv of lengths measured at the site."
        )
    if not Path(CONFIG.site_lengths).is_file():
        refuse(f"{CONFIG.site_lengths}: the table does not exist; correct site_lengths.")
    return CONFIG.site_lengths


def card_figures(wildcards):
    """The figures of the pretrained model that learned from this dataset."""
    if not Path(CARD_FIGURES).is_file():
        refuse(
            f"rebuild_model sets its model beside the pretrained one, of which none learned from dataset {CONFIG.data}; "
            "give --configfile datasets/hc18.yaml."
        )
    if CONFIG.data != "phantom" and not published(CONFIG):
        refuse(
            f"rebuild_model needs the published split, {CONFIG.split_file} in {CONFIG.data_root}, which the card is of."
        )
    return CARD_FIGURES


wildcard_constraints:
    recipe="|".join(map(re.escape, [*RECIPES, GIVEN_MODEL])),
    part=r"train|validation|test|images/\d+|planes|negatives",
    fold=r"\d+",
    kind="compare|ablation",
