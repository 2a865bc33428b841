"""How fast the workflow is, as ratios within one run: training, measuring, and planning.

Needs no data: phantoms are drawn, and the model is the pretrained one or that of `model`. bench.yaml says how much is
measured. Makes, in results/bench/, <kind>.json of this kind of processor, bench.svg of it, and bench.md of all kinds that
have a file there. Each rule that times takes all cores, so that nothing else runs beside it. time_to_accuracy, of a run
that trains the baseline too, is a target of its own.
"""

BENCH = "results/bench"
PROCESSOR = read_processor().kind
TIMED = f"{BENCH}/{PROCESSOR}"  # a folder for what becomes its file
OTHER_KINDS = [f"{BENCH}/{kind}.json" for kind in KINDS if kind != PROCESSOR]
BENCH_SETTINGS = "bench.yaml" if Path("bench.yaml").is_file() else str(HOME / "bench.yaml")
ALL_CORES = 1000  # of which Snakemake gives as many as --cores allows
TRAINED = Path(CONFIG.recipe).stem


rule bench_training:
    input:
        recipes=[str(HOME / "recipes" / f"{name}.yaml") for name in ("baseline", "heatmap", "hc18")],
        settings=BENCH_SETTINGS,
        code=modules("bench_training"),
    output:
        result=f"{TIMED}/training.json",
    log:
        f"{TIMED}/logs/bench_training.log",
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
        result=f"{TIMED}/inference.json",
    log:
        f"{TIMED}/logs/bench_inference.log",
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
        result=f"{TIMED}/workflow.json",
    log:
        f"{TIMED}/logs/bench_workflow.log",
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
        training=f"{TIMED}/training.json",
        inference=f"{TIMED}/inference.json",
        workflow=f"{TIMED}/workflow.json",
        others=[path for path in OTHER_KINDS if Path(path).is_file()],
        code=modules("render_bench"),
    output:
        bench=f"{TIMED}.json",
        table=f"{BENCH}/bench.md",
        figure=f"{BENCH}/bench.svg",
    log:
        f"{TIMED}/logs/render_bench.log",
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
        bench=f"{TIMED}/training.json",
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
