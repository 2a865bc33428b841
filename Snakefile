from snakemake.utils import min_version, validate

min_version("9.27")


configfile: "config.yaml"


validate(config, "workflow/schemas/config.schema.yaml")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/audit.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/predict.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/model.smk"
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
        final_outputs,
    localrule: True
    message:
        f"The lengths: {RESULTS}/{REPORTED}/predictions.csv; to look at: {{input[0]}}"


rule audit:
    input:
        f"{RESULTS}/audit.csv",
        f"{RESULTS}/audit.html",
    localrule: True


rule audit_benchmark:
    input:
        f"{RESULTS}/audit/benchmark.json",
        f"{RESULTS}/audit/benchmark.svg",
    localrule: True


rule compare:
    input:
        f"{RESULTS}/compare.html",
        f"{RESULTS}/compare.csv",
        f"{RESULTS}/compare.svg",
    localrule: True


rule ablate:
    input:
        f"{RESULTS}/ablation.html",
        f"{RESULTS}/ablation.csv",
        f"{RESULTS}/ablation.svg",
    localrule: True


rule strangers:
    input:
        f"{RESULTS}/{REPORTED}/strangers.json",
    localrule: True


rule bench:
    input:
        f"{BENCH}/bench.md",
        f"{BENCH}/bench.svg",
    localrule: True


rule rebuild_model:
    input:
        f"{RESULTS}/{REPORTED}/model.onnx",
        f"{RESULTS}/{REPORTED}/model_card.md",
        f"{RESULTS}/{REPORTED}/against_card.csv",
    localrule: True
