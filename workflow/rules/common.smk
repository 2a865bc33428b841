"""Functions of the rules: what a run consists of, and what each stage depends on.

A stage that reads only part of a file takes the file as `ancient`, and beside it a stamp: a file that changes when
that part, the stage's parameters or its code change. The file may then change for other images' sake without the stage
running again. Params alone would not do: Snakemake does not look at those of a job behind an ancient file that is made
anew in the same run (seen with 9.27, see `planning`), and the job would be left out.
"""

import ast
import os
import re
import sys
from functools import cache
from pathlib import Path

from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError

HOME = Path(os.path.relpath(workflow.current_basedir.get_path_or_uri(secret_free=True))).parents[1]  # also of a module
SCRIPTS = HOME / "workflow" / "scripts"
sys.path.append(str(SCRIPTS))

from fetal_biometry.data import sources as datasets
from fetal_biometry.data import splits
from fetal_biometry.images.cache import shard_of
from fetal_biometry.digests import FileIndex, check_model, digest
from fetal_biometry.errors import InputError
from fetal_biometry.planning import plan_past_ancient_files

plan_past_ancient_files()
if config["dataset"] == "auto":
    config["dataset"] = "images" if config["images"] else "phantom"
config["run"] = config["run"] or config["dataset"]

RESULTS = f"results/{config['run']}"
LOGS = f"{RESULTS}/logs"
SHIPPED = HOME / "resources" / "models"
SHIPPED_MODEL = str(SHIPPED / "hc18.onnx")
CARD_FIGURES = str(SHIPPED / f"{config['dataset']}.json")  # of the model that comes along
BENCHMARKS = f"{RESULTS}/benchmarks"
PHANTOMS = f"{RESULTS}/phantoms"
QUARANTINE = f"{RESULTS}/quarantine.csv"
FILE_INDEX = "results/file_index.json"
AUDITS = ("audit", "second_audit")  # the experiments whose networks judge labels; their folds are audit/0, audit/1, ...
GIVEN_MODEL = "given_model"  # the experiment's name where a model is given and none is trained
MODEL = config["model"] or (SHIPPED_MODEL if config["dataset"] == "images" else "")
REPORTED = GIVEN_MODEL if MODEL else config["experiment"]
COMPARED_WITH, ABLATED_FROM = (  # the experiment that is reported, where it is among them
    REPORTED if REPORTED in config[key] else config[key][-1] for key in ("compare", "ablation")
)
EXPORTS = ("taskA_predictions.csv", "HC_results.csv", "hc18_submission.csv")

DATA_KEYS = (
    "dataset",
    "data_root",
    "image_folder",
    "landmark_table",
    "pixel_sizes",
    "images",
    "examination_pattern",
    "outside_tolerance",
    "on_bad_image",
    "reference_folder",
    "phantom_count",
    "phantom_bad_labels",
    "phantom_seed",
)
SPLIT_KEYS = (
    "data_root",
    "split",
    "split_file",
    "split_seed",
    "split_folds",
    "split_fold",
    "validation_fraction",
    "test_fraction",
)
# a training does not depend on these
MEASURING_KEYS = ("reflections", "zooms", "second_opinion", "correct", "arithmetic")
EXPERIMENT_KEYS = (
    "kind",
    "seed",
    "device",
    "precision",
    "epochs",
    "batch_size",
    "learning_rate",
    "schedule",
    "weight_decay",
    "weight_average",
    "loss",
    "sigma_px",
    "stride",
    "stem_stride",
    "width",
    "depth",
    "batch_norm",
    "transposed",
    "grey_scaling",
    "decoder",
    "closeup",
    "augmentation",
    "keep_epoch",
    "suspects",
    "suspect_weight",
    "repair_confidence",
    "teach_from",
    "teach_confidence",
    "mask_weight",
    "strangers",
    "cross_fit",
    *MEASURING_KEYS,
)


def select(keys):
    """The configuration's values of some keys."""
    return {key: config[key] for key in keys}


