from snakemake.utils import min_version, validate

min_version("9.27")


configfile: "config.yaml"


validate(config, "workflow/schemas/config.schema.yaml")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/predict.smk"
include: "workflow/rules/report.smk"


localrules:
    all,
    compare,


rule all:
    default_target: True
    input:
        final_outputs,


rule compare:
    input:
        f"{RESULTS}/compare.csv",
        f"{RESULTS}/compare.svg",
