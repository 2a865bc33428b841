"""Functions that name the inputs of single rules, by the file whose rules read them."""

# ---- prepare.smk


def label_file(wildcards):
    """The audited labels that a recipe trains on."""
    return f"{WORK}/audit/{CONFIG.labels_of(wildcards.recipe)}/{wildcards.part}.csv"


def phantom_folder(wildcards):
    """The drawn phantoms, where the part's images are such."""
    return PHANTOMS if CONFIG.data == "phantom" and not wildcards.part.startswith("images/") else []


def audit_predictions(wildcards):
    """What the audit's networks found in a part's images, each in the fold that it never saw."""
    return expand(f"{WORK}/{{file}}", file=PLAN.found_by_folds(Path(CONFIG.audit_recipe).stem, wildcards.part))


# ---- train.smk


def quantising_images(wildcards):
    """Training images, by which 8-bit layers learn their ranges, and their table; none for a network of floats."""
    in_int8 = RECIPES[wildcards.recipe].reading.arithmetic == "int8"
    return [f"{WORK}/prepared/train.npy", f"{WORK}/prepared/train.csv"] if in_int8 else []


# ---- predict.smk


def of_model(name, instead=MODEL):
    """An input function: that file of the recipe's model, or for a given model what stands for it."""

    def path(wildcards):
        return instead if wildcards.recipe == GIVEN_MODEL else f"{WORK}/{wildcards.recipe}/{name}"

    return path


def calibrating(pattern):
    """An input function: the pattern's file for each part whose images calibrate the recipe's model."""

    def files(wildcards):
        return [pattern.format(part=part) for part in PLAN.calibrating(wildcards.recipe)]

    return files


def folds_of_calibrating(wildcards):
    """Which fold each image is in that calibrates, where networks of folds measure it."""
    return calibrating(FOLDS)(wildcards) if wildcards.recipe in PLAN.out_of_fold else []


def predictions(wildcards):
    """What a recipe's model found in all images; the reported recipe's where a rule names none."""
    refuse_missing_data()
    return expand(f"{WORK}/{{file}}", file=PLAN.found(wildcards.get("recipe", REPORTED), PLAN.parts))


def calibration_predictions(wildcards):
    """What it found in the images that calibrate it."""
    return expand(f"{WORK}/{{file}}", file=PLAN.found(wildcards.recipe, PLAN.calibrating(wildcards.recipe)))


# ---- report.smk


COMPARED = {
    "compare": [Path(name).stem for name in CONFIG.compare],
    "ablation": sorted(name for name in RECIPES if name.startswith(ABLATION)),
}


def templates():
    """What the pages are made from."""
    files = (SCRIPTS / "fetal_biometry" / "report").rglob("*")
    return sorted(str(path) for path in files if path.suffix in (".j2", ".css", ".js"))


def report_settings():
    """What the report's last section lists: settings and the reported recipe."""
    recipe = {} if MODEL else {"recipe_values": RECIPES[REPORTED].model_dump()}
    return CONFIG.model_dump(mode="json") | recipe


def report_files(wildcards):
    """What the report reads of the reported recipe, where there is such a thing."""
    if MODEL:
        beside = [Path(MODEL).with_suffix(".json"), Path(MODEL).with_name("metrics.json")]
        files = {"model": MODEL, "figures": next((str(path) for path in beside if path.is_file()), [])}
    else:
        files = {"history": f"{WORK}/{REPORTED}/history.csv"}
    if CONFIG.report_compares != "none":
        files["comparison"] = f"{RESULTS}/{CONFIG.report_compares}.csv"
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


def judged_elsewhere(wildcards):
    """How the reported model does on images of other centres, where there are such images."""
    return f"{RESULTS}/elsewhere.csv" if PLAN.planes and wildcards.recipe == REPORTED else []


def judging_files(wildcards):
    """What judges images of other centres: calibrations that did not learn from them, or the given model."""
    if not PLAN.planes:
        refuse(PLAN.missing or "evaluate_elsewhere needs images of other centres; give --config planes=[FOLDER].")
    return {"model": MODEL} if MODEL else {"calibrations": f"{WORK}/{REPORTED}/calibrations_elsewhere.json"}


def presence_files(wildcards):
    """What the reported model's head-presence classifier learns from, beside planes."""
    calibrating = PLAN.calibrating(REPORTED)
    return {
        "heads": expand(f"{WORK}/{{file}}", file=PLAN.found(REPORTED, calibrating)),
        "folds": expand(FOLDS, part=calibrating),
        "others": expand(f"{WORK}/{REPORTED}/predicted/{{part}}.csv", part=OTHERS),
    }