def explained(function):
    """Turn an InputError into Snakemake's own, which ends the run with its message alone."""

    def wrapper(*arguments):
        try:
            return function(*arguments)
        except InputError as error:
            raise WorkflowError(str(error)) from None

    return wrapper


@cache
def modules(rule):
    """A rule's script and every module beside it that it imports, directly or not.

    Snakemake does not see an edit of an imported module; as inputs they are compared by content.
    """
    found, waiting = [], [SCRIPTS / f"{rule}.py"]
    while waiting:
        path = waiting.pop()
        if path in found or not path.exists():
            continue
        found.append(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                parts = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
                waiting += [SCRIPTS / f"{part.replace('.', '/')}.py" for part in parts]
    return sorted(map(str, found))


@cache
def code_digest(*rules):
    """Digest of the code of several rules."""
    return digest([Path(path).read_text(encoding="utf-8") for rule in rules for path in modules(rule)])


@cache
def file_index():
    """Digests of input files, brought up to date once a plan."""
    return FileIndex(FILE_INDEX)


@cache
@explained
def listed_sources():
    """Every image of the run as its dataset lists it, with those that are put aside."""
    return datasets.list_sources(config, PHANTOMS)


@cache
@explained
def records():
    """Every image of the run that the plan can use: its source, digests of image and label, examination, split, shard."""
    index = file_index()
    sources = [source for source in listed_sources() if not source.problem]
    drawn = code_digest("draw_phantoms") if config["dataset"] == "phantom" else None
    pattern = config["examination_pattern"]
    examinations = {source.image_name: datasets.examination_of(source.image_name, pattern) for source in sources}
    labelled = {source.image_name: examinations[source.image_name] for source in sources if source.labelled}
    split = splits.assign_splits(labelled, config)
    if labelled and not MODEL:
        splits.refuse_no_training(split, labelled)
    found = [
        {
            "image_name": source.image_name,
            "image": digest(source.image_digest(index), drawn if source.recipe else None),
            "label": source.label_digest(index) if source.labelled else None,
            "reference": source.reference_digest(index),
            "pixel_size_mm": source.pixel_size_mm,
            "reference_hc_mm": source.reference_hc_mm,
            "gestational_age_weeks": source.gestational_age_weeks,
            "path": source.location,
            "examination": examinations[source.image_name],
            "split": split.get(source.image_name),
            "fold": splits.fold_of(examinations[source.image_name], config["split_seed"], config["folds"]),
            "shard": shard_of(source.image_name, config["shards"]),
        }
        for source in sources
    ]
    index.save()
    return found


def is_labelled(record):
    return record["label"] is not None


def part_digest(keys, part):
    """Digest of some facts of some images, and of all that decides whether they are put aside, where any may be."""
    deciding = ("image", "label", "reference") if config["on_bad_image"] == "quarantine" else ()
    return digest([[record[key] for key in (*keys, *deciding)] for record in part])


@cache
def shard_records(labelled=False):
    """The (labelled) images of each shard that has any, by shard."""
    shards = {}
    for record in records():
        if is_labelled(record) or not labelled:
            shards.setdefault(record["shard"], []).append(record)
    return dict(sorted(shards.items()))


def manifest_digest(wildcards):
    """Everything the manifest says."""
    return digest(records(), [(source.image_name, source.problem) for source in listed_sources() if source.problem])


def stamp(stage):
    """The file that changes when what a stage depends on changes, see `stamp_digest`."""
    return f"{RESULTS}/stamps/{stage}.txt"


def stamp_digest(wildcards):
    """Digest of a stage's code and, where it reads part of a file, of that part and of its parameters."""
    name, _, rest = wildcards.stage.partition("/")
    return digest(code_digest(name), stage_facts(name, rest))


def stage_facts(name, rest):
    """What a stage depends on beside its code; `rest` names its experiment, its shard or both."""
    if name == "cache_images":
        part = part_digest(("image_name", "image", "path"), shard_records().get(int(rest), []))
        return [part, select(("shards", "cache_size", "model"))]
    if name == "draw_overlays":
        return part_digest(("image_name", "image", "path"), shard_records().get(int(rest), []))
    if name == "render_heatmaps":
        experiment, _, shard = rest.rpartition("/")
        part = part_digest(("image_name", "image", "label"), shard_records(labelled=True).get(int(shard), []))
        knobs = [_experiment(experiment)[knob] for knob in ("sigma_px", "stride")]
        return [part, knobs, select(("shards", "image_size")), code_digest("build_manifest")]
    if name in ("screen_labels", "audit_labels"):
        labels = part_digest(("image_name", "image", "label", "fold"), filter(is_labelled, records()))
        limits = ("audit",) if name == "screen_labels" else ("audit", "audit_networks", "folds", "split_seed")
        return [labels, select(limits), code_digest("build_manifest")]
    if name in ("split_images", "split_folds"):
        sides = part_digest(("image_name", "examination", "split", "fold"), filter(is_labelled, records()))
        return [sides, select(SPLIT_KEYS), code_digest("build_manifest")]
    if name == "predict_landmarks" and rest:
        shard = shard_records(labelled=True).get(int(rest), [])
        return [(record["image_name"], record["split"] == "test", record["fold"]) for record in shard]
    return training_facts(rest) if name == "train_model" else None


def training_facts(experiment):
    """What a training depends on: its images, labels and split, its settings, the code on the way.

    An audit judges training labels by networks that no test image taught, so test images have no part in it.
    """
    name, fold, judges = name_of(experiment), fold_number(experiment), judging_audits(experiment)
    unseen = None if judges else fold  # the points that a first audit found come from the labels of every fold
    taken = [record for record in records() if record["split"] in ("train", "validation") and record["fold"] != unseen]
    code = ["build_manifest", "screen_labels", "split_images", "cache_images", "render_heatmaps"]
    code += ["draw_strangers"] if knows_strangers(_experiment(name)) else []
    facts = [
        part_digest(("image_name", "image", "label", "split"), taken),
        _without_measuring(_experiment(name)),
        config["audit"],
        config["strangers_drawn"] if knows_strangers(_experiment(name)) else 0,
        fold,
    ]
    if judges:
        code += ["split_folds", "export_model", "predict_landmarks", "audit_labels"]
        facts += [*map(_experiment, judges), select(("audit_networks", "folds", "split_seed"))]
    return [facts, code_digest(*code)]


def training_identity(wildcards):
    """Tells a checkpoint of this training from one of another."""
    return digest(code_digest("train_model"), training_facts(wildcards.experiment))


@cache
def _experiment(name):
    settings = {**select(EXPERIMENT_KEYS), **config["experiments"][name]}
    cap = config["max_epochs"]
    settings["epochs"] = min(settings["epochs"], cap) if cap else settings["epochs"]
    return {**settings, "experiment": name, **select(("image_size", "cache_size"))}


def experiment_settings(wildcards):
    """An experiment's knobs: the configuration's, with what the experiment changes."""
    return _experiment(name_of(wildcards.experiment)) if wildcards.experiment != GIVEN_MODEL else {}


def card_recipe(wildcards):
    """All that another would have to set to make this model: the experiment's knobs, and those that all share."""
    settings = experiment_settings(wildcards)
    shared = [key for key in SPLIT_KEYS if key != "data_root"]
    shared += ["calliper", "audit_method", "audit", "folds", "interval_level", "interval_assurance"]
    shared += ["audit_rounds", "audit_networks"] if judged_by_networks() else []
    shared += ["strangers_drawn"] if knows_strangers(settings) else []
    audits = {name: config["experiments"][name] for name in judging_audits(wildcards.experiment)}
    return {**settings, **select(shared), **({"experiments": audits} if audits else {})}


def timed_settings(wildcards):
    """The knobs of the experiments whose training is timed; `shipped` is the recipe of the model that comes along."""
    overlay = load_configfile(HOME / "datasets" / "hc18.yaml")
    recipe = {key: value for key, value in overlay.items() if key in (*EXPERIMENT_KEYS, "cache_size")}
    shipped = {**_experiment("heatmap"), **recipe, **overlay["experiments"]["heatmap"]}
    timed = {"reference": _experiment("reference"), "ours": _experiment("heatmap"), "shipped": shipped}
    return {name: {**knobs, "limits": config["audit"], "unit": "px"} for name, knobs in timed.items()}


def timed(name):
    """A params function: the knobs of one of the timed experiments."""

    def of_experiment(wildcards):
        return timed_settings(wildcards)[name]

    return of_experiment


def training_settings(wildcards):
    """An experiment's knobs without those that only say how its network is used."""
    return _without_measuring(experiment_settings(wildcards))


def _without_measuring(settings):
    return {key: value for key, value in settings.items() if key not in MEASURING_KEYS}


def name_of(experiment):
    """The experiment's name, without the fold of a network that leaves one out, as of audit/0."""
    return experiment.partition("/")[0]


def fold_number(experiment):
    """The fold that a network of an audit or of cross_fit never sees, or None for any other."""
    fold = experiment.partition("/")[2]
    return int(fold) if fold else None


def fold_split(fold):
    """The split by which a network trains that leaves this fold out."""
    return f"{RESULTS}/folds/{fold}.csv"


def is_cross_fitted(experiment):
    """Whether networks that each left out a fold say how far to trust the experiment's model."""
    return experiment in config["experiments"] and _experiment(experiment)["cross_fit"] != "none"


def training_files(experiment, name):
    """A file of each training that an experiment's model comes from: one, or one a fold of an ensemble."""
    ensemble = _experiment(name_of(experiment))["cross_fit"] == "ensemble" and fold_number(experiment) is None
    folders = [f"{experiment}/{fold}" for fold in range(config["folds"])] if ensemble else [experiment]
    return [f"{RESULTS}/{folder}/{name}" for folder in folders]


def trained_models(wildcards):
    """The weights that make up the experiment's model."""
    return training_files(wildcards.experiment, "model.pt")


def training_checkpoints(wildcards):
    """What is left of the trainings that make up the experiment's model, until it is exported."""
    return training_files(wildcards.experiment, "checkpoint.pt")


def quantising_files(wildcards):
    """Images that a network was trained on, by which its 8-bit layers learn their ranges; nothing for one of floats."""
    if experiment_settings(wildcards)["arithmetic"] != "int8":
        return {}
    images = shard_files(CACHED, labelled=True)(wildcards)
    return {"split": ancient(training_table("split")(wildcards)), "images": [ancient(path) for path in images]}


def training_threads(wildcards):
    """Networks of folds train side by side, a core each: a third faster than one after the other on all cores."""
    return 8 if fold_number(wildcards.experiment) is None else 1


def judged_by_networks():
    """Whether labels are audited by out-of-fold networks, or by geometry alone."""
    return config["audit_method"] == "out_of_fold"


def judging_audits(experiment):
    """The audits, one after the other, by whose word a training takes its labels; none where geometry judges."""
    name = name_of(experiment)
    audits = AUDITS[: config["audit_rounds"]] if judged_by_networks() else ()
    return audits[: audits.index(name)] if name in audits else audits


def training_table(name):
    """An input function: one of the tables that a training goes by; an audit's network by those before its audit."""

    def path(wildcards):
        fold, folder = fold_number(wildcards.experiment), f"{RESULTS}/audit"
        tables = {**label_tables(wildcards), "found": f"{folder}/landmarks.csv"}
        if name_of(wildcards.experiment) in AUDITS:
            tables = {"audit": f"{folder}/screen.csv"}
            if judging_audits(wildcards.experiment):
                tables = {"audit": f"{folder}/first/audit.csv", "found": f"{folder}/first/landmarks.csv"}
        if fold is not None:
            tables["split"] = fold_split(fold)
        return tables.get(name, [])

    return path


def judged_fold(wildcards):
    """The fold split whose held-out images alone a fold's network looks at; nothing for any other."""
    fold = fold_number(wildcards.experiment)
    return [] if fold is None else fold_split(fold)


def teaching_split(wildcards):
    """The split of a model that leaves the images that taught it to networks of folds, which look at no others."""
    name = name_of(wildcards.experiment)
    return f"{RESULTS}/split.csv" if name not in AUDITS and is_cross_fitted(name) and any_labelled() else []


def predicting_stamp(wildcards):
    """The stamp of a shard's landmarks, which follows its images' sides where a network looks at some of them only."""
    parted = judged_fold(wildcards) or teaching_split(wildcards)
    return stamp(f"predict_landmarks/{wildcards.shard}" if parted else "predict_landmarks")


def fold_landmarks(name):
    """What the networks of an experiment's folds found, fold by fold, shard by shard."""
    folds, shards = range(config["folds"]), shard_records(labelled=True)
    pattern = f"{RESULTS}/{name}/{{fold}}/landmarks/{{shard}}.csv"
    return [pattern.format(fold=fold, shard=shard) for fold in folds for shard in shards]


def audit_landmarks(audit):
    """An input function: what the networks of an audit, by its number, found."""
    return lambda wildcards: fold_landmarks(AUDITS[audit]) if judged_by_networks() else []


def unseen_files(wildcards):
    """What each network of a model's folds found in the images that it never saw, and whom that concerns."""
    if not is_cross_fitted(wildcards.experiment) or not any_labelled():
        return {}
    return {"unseen": fold_landmarks(wildcards.experiment), "split": f"{RESULTS}/split.csv"}


def knob(name):
    """A params function: one knob of the experiment."""

    def of_experiment(wildcards):
        return experiment_settings(wildcards)[name]

    return of_experiment


def is_trained(wildcards):
    """Whether this run trains the experiment's model."""
    return wildcards.experiment != GIVEN_MODEL


def interval_files(wildcards):
    """What the intervals rest on: this run's calibration, or the given model's own."""
    if is_trained(wildcards):
        return {"calibration": f"{RESULTS}/{wildcards.experiment}/calibration.json"}
    return {"model": MODEL}


def shard_files(pattern, labelled=False):
    """An input function: the pattern's file of each shard that has (labelled) images."""

    def files(wildcards):
        return [pattern.format(shard=shard, **dict(wildcards)) for shard in shard_records(labelled)]

    return files


CACHED = f"{RESULTS}/cache/{{shard}}.npy"
STRANGERS = f"{RESULTS}/strangers/taught.npy"
RENDERED = f"{RESULTS}/{{experiment}}/heatmaps/{{shard}}.npy"
LOCATED = f"{RESULTS}/{{experiment}}/landmarks/{{shard}}.csv"
OVERLAYS = f"{RESULTS}/{{experiment}}/overlays/{{shard}}"


def heatmap_files(wildcards):
    """Rendered targets of an experiment that has any; a fold's network renders its own."""
    if experiment_settings(wildcards)["kind"] != "heatmap" or fold_number(wildcards.experiment) is not None:
        return []
    return shard_files(RENDERED, labelled=True)(wildcards)


def knows_strangers(settings):
    """Whether an experiment's networks learn from images without a head: to draw nothing, or to close a gate."""
    return bool(settings["strangers"] or (settings["closeup"] and settings["closeup"]["finder"].get("gate")))


def strangers_taught(wildcards):
    """Images without a head, where the experiment's networks learn something of them."""
    return STRANGERS if knows_strangers(training_settings(wildcards)) else []


def model_file(name):
    """An input function: that file of the experiment's model, or the model given in the configuration."""

    def path(wildcards):
        return MODEL if wildcards.experiment == GIVEN_MODEL else f"{RESULTS}/{wildcards.experiment}/{name}"

    return path


def any_labelled():
    """Whether there is a label to split, audit or judge by."""
    return any(is_labelled(record) for record in records())


def label_tables(wildcards):
    """Split and audit, where anything is labelled."""
    return {name: f"{RESULTS}/{name}.csv" for name in ("split", "audit")} if any_labelled() else {}


def found_by_folds(wildcards):
    """What the audit's networks found in examinations that taught them nothing; cross_fit has better ones."""
    rehearsed = judged_by_networks() and not is_cross_fitted(wildcards.experiment)
    return f"{RESULTS}/audit/landmarks.csv" if rehearsed else []


def evaluation_files(wildcards):
    """What judging an experiment reads beside its predictions and its model."""
    files = label_tables(wildcards)
    if files and wildcards.experiment != GIVEN_MODEL:
        files["images"] = shard_files(CACHED, labelled=True)(wildcards)
    return files


def report_files(wildcards):
    """What the report reads of the reported experiment, by name."""
    files = {
        "predictions": f"{RESULTS}/{REPORTED}/predictions.csv",
        "metrics": f"{RESULTS}/{REPORTED}/metrics.json",
        "errors": f"{RESULTS}/{REPORTED}/errors.csv",
    }
    files |= label_tables(wildcards)
    if REPORTED != GIVEN_MODEL:
        files["history"] = training_files(REPORTED, "history.csv")
    elif config["overlays"]:
        files["overlays"] = [OVERLAYS.format(experiment=REPORTED, shard=shard) for shard in shard_records()]
    if config["report_compares"] != "none":
        files["comparison"] = f"{RESULTS}/{config['report_compares']}.csv"
    return files


def page_templates(name):
    """What a page is made from."""
    parts = ("page.html.j2", "macros.html.j2", f"{name}.html.j2", "overlay.css")
    return [str(SCRIPTS / "fetal_biometry" / "report" / part) for part in parts]


def phantom_folder(wildcards):
    """The drawn phantoms, where they are the dataset."""
    return PHANTOMS if config["dataset"] == "phantom" else []


def final_outputs(wildcards):
    """What `snakemake` makes when nothing else is asked for."""
    files = [f"exports/{name}" for name in (*EXPORTS, "measurements.json")]
    files += [] if REPORTED == GIVEN_MODEL else ["model.onnx", "model_card.md"]
    return [f"{RESULTS}/report.html", *(f"{RESULTS}/{REPORTED}/{name}" for name in files)]


def check_configuration():
    """Refuse combinations that the schema cannot see."""
    if "measure" in sys.argv and not config["images"]:
        raise WorkflowError("measure what? Give --config images=FOLDER, or a csv that names images.")
    if config["experiment"] not in config["experiments"]:
        raise WorkflowError(f"experiment {config['experiment']!r} is none of {', '.join(config['experiments'])}.")
    try:
        groups = re.compile(config["examination_pattern"]).groups
    except re.error as error:
        raise WorkflowError(f"examination_pattern {config['examination_pattern']!r} is no pattern: {error}.") from None
    if not groups:
        raise WorkflowError(
            f"examination_pattern {config['examination_pattern']!r} has no group to name examinations by."
        )
    for key in ("compare", "ablation"):
        unknown = [name for name in config[key] if name not in config["experiments"]]
        if unknown:
            raise WorkflowError(f"{key} names {unknown[0]!r}, which is none of {', '.join(config['experiments'])}.")
    if config["report_compares"] != "none" and MODEL:
        raise WorkflowError(
            "report_compares shows experiments beside the one that is trained here; leave it out where a model is given."
        )
    if config["report_compares"] == "compare" and REPORTED not in config["compare"]:
        raise WorkflowError(
            f"report_compares: compare sets {REPORTED} beside the experiments of compare; add it there."
        )
    if MODEL:
        explained(check_model)(MODEL)
    if "rebuild_model" in sys.argv and not Path(CARD_FIGURES).is_file():
        raise WorkflowError(
            f"rebuild_model sets its model beside the one that comes along, of which none learned from dataset "
            f"{config['dataset']}; give --configfile datasets/hc18.yaml, or train without the comparison (leave "
            "rebuild_model out)."
        )
    if "rebuild_model" in sys.argv and config["dataset"] != "phantom" and not splits.published(config):
        raise WorkflowError(
            f"rebuild_model sets its model beside the card's, on the test images of {config['split_file']}, which is not "
            f"used or not in {config['data_root']}; add it, or train without the comparison (leave rebuild_model out)."
        )
    for low, high in (("cephalic_index_low", "cephalic_index_high"), ("hc_low_mm", "hc_high_mm")):
        if config["flags"][low] >= config["flags"][high]:
            raise WorkflowError(f"flags: {low} is not below {high}, so that every head would be flagged.")
    if config["validation_fraction"] + config["test_fraction"] >= 1:
        raise WorkflowError("validation_fraction and test_fraction leave no examination to train on; lower them.")
    if config["split_fold"] >= config["split_folds"]:
        raise WorkflowError(
            f"split_fold {config['split_fold']} is none of the {config['split_folds']} folds, which count from 0."
        )
    for name in AUDITS:
        if name not in config["experiments"] or not _experiment(name)["augmentation"]:
            raise WorkflowError(f"experiment {name} trains networks that judge labels; it must exist and augment.")
    if REPORTED != GIVEN_MODEL and _experiment(REPORTED)["suspects"] == "repair" and not judged_by_networks():
        raise WorkflowError("suspects: repair takes the points of out-of-fold networks; set audit_method: out_of_fold.")
    if config["cache_size"] < config["image_size"]:
        raise WorkflowError(
            f"cache_size {config['cache_size']} is less than image_size {config['image_size']}, what networks are shown."
        )
    for name in config["experiments"]:
        settings = _experiment(name)
        if settings["suspects"] == "teach" and not (settings["kind"] == "heatmap" and settings["augmentation"]):
            raise WorkflowError(f"experiment {name}: suspects: teach needs kind: heatmap and augmentation.")
        if settings["closeup"] and not (settings["kind"] == "heatmap" and settings["augmentation"]):
            raise WorkflowError(
                f"experiment {name}: a second look (closeup) needs kind: heatmap and augmentation, which shows close-ups "
                "in training; set closeup: null."
            )
        reads_head = settings["decoder"] in ("fused", "head")
        if len(settings["zooms"]) > 1 and not reads_head:
            raise WorkflowError(
                f"experiment {name}: several zooms are told apart by how sharp the filled head is; set decoder: fused, or "
                "one zoom."
            )
        if settings["arithmetic"] == "int8" and settings["kind"] != "heatmap":
            raise WorkflowError(f"experiment {name}: arithmetic: int8 needs kind: heatmap; set arithmetic: float32.")
        if settings["kind"] == "heatmap":
            if reads_head and not settings["mask_weight"]:
                raise WorkflowError(
                    f"experiment {name}: decoder {settings['decoder']} reads the filled head, which mask_weight: 0 "
                    "leaves undrawn; set a mask_weight or another decoder."
                )
        draws_heads = settings["kind"] == "heatmap" and settings["mask_weight"]
        if settings["strangers"] and not (draws_heads and settings["augmentation"]):
            raise WorkflowError(
                f"experiment {name}: strangers teach the filled head (kind: heatmap, mask_weight) to stay away, in "
                "random views (augmentation); set strangers: 0."
            )
        closeup, networks = settings["closeup"], {"": settings}
        if closeup:
            if closeup["finder"].get("gate") and not settings["mask_weight"]:
                raise WorkflowError(
                    f"experiment {name}: closeup.finder.gate closes the filled head, which mask_weight: 0 leaves undrawn; "
                    "set gate: false."
                )
            networks["'s closeup.finder"] = {**settings, **closeup["finder"]}
        for whose, network in networks.items():
            deepest = 2 ** network["depth"]
            if network["kind"] == "heatmap":
                reachable = [network["stem_stride"] * 2**level for level in range(network["depth"] + 1)]
                if network["stride"] not in reachable:
                    raise WorkflowError(
                        f"experiment {name}{whose}: stride {network['stride']} is not among {reachable}, "
                        "which stem_stride and depth allow."
                    )
                deepest = reachable[-1]
            if config["image_size"] % deepest:
                raise WorkflowError(
                    f"experiment {name}{whose}: image_size {config['image_size']} is no multiple of {deepest}."
                )


check_configuration()
if "download_hc18" not in sys.argv:  # which is how there come to be data
    records()  # wrong data ends the run here, with one message, not in an input function with a traceback


wildcard_constraints:
    experiment=rf"({'|'.join(map(re.escape, config['experiments']))})(/\d+)?|{GIVEN_MODEL}",
    shard=r"\d+",
    stage=r"[a-z_]+(/.+)?",
