"""One network an experiment, or one a fold, trained on the sound training labels and exported for use without torch.

Needs the cache, the heatmaps, split.csv and audit.csv. Makes model.pt (best epoch), last.pt, history.csv and
network.onnx, which holds all networks of an ensemble. checkpoint.pt lies beside them until the model is exported, so that
an interrupted training goes on, also one whose files Snakemake was not to know for whole.
"""


rule train_model:
    input:
        manifest=ancient(f"{RESULTS}/manifest.csv"),
        audit=ancient(training_table("audit")),
        split=ancient(training_table("split")),
        found=ancient(training_table("found")),
        images=ancient(shard_files(CACHED, labelled=True)),
        heatmaps=ancient(heatmap_files),
        strangers=strangers_taught,
        stamp=stamp("train_model/{experiment}"),
        modules=modules("train_model"),
    output:
        best=f"{RESULTS}/{{experiment}}/model.pt",
        last=f"{RESULTS}/{{experiment}}/last.pt",
        history=report(
            f"{RESULTS}/{{experiment}}/history.csv",
            caption="../report/history.rst",
            category="Training",
            labels={"experiment": "{experiment}", "table": "history by epoch"},
        ),
    log:
        f"{LOGS}/{{experiment}}/train_model.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/train_model.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: training_threads
    resources:
        mem_mb=2000,
        runtime=360,
    params:
        identity=training_identity,
        settings=training_settings,
        limits=lookup(dpath="audit", within=config),
        checkpoint=f"{RESULTS}/{{experiment}}/checkpoint.pt",
    message:
        "Training {wildcards.experiment} for {params.settings[epochs]} epochs"
    script:
        "../scripts/train_model.py"


rule export_model:
    input:
        unpack(quantising_files),
        models=trained_models,
        stamp=stamp("export_model"),
        modules=modules("export_model"),
    output:
        network=f"{RESULTS}/{{experiment}}/network.onnx",
    log:
        f"{LOGS}/{{experiment}}/export_model.log",
    conda:
        "../../envs/torch.yaml"
    threads: 2
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        settings=experiment_settings,
        checkpoints=training_checkpoints,
    message:
        "Exporting {wildcards.experiment} to ONNX"
    script:
        "../scripts/export_model.py"
