"""What the rules share: settings, recipes and the plan, and functions that name a rule's inputs."""

import os
import re
import sys
from pathlib import Path

HOME = Path(os.path.relpath(workflow.current_basedir.get_path_or_uri(secret_free=True))).parents[1]  # also of a module
SCRIPTS = HOME / "workflow" / "scripts"
sys.path.append(str(SCRIPTS))

from fetal_biometry import imports, plan, run_inputs
from fetal_biometry.configuration import read_config
from fetal_biometry.errors import InputError, refuse
from fetal_biometry.limits import read_limits
from fetal_biometry.measure.site import read_site
from fetal_biometry.processor import KINDS, read_processor
from fetal_biometry.registry import registered
from fetal_biometry.run_recipes import ABLATION, read_recipes
from fetal_biometry.terms import GIVEN_MODEL

PRETRAINED = HOME / "resources" / "models"

try:
    CONFIG = read_config(config, workflow.config_settings.config_args, workflow.config_settings.config)
    MODEL = (CONFIG.model or str(PRETRAINED / "hc18.onnx")) if CONFIG.given_model else ""
    run_inputs.refuse_unusable(CONFIG, MODEL, HOME)
    RECIPES = read_recipes(CONFIG, [Path("recipes"), HOME / "recipes"])
    convention = read_site(CONFIG.site, MODEL)
    SITE = convention.model_dump() if convention else {}
    RESULTS = f"results/{CONFIG.run_name}"
    WORK = f"{RESULTS}/work"
    PHANTOMS = f"{WORK}/phantoms"
    if workflow.is_main_process and not plan.locked(RESULTS):
        plan.refuse_earlier_clock()
        limits = read_limits(CONFIG.limits if Path(CONFIG.limits).is_file() else HOME / CONFIG.limits)
        PLAN = plan.write_plan(
            CONFIG, RECIPES, limits, Path(f"{WORK}/plan"), Path(PHANTOMS), Path("results/file_index.json")
        )
    else:  # a job, or a run beside another one
        PLAN = plan.read_plan(Path(f"{WORK}/plan"))
except (InputError, OSError) as error:  # such as of a full disk
    refuse(error)

LOGS = f"{WORK}/logs"
BENCHMARKS = f"{WORK}/benchmarks"
REPORTED = CONFIG.reported
LIMITS = f"{WORK}/plan/limits.{{}}.yaml"  # for each reader: audit, review, flags
FACTS = f"{WORK}/plan/{{part}}.facts.csv"
FOLDS = f"{WORK}/plan/{{part}}.folds.csv"
LABELS = f"{WORK}/audit/{CONFIG.labels_of(REPORTED)}/{{part}}.csv"  # of everything but an audit's networks
EXPORTS = registered("measure.exports", "EXPORTS")
PUBLISHED = ["predictions.csv", "metrics.json", *EXPORTS, *([] if MODEL else ["model.onnx", "model_card.md"])]
OTHERS = [*(["negatives"] if CONFIG.training_negatives else []), *(["planes"] if PLAN.planes else [])]


def modules(rule):
    """A rule's script and the modules that it imports."""
    return imports.modules(SCRIPTS, rule)


def recipe_facts(wildcards):
    """A recipe's values as plain dicts; none of a given model."""
    return {} if wildcards.recipe == GIVEN_MODEL else RECIPES[wildcards.recipe].model_dump()


def needed(check, *arguments):
    """An input function: what a target takes, or the reason why this configuration has no such thing."""

    def files(wildcards):
        try:
            return check(*arguments)
        except InputError as error:
            refuse(error)

    return files


def refuse_missing_data():
    if PLAN.missing:
        refuse(PLAN.missing)


def parts(pattern, which="parts"):
    """An input function: the pattern's file for each part of the plan; refuses where the data is missing."""

    def files(wildcards):
        refuse_missing_data()
        return [pattern.format(part=part) for part in getattr(PLAN, which)]

    return files


def final_outputs(wildcards):
    """What `snakemake` makes when nothing else is asked for."""
    refuse_missing_data()
    reports = ["exports/dicom_sr"] if CONFIG.dicom_sr else []
    return [f"{RESULTS}/{name}" for name in ("report.html", *PUBLISHED, *reports)]


def measured_outputs(wildcards):
    """What `snakemake measure` makes."""
    if not CONFIG.images:
        refuse("measure what? Give --config images=FOLDER, or a csv that names images.")
    return final_outputs(wildcards)


wildcard_constraints:
    recipe="|".join(map(re.escape, [*RECIPES, GIVEN_MODEL])),
    part=r"train|validation|test|images/\d+|planes|negatives",
    fold=r"\d+",
    kind="compare|ablation",
