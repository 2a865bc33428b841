"""How fast the workflow is: training, measuring, and what a person types, with the goal beside each figure.

Needs no data: phantoms are drawn, and the model is the pretrained one or that of `model`. bench.yaml says how much is
timed. Makes, in results/bench/, <kind>.json of this kind of processor, and bench.md of all kinds that have a file there.
What times takes all cores, so that nothing else runs beside it.
"""

BENCH = "results/bench"
PROCESSOR = read_processor().kind
TIMED = f"{BENCH}/{PROCESSOR}"  # a folder for what becomes its file
OTHER_KINDS = [f"{BENCH}/{kind}.json" for kind in KINDS if kind != PROCESSOR]


rule time_work:
    input:
        model=MODEL or str(PRETRAINED / "hc18.onnx"),
        baseline=str(HOME / "recipes" / "baseline.yaml"),
        default=str(HOME / "recipes" / "heatmap.yaml"),
        settings="bench.yaml" if Path("bench.yaml").is_file() else str(HOME / "bench.yaml"),
        code=modules("time_work"),
    output:
        figures=f"{TIMED}/{{work}}.json",
    log:
        f"{TIMED}/logs/time_work/{{work}}.log",
    wildcard_constraints:
        work="training|inference|commands",
    conda:
        "../../envs/bench.yaml"
    threads: 1000  # Snakemake gives as many as --cores allows
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        root=str(HOME),
        image_size=CONFIG.image_size,
    message:
        "Timing {wildcards.work}"
    script:
        "../scripts/time_work.py"


rule render_bench:
    input:
        training=f"{TIMED}/training.json",
        inference=f"{TIMED}/inference.json",
        commands=f"{TIMED}/commands.json",
        others=[path for path in OTHER_KINDS if Path(path).is_file()],
        code=modules("render_bench"),
    output:
        bench=f"{TIMED}.json",
        table=f"{BENCH}/bench.md",
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
