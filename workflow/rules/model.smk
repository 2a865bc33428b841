"""A trained model for others: its card, and how a rebuilt one compares with the one that is shipped.

Needs metrics.json. Makes model_card.md; against_card.csv where resources/models/ holds a model of the run's name.
"""


rule write_model_card:
    input:
        metrics=f"{RESULTS}/{{experiment}}/metrics.json",
        template=str(SCRIPTS / "fetal_biometry" / "model_card.md.j2"),
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
        settings=experiment_settings,
    message:
        "Writing {output.card}"
    script:
        "../scripts/write_model_card.py"


rule compare_to_card:
    input:
        metrics=f"{RESULTS}/{{experiment}}/metrics.json",
        shipped=f"{SHIPPED}/{config['run']}.json",
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
