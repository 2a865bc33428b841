"""Every setting of the workflow: name, type, range, default, unit, meaning, and the checks between settings.

`config.yaml` shows those that users change. `config/README.md` and the JSON schema are written from here by
``make settings``. Recipes have a module of their own, `recipe`, so that a new setting trains nothing anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from fetal_biometry.command_line import as_typed
from fetal_biometry.errors import InputError
from fetal_biometry.problems import Block, describe_problem, field_names
from fetal_biometry.recipe import Recipe
from fetal_biometry.registry import registered
from fetal_biometry.renamed import RENAMED
from fetal_biometry.terms import GIVEN_MODEL, LANDMARKS, Calliper


class Config(Block):
    """All settings, with their defaults."""

    run: str = Field(
        "", pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*)?$", description="results go to results/<run>/; empty = the dataset"
    )
    dataset: Literal["auto", *registered("data.formats", "FORMATS")] = Field(
        "auto",
        description="challenge has a landmark table, hc18 annotation images, images no label; auto = images where "
        "they are given, else phantom",
    )
    data_root: str = Field(
        "resources/data", min_length=1, description="folder that the paths of tables, annotations and splits start from"
    )
    image_folder: str = Field("", description="of a dataset with labels: folder of the images")
    landmark_table: str = Field(
        "",
        description="challenge: csv with image_name, ofd_1_x, ... bpd_2_y, original pixels; coco, via, cvat: the "
        "annotation tool's file; labelme: folder of its files, empty = that of the images",
    )
    point_names: list[str] = Field(
        list(LANDMARKS),
        min_length=4,
        max_length=4,
        description=f"coco, via, labelme, cvat: what {', '.join(LANDMARKS)} are called",
    )
    label_size: str = Field(
        "",
        pattern=r"^([1-9]\d*x[1-9]\d*)?$",
        description="size of the copies that landmarks were set on, such as 256x256; 1x1 = shares, 100x100 = percent; "
        "empty = original pixels, or as the annotation tool's file says",
    )
    reference_folder: str = Field(
        "", description="challenge: folder of independent annotations that judge models and labels; none is trained on"
    )
    images: str = Field("", description="folder or csv of images without labels to measure")
    recursive: bool = Field(
        False, strict=False, description="whether the subfolders of a folder of images are read, too"
    )
    model: str = Field(
        "", description="a model.onnx to measure with; empty = train one, or for images alone take the pretrained one"
    )
    pixel_sizes: float | str = Field(
        "", description="mm per pixel, or csv: image_name, pixel_size_mm[, reference_hc_mm, gestational_age_weeks]"
    )
    corrections: str = Field(
        "", description="a corrections.csv saved from the report; its lengths replace the measured ones"
    )
    on_bad_image: Literal["stop", "quarantine"] = Field(
        "stop",
        description="stop: end the run at the first image that cannot be used; quarantine: go on without such images, "
        "and list them with the reason",
    )
    examination_pattern: str = Field(
        "^([^_]+)_",
        description="regular expression for image names; its first group is the examination, whose images all go into "
        "the same split",
    )
    outside_tolerance: float = Field(
        0.1,
        ge=0,
        le=1,
        description="a label that lies further outside its image than this share of the image's size cannot be used; "
        "the table is probably wrong",
    )
    calliper: Calliper = Field(
        Calliper.OUTER_TO_OUTER, strict=False, description="how labels take BPD; outer_to_inner is converted"
    )
    phantom_count: int = Field(320, ge=1, le=1_000_000, description="drawn ultrasound images of the default run")
    phantom_seed: int = Field(20, ge=0, description="of the phantoms")
    phantom_bad_labels: float = Field(0, ge=0, le=1, description="share of the phantoms' labels that are scattered")
    planes: list[str] = Field(
        [], description="folders under data_root with index.csv (image_name, plane) and images/ of other hospitals"
    )
    image_size: int = Field(
        256, ge=32, le=1024, description="side of the network's input, pixels; lengths are never taken in this grid"
    )
    shards: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="jobs that prepare and measure images without labels; empty = 1 for fewer than 500 images, else 4",
    )

    split: Literal["seeded", "published", "published_if_present"] = Field(
        "seeded",
        description="how examinations are divided into train, validation and test: by split_seed or by split_file; "
        "published_if_present: by split_seed where that file is missing",
    )
    split_file: str = Field("", description="published: csv with image_name, split (train, test)")
    split_seed: int = Field(1, ge=0, description="of the split and of the folds")
    validation_fraction: float = Field(
        0.15, ge=0, lt=1, description="share of the examinations; they choose the epoch and calibrate the intervals"
    )
    test_fraction: float = Field(
        0.2, ge=0, lt=1, description="share of the examinations; they are for the evaluation alone"
    )

    audit_method: Literal["geometry", "out_of_fold"] = Field(
        "geometry", description="what judges labels: geometry, or networks that never saw their examination"
    )
    audit_recipe: str = Field("audit", description="out_of_fold: recipe of these networks")
    folds: int = Field(4, ge=2, le=20, description="networks of an out-of-fold audit or calibration")
    limits: str = Field("limits.yaml", description="file with the limits of the audit and of the flags")

    recipe: str = Field("heatmap", description="recipes/<name>.yaml that is trained, measured and reported")
    seed: int | None = Field(None, ge=0, description="of the training; empty = the recipe's")
    epochs: int | None = Field(None, ge=1, description="of the training; empty = the recipe's")
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="where training runs; auto leaves it to the recipe"
    )
    compare: list[str] = Field(
        ["direct", "direct_normalised", "baseline", "heatmap"],
        min_length=1,
        description="recipes that `snakemake compare` sets side by side",
    )
    report_compares: Literal["none", "compare", "ablation"] = Field(
        "none",
        description="recipes that the run also trains and the report sets side by side: those of the setting compare, "
        "or those named ablation_*",
    )

    interval_level: float = Field(0.9, gt=0, lt=1, description="share of true lengths that the intervals should hold")
    flags: bool = Field(True, strict=False, description="whether measurements are flagged for a person to check")
    overlays: bool = Field(
        True, strict=False, description="whether the report shows each image with its head, up to 60 KB each"
    )
    show_whole_frames: bool = Field(
        False, strict=False, description="whether DICOM frames are shown whole; scanners write names into them"
    )
    growth_chart: Literal["none", *registered("measure.growth", "CHARTS")] = Field(
        "none", description="gestational age and centiles beside the lengths; for research"
    )
    training_negatives: int = Field(
        16, ge=0, description="drawn images without a head, of each kind, that train the head-presence classifier"
    )
    site: str = Field(
        "",
        description="whose callipers lengths follow: a site.json of `snakemake calibrate_site`, or a convention: "
        "outer_to_outer_tight, outer_to_outer_scalp, mid_skull, outer_to_inner; empty = the model's own",
    )
    site_lengths: str = Field(
        "", description="of `snakemake calibrate_site`: csv of image_name and bpd_mm, ofd_mm, or landmarks, or ellipses"
    )
    dicom_sr: bool = Field(
        False,
        strict=False,
        description="whether heads of DICOM files are written as structured reports, too (exports/dicom_sr), with the "
        "patient and study of the file; needs requirements-sr.txt",
    )
    negatives: int = Field(100, ge=1, description="images without a head, of each kind, drawn by `snakemake negatives`")

    download_url: str = Field(
        "https://zenodo.org", pattern="^https?://", description="where `snakemake download_*` finds Zenodo records"
    )
    download_test_set: bool = Field(
        False,
        strict=False,
        description="whether `snakemake download_hc18` also fetches HC18's 335 test images, which have no annotations",
    )

    @model_validator(mode="after")
    def _check_texts(self) -> Config:
        try:
            groups = re.compile(self.examination_pattern).groups
        except re.error as error:
            raise ValueError(
                f"examination_pattern {self.examination_pattern!r} is not a regular expression ({error}); correct it"
            ) from None
        if not groups:
            raise ValueError(
                f"examination_pattern {self.examination_pattern!r} has no group to name examinations by; put that part "
                "in parentheses, as ^([^_]+)_ does"
            )
        if isinstance(self.pixel_sizes, float) and not self.pixel_sizes > 0:
            raise ValueError(f"pixel_sizes is {self.pixel_sizes:g}; give millimetres above 0")
        number = re.fullmatch(r"(?=.?\d)(\d*)(?:[.,](\d+))?\s*[a-zµ/ #]*", str(self.pixel_sizes).strip())
        if isinstance(self.pixel_sizes, str) and number:
            raise ValueError(
                f"pixel_sizes is {self.pixel_sizes!r}; give millimetres as a plain number with a decimal point, "
                f"such as {number[1] or 0}.{number[2] or 0}, or the name of a csv"
            )
        return self

    @model_validator(mode="after")
    def _check_pairs(self) -> Config:
        if self.validation_fraction + self.test_fraction >= 1:
            raise ValueError("validation_fraction and test_fraction leave no examination to train on; lower them")
        if len({Path(name).stem for name in self.compare}) < len(self.compare):
            raise ValueError("compare names a recipe twice; remove one")
        if self.corrections and self.data != "images":
            raise ValueError(
                "corrections replace measured lengths, so labels would judge the corrections; give them with images "
                "alone, or train on them as labels with datasets/own.yaml"
            )
        audit, trained = Path(self.audit_recipe).stem, () if self.given_model else (self.recipe, *self.compare)
        if self.audit_method == "out_of_fold" and audit in {Path(name).stem for name in trained}:
            raise ValueError(
                f"audit_recipe {self.audit_recipe} is also a recipe of the run, and its own networks cannot judge the "
                "labels that they train on; give the audit a recipe of its own"
            )
        if self.report_compares != "none" and self.given_model:
            raise ValueError("report_compares sets trained recipes side by side; leave it out where a model is given")
        if self.report_compares == "compare" and self.recipe not in self.compare:
            raise ValueError(f"report_compares: compare sets {self.recipe} beside the recipes of compare; add it there")
        if (self.site or self.site_lengths) and not self.given_model:
            raise ValueError("site and site_lengths are for a given model; give images, or a model")
        if self.site and self.site_lengths:
            raise ValueError("site applies a site's factors, and site_lengths finds them; give one of the two")
        if self.corrections and self.site_lengths:
            raise ValueError(
                "site_lengths are compared with the model's lengths, which corrections replace; give one of the two"
            )
        return self

    @property
    def data(self) -> str:
        """The dataset, decided."""
        return self.dataset if self.dataset != "auto" else "images" if self.images else "phantom"

    @property
    def run_name(self) -> str:
        return self.run or self.data

    @property
    def given_model(self) -> bool:
        """Whether a model measures that this run does not train."""
        return bool(self.model) or self.data == "images"

    def shards_of(self, images: int) -> int:
        """How many jobs share the images without labels; a job takes a second to start."""
        return self.shards or (1 if images < 500 else 4)

    @property
    def reported(self) -> str:
        """The recipe that is reported, or what stands for it where a model is given."""
        return GIVEN_MODEL if self.given_model else Path(self.recipe).stem

    def labels_of(self, recipe: str) -> str:
        """Which verdicts on labels a recipe trains on, a folder: an audit's own networks know geometry alone."""
        by_networks = self.audit_method == "out_of_fold" and recipe != Path(self.audit_recipe).stem
        return "reviewed" if by_networks else "labels"

    def data_facts(self) -> dict:
        """What, beside the recipe, another would have to set to make the model anew."""
        names = ("split", "split_file", "split_seed", "validation_fraction")
        names += ("test_fraction", "image_size", "calliper", "audit_method", "audit_recipe", "folds", "interval_level")
        values = self.model_dump(mode="json")
        return {name: values[name] for name in names}


def read_config(given: dict, typed: Iterable[str] = (), parsed: Mapping | None = None) -> Config:
    """The settings that Snakemake gathered from config.yaml, overlays and the command line, checked.

    ``typed`` has what stands behind ``--config``, as it was typed, and ``parsed`` what Snakemake made of it.

    Raises
    ------
    InputError
        In one line: the key, what is allowed, and the nearest name of an unknown key.
    """
    moved = {name.rpartition(".")[2]: name for name in field_names(Recipe)}
    for key, value in given.items():
        if key in Config.model_fields and not (key in RENAMED and isinstance(value, dict)):
            continue
        if key in RENAMED:
            raise InputError(f"{key} is a setting of version 0.1.0; now it is {RENAMED[key]}.")
        if key in moved:
            raise InputError(f"{key} is a setting of recipes, {moved[key]}; write it in a file in recipes/.")
    given = as_typed(given, typed, parsed or {}, Config)
    try:
        return Config.model_validate({key: value for key, value in given.items() if value is not None})
    except ValidationError as error:
        raise InputError(f"configuration: {describe_problem(error, Config)}") from None
