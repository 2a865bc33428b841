"""What a reader opens: the report of one experiment, and the comparison of several.

Needs manifest.csv, audit.csv, split.csv and each experiment's predictions, metrics and history.
Makes report.html; overlays where a given model measures; compare.html, .csv and .svg and ablation.html, .csv and .svg
where asked for.
"""


rule render_report:
    input:
        unpack(report_files),
        manifest=f"{RESULTS}/manifest.csv",
        quarantine=QUARANTINE,
        template=page_templates("report"),
        modules=modules("render_report"),
    output:
        html=report(
            f"{RESULTS}/report.html",
            caption="../report/report.rst",
            category="Report",
            labels={"page": "report for readers"},
        ),
    log:
        f"{LOGS}/render_report.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        run=lookup(dpath="run", within=config),
        experiment=REPORTED,
        settings=config,
    message:
        "Writing {output.html}"
    script:
        "../scripts/render_report.py"


rule draw_overlays:
    input:
        landmarks=LOCATED,
        manifest=ancient(f"{RESULTS}/manifest.csv"),
        stamp=stamp("draw_overlays/{shard}"),
        style=str(SCRIPTS / "fetal_biometry" / "report" / "overlay.css"),
        modules=modules("draw_overlays"),
    output:
        folder=directory(OVERLAYS),
    log:
        f"{LOGS}/{{experiment}}/draw_overlays/{{shard}}.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=30,
    message:
        "Drawing the heads of shard {wildcards.shard} on their images"
    script:
        "../scripts/draw_overlays.py"


rule compare_experiments:
    input:
        metrics=[f"{RESULTS}/{name}/metrics.json" for name in config["compare"]],
        errors=[f"{RESULTS}/{name}/errors.csv" for name in config["compare"]],
        modules=modules("compare_experiments"),
    output:
        table=report(
            f"{RESULTS}/compare.csv",
            caption="../report/compare.rst",
            category="Comparison",
            labels={"kind": "table"},
        ),
        figure=report(
            f"{RESULTS}/compare.svg",
            caption="../report/compare.rst",
            category="Comparison",
            labels={"kind": "figure"},
        ),
    log:
        f"{LOGS}/compare_experiments.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        against=COMPARED_WITH,
        steps=False,
    message:
        "Comparing {config[compare]}"
    script:
        "../scripts/compare_experiments.py"


use rule compare_experiments as compare_ablation with:
    input:
        metrics=[f"{RESULTS}/{name}/metrics.json" for name in config["ablation"]],
        errors=[f"{RESULTS}/{name}/errors.csv" for name in config["ablation"]],
        modules=modules("compare_experiments"),
    output:
        table=report(
            f"{RESULTS}/ablation.csv",
            caption="../report/compare.rst",
            category="Ablation",
            labels={"kind": "table"},
        ),
        figure=report(
            f"{RESULTS}/ablation.svg",
            caption="../report/compare.rst",
            category="Ablation",
            labels={"kind": "figure"},
        ),
    log:
        f"{LOGS}/compare_ablation.log",
    params:
        against=ABLATED_FROM,
        steps=True,
    message:
        "Comparing {config[ablation]}"


rule render_comparison:
    input:
        table=f"{RESULTS}/compare.csv",
        manifest=f"{RESULTS}/manifest.csv",
        errors=[f"{RESULTS}/{name}/errors.csv" for name in config["compare"]],
        predictions=[f"{RESULTS}/{name}/predictions.csv" for name in config["compare"]],
        template=page_templates("comparison"),
        modules=modules("render_comparison"),
    output:
        html=report(
            f"{RESULTS}/compare.html",
            caption="../report/compare.rst",
            category="Comparison",
            labels={"kind": "page"},
        ),
    log:
        f"{LOGS}/render_comparison.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        run=lookup(dpath="run", within=config),
        against=COMPARED_WITH,
    message:
        "Writing {output.html}"
    script:
        "../scripts/render_comparison.py"


use rule render_comparison as render_ablation with:
    input:
        table=f"{RESULTS}/ablation.csv",
        manifest=f"{RESULTS}/manifest.csv",
        errors=[f"{RESULTS}/{name}/errors.csv" for name in config["ablation"]],
        predictions=[f"{RESULTS}/{name}/predictions.csv" for name in config["ablation"]],
        template=page_templates("comparison"),
        modules=modules("render_comparison"),
    output:
        html=report(
            f"{RESULTS}/ablation.html",
            caption="../report/compare.rst",
            category="Ablation",
            labels={"kind": "page"},
        ),
    log:
        f"{LOGS}/render_ablation.log",
    params:
        run=lookup(dpath="run", within=config),
        against=ABLATED_FROM,
