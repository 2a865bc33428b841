from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")


if Path("config.yaml").is_file():  # of the working directory; without it every setting has its default

    configfile: "config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/download.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/predict.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/bench.smk"


rule all:
    default_target: True
    input:
        final_outputs,
    localrule: True
    message:
        "The report: {input[0]}"


rule measure:
    input:
        measured_outputs,
    localrule: True
    message:
        f"The lengths: {RESULTS}/predictions.csv; the page: {{input[0]}}"


rule audit:
    input:
        f"{RESULTS}/audit.csv",
        f"{RESULTS}/audit.html",
    localrule: True


rule audit_benchmark:
    input:
        f"{RESULTS}/audit_benchmark.json",
    localrule: True


rule compare:
    input:
        expand(f"{RESULTS}/compare.{{ending}}", ending=["html", "csv"]),
    localrule: True


rule ablate:
    input:
        expand(f"{RESULTS}/ablation.{{ending}}", ending=["html", "csv"]),
    localrule: True


rule negatives:
    input:
        f"{RESULTS}/negatives.json",
    localrule: True


rule bench:
    input:
        f"{BENCH}/bench.md",
    localrule: True


rule rebuild_model:
    input:
        f"{RESULTS}/model.onnx",
        f"{RESULTS}/model_card.md",
        f"{RESULTS}/against_card.csv",
    localrule: True
