"""A network for each recipe, and one a fold where networks of folds audit labels or calibrate.

Needs prepared images and rendered targets. Makes, under work/<recipe>/ or work/<recipe>/fold_<fold>/: model.pt (the epoch
that is kept), last.pt, history.csv and network.onnx. checkpoint.pt lies beside them until the network is exported, so that
an interrupted training goes on.
"""

TRAINING = dict(
    images=expand(f"{WORK}/prepared/{{part}}.npy", part=PLAN.trained_on),
    index=expand(f"{WORK}/prepared/{{part}}.csv", part=PLAN.trained_on),
    targets=expand(f"{WORK}/{{{{recipe}}}}/targets/{{part}}.npy", part=PLAN.trained_on),
    labels=expand(f"{WORK}/{{{{recipe}}}}/targets/{{part}}.csv", part=PLAN.trained_on),
    recipe=f"{WORK}/plan/recipes/{{recipe}}.training.yaml",
    code=modules("train_model"),
)


rule train_model:
    input:
        **TRAINING,
    output:
        best=f"{WORK}/{{recipe}}/model.pt",
        last=f"{WORK}/{{recipe}}/last.pt",
        history=report(
            f"{WORK}/{{recipe}}/history.csv",
            caption="../report/history.rst",
            category="Training",
            labels={"recipe": "{recipe}", "table": "history by epoch"},
        ),
    log:
        f"{LOGS}/{{recipe}}/train_model.log",
    benchmark:
        f"{BENCHMARKS}/{{recipe}}/train_model.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 8
    resources:
        mem_mb=2000,
        runtime=360,
    params:
        checkpoint=f"{WORK}/{{recipe}}/checkpoint.pt",
    message:
        "Training {wildcards.recipe}"
    script:
        "../scripts/train_model.py"


use rule train_model as train_fold with:
    input:
        **TRAINING,
        folds=expand(FOLDS, part=PLAN.trained_on),
    output:
        best=f"{WORK}/{{recipe}}/fold_{{fold}}/model.pt",
        last=f"{WORK}/{{recipe}}/fold_{{fold}}/last.pt",
        history=f"{WORK}/{{recipe}}/fold_{{fold}}/history.csv",
    log:
        f"{LOGS}/{{recipe}}/train_fold_{{fold}}.log",
    benchmark:
        f"{BENCHMARKS}/{{recipe}}/train_fold_{{fold}}.tsv"
    threads: 1  # networks of folds train side by side, a core each: a third faster than one after the other on all cores
    params:
        checkpoint=f"{WORK}/{{recipe}}/fold_{{fold}}/checkpoint.pt",
    message:
        "Training {wildcards.recipe} without fold {wildcards.fold}"


rule export_model:
    input:
        model=f"{WORK}/{{recipe}}/model.pt",
        recipe=f"{WORK}/plan/recipes/{{recipe}}.reading.yaml",
        images=quantising_images,
        code=modules("export_model"),
    output:
        network=f"{WORK}/{{recipe}}/network.onnx",
    log:
        f"{LOGS}/{{recipe}}/export_model.log",
    conda:
        "../../envs/torch.yaml"
    threads: 2
    resources:
        mem_mb=2000,
        runtime=10,
    message:
        "Exporting {wildcards.recipe} to ONNX"
    script:
        "../scripts/export_model.py"


use rule export_model as export_fold with:
    input:
        model=f"{WORK}/{{recipe}}/fold_{{fold}}/model.pt",
        recipe=f"{WORK}/plan/recipes/{{recipe}}.reading.yaml",
        images=quantising_images,
        code=modules("export_model"),
    output:
        network=f"{WORK}/{{recipe}}/fold_{{fold}}/network.onnx",
    log:
        f"{LOGS}/{{recipe}}/export_fold_{{fold}}.log",
    message:
        "Exporting {wildcards.recipe} without fold {wildcards.fold} to ONNX"
