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


localrules:
    all,
    audit,
    audit_benchmark,
    ablate,
    bench,
    compare,
    measure,
    rebuild_model,


rule all:
    default_target: True
    input:
        final_outputs,
    message:
        "The report: {input[0]}"


rule measure:
    input:
        final_outputs,
    message:
        f"The lengths: {RESULTS}/{REPORTED}/predictions.csv; to look at: {{input[0]}}"


rule audit:
    input:
        f"{RESULTS}/audit.csv",
        f"{RESULTS}/audit.html",


rule audit_benchmark:
    input:
        f"{RESULTS}/audit/benchmark.json",
        f"{RESULTS}/audit/benchmark.svg",


rule compare:
    input:
        f"{RESULTS}/compare.csv",
        f"{RESULTS}/compare.svg",


rule ablate:
    input:
        f"{RESULTS}/ablation.csv",
        f"{RESULTS}/ablation.svg",


rule bench:
    input:
        f"{BENCH}/bench.md",
        f"{BENCH}/bench.svg",


rule rebuild_model:
    input:
        f"{RESULTS}/{REPORTED}/model.onnx",
        f"{RESULTS}/{REPORTED}/model_card.md",
        f"{RESULTS}/{REPORTED}/against_card.csv",
