"""How fast it is, as ratios within one run: training, inference, and what the workflow itself costs.

Needs no data: phantoms are drawn, and the model is the shipped one or that of `model`. Makes, in results/bench/,
bench.json, bench.md and bench.svg. Each rule takes all cores, so that nothing else runs beside it. time_to_accuracy, of
a run that trains the reference, too, is a target of its own.
"""

BENCH = "results/bench"


rule bench_training:
    input:
        modules=modules("bench_training"),
    output:
        result=f"{BENCH}/training.json",
    log:
        f"{BENCH}/logs/bench_training.log",
    conda:
        "../../envs/bench.yaml"
    threads: workflow.cores
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        settings=timed_settings,
        images=lookup(dpath="bench/images", within=config),
        rounds=lookup(dpath="bench/rounds", within=config),
    message:
        "Timing epochs"
    script:
        "../scripts/bench_training.py"


rule bench_inference:
    input:
        model=MODEL or SHIPPED_MODEL,
        modules=modules("bench_inference"),
    output:
        result=f"{BENCH}/inference.json",
    log:
        f"{BENCH}/logs/bench_inference.log",
    conda:
        "../../envs/bench.yaml"
    threads: workflow.cores
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        reference=timed("reference"),
        images=lookup(dpath="bench/images", within=config),
        rounds=lookup(dpath="bench/rounds", within=config),
        resident=lookup(dpath="bench/resident", within=config),
    message:
        "Timing images from file to mm"
    script:
        "../scripts/bench_inference.py"


rule bench_workflow:
    input:
        modules=modules("bench_workflow"),
    output:
        result=f"{BENCH}/workflow.json",
    log:
        f"{BENCH}/logs/bench_workflow.log",
    conda:
        "../../envs/bench.yaml"
    threads: workflow.cores
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        root=str(HOME.resolve()),
        settings=timed("ours"),
        run_at=lookup(dpath="bench/run_at", within=config),
        plan_at=lookup(dpath="bench/plan_at", within=config),
    message:
        "Timing plans and runs of the workflow"
    script:
        "../scripts/bench_workflow.py"


rule render_bench:
    input:
        training=f"{BENCH}/training.json",
        inference=f"{BENCH}/inference.json",
        workflow=f"{BENCH}/workflow.json",
        modules=modules("render_bench"),
    output:
        bench=f"{BENCH}/bench.json",
        table=f"{BENCH}/bench.md",
        figure=f"{BENCH}/bench.svg",
    log:
        f"{BENCH}/logs/render_bench.log",
    conda:
        "../../envs/bench.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Writing {output.table}"
    script:
        "../scripts/render_bench.py"


rule time_to_accuracy:
    input:
        reference=f"{RESULTS}/reference/history.csv",
        ours=f"{RESULTS}/{config['experiment']}/history.csv",
        exported=[f"{RESULTS}/{name}/network.onnx" for name in ("reference", config["experiment"])],
        split=f"{RESULTS}/split.csv",
        bench=f"{BENCH}/training.json",
        modules=modules("time_to_accuracy"),
    output:
        result=f"{RESULTS}/time_to_accuracy.json",
    log:
        f"{LOGS}/time_to_accuracy.log",
    conda:
        "../../envs/bench.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Looking up when ours got as good as the reference"
    script:
        "../scripts/time_to_accuracy.py"
