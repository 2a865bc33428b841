"""A trained model for others: its card, and how a rebuilt one compares with the one that is shipped.

Needs metrics.json and model.onnx. Makes model_card.md; against_card.csv where resources/models/ holds a model of the dataset's name;
strangers.csv and .json, what the model says of images without a head, where asked for.
"""


rule write_model_card:
    input:
        metrics=f"{RESULTS}/{{experiment}}/metrics.json",
        model=f"{RESULTS}/{{experiment}}/model.onnx",
        template=str(SCRIPTS / "fetal_biometry" / "report" / "model_card.md.j2"),
        modules=modules("write_model_card"),
    output:
        card=report(
            f"{RESULTS}/{{experiment}}/model_card.md",
            caption="../report/model_card.rst",
            category="Results",
            labels={"experiment": "{experiment}", "table": "model card"},
        ),
    log:
        f"{LOGS}/{{experiment}}/write_model_card.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        run=lookup(dpath="run", within=config),
        settings=card_recipe,
    message:
        "Writing {output.card}"
    script:
        "../scripts/write_model_card.py"


rule compare_to_card:
    input:
        metrics=f"{RESULTS}/{{experiment}}/metrics.json",
        shipped=CARD_FIGURES,
        modules=modules("compare_to_card"),
    output:
        table=f"{RESULTS}/{{experiment}}/against_card.csv",
    log:
        f"{LOGS}/{{experiment}}/compare_to_card.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Comparing {wildcards.experiment} with the shipped model {input.shipped}"
    script:
        "../scripts/compare_to_card.py"


rule judge_strangers:
    input:
        unpack(label_tables),
        model=model_file("model.onnx"),
        manifest=f"{RESULTS}/manifest.csv",
        landmarks=shard_files(LOCATED, labelled=True),
        images=shard_files(CACHED, labelled=True),
        modules=modules("judge_strangers"),
    output:
        table=f"{RESULTS}/{{experiment}}/strangers.csv",
        summary=f"{RESULTS}/{{experiment}}/strangers.json",
    log:
        f"{LOGS}/{{experiment}}/judge_strangers.log",
    conda:
        "../../envs/measure.yaml"
    threads: 2
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        of_each_kind=lookup(dpath="strangers_judged", within=config),
        limits=lookup(dpath="flags", within=config),
        calliper=lookup(dpath="calliper", within=config),
    message:
        "Showing images without a head to {wildcards.experiment}"
    script:
        "../scripts/judge_strangers.py"
