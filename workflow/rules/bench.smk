"""How fast the workflow is, as ratios within one run: training, measuring, and planning.

Needs no data: phantoms are drawn, and the model is the pretrained one or that of `model`. bench.yaml says how much is
measured. Makes, in results/bench/, bench.json, bench.md and bench.svg. Each rule that times takes all cores, so that
nothing else runs beside it. time_to_accuracy, of a run that trains the baseline too, is a target of its own.
"""

BENCH = "results/bench"
BENCH_SETTINGS = "bench.yaml" if Path("bench.yaml").is_file() else str(HOME / "bench.yaml")
ALL_CORES = 1000  # of which Snakemake gives as many as --cores allows
TRAINED = Path(CONFIG.recipe).stem


rule bench_training:
    input:
        recipes=[str(HOME / "recipes" / f"{name}.yaml") for name in ("baseline", "heatmap", "hc18")],
        settings=BENCH_SETTINGS,
        code=modules("bench_training"),
    output:
        result=f"{BENCH}/training.json",
    log:
        f"{BENCH}/logs/bench_training.log",
    conda:
        "../../envs/bench.yaml"
    threads: ALL_CORES
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        image_size=CONFIG.image_size,
    message:
        "Timing epochs"
    script:
        "../scripts/bench_training.py"


rule bench_inference:
    input:
        model=MODEL or str(PRETRAINED / "hc18.onnx"),
        baseline=str(HOME / "recipes" / "baseline.yaml"),
        settings=BENCH_SETTINGS,
        code=modules("bench_inference"),
    output:
        result=f"{BENCH}/inference.json",
    log:
        f"{BENCH}/logs/bench_inference.log",
    conda:
        "../../envs/bench.yaml"
    threads: ALL_CORES
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        image_size=CONFIG.image_size,
    message:
        "Timing images from file to mm"
    script:
        "../scripts/bench_inference.py"


rule bench_workflow:
    input:
        recipe=str(HOME / "recipes" / "heatmap.yaml"),
        settings=BENCH_SETTINGS,
        code=modules("bench_workflow"),
    output:
        result=f"{BENCH}/workflow.json",
    log:
        f"{BENCH}/logs/bench_workflow.log",
    conda:
        "../../envs/bench.yaml"
    threads: ALL_CORES
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        root=str(HOME),
        image_size=CONFIG.image_size,
    message:
        "Timing plans and runs of the workflow"
    script:
        "../scripts/bench_workflow.py"


rule render_bench:
    input:
        training=f"{BENCH}/training.json",
        inference=f"{BENCH}/inference.json",
        workflow=f"{BENCH}/workflow.json",
        code=modules("render_bench"),
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
        baseline=f"{WORK}/baseline/history.csv",
        other=f"{WORK}/{TRAINED}/history.csv",
        images=f"{WORK}/images.csv",
        bench=f"{BENCH}/training.json",
        code=modules("time_to_accuracy"),
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
        f"Looking up when {TRAINED} is as good as the baseline"
    script:
        "../scripts/time_to_accuracy.py"
