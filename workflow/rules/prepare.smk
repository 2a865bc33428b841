"""Images and labels become arrays that training and inference read without decoding anything.

Needs manifest.csv. Makes cache/<shard>.npy (grey, uint8) and <experiment>/heatmaps/<shard>.npy (float16), each
with a csv that names its rows. An image's shard is a hash of its name.
"""


rule cache_images:
    input:
        manifest=ancient(f"{RESULTS}/manifest.csv"),
        model=MODEL or [],
        stamp=stamp("cache_images/{shard}"),
        modules=modules("cache_images"),
    output:
        images=CACHED,
        index=f"{RESULTS}/cache/{{shard}}.csv",
    log:
        f"{LOGS}/cache_images/{{shard}}.log",
    benchmark:
        f"{BENCHMARKS}/cache_images/{{shard}}.tsv"
    conda:
        "../../envs/measure.yaml"
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        shards=lookup(dpath="shards", within=config),
        cache_size=lookup(dpath="cache_size", within=config),
    message:
        "Caching the images of shard {wildcards.shard}"
    script:
        "../scripts/cache_images.py"


rule draw_strangers:
    input:
        modules=modules("draw_strangers"),
    output:
        images=STRANGERS,
        index=str(Path(STRANGERS).with_suffix(".csv")),
    log:
        f"{LOGS}/draw_strangers.log",
    conda:
        "../../envs/prepare.yaml"
    threads: 2
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        of_each_kind=lookup(dpath="strangers_drawn", within=config),
        cache_size=lookup(dpath="cache_size", within=config),
    message:
        "Drawing images without a head"
    script:
        "../scripts/draw_strangers.py"


rule render_heatmaps:
    input:
        manifest=ancient(f"{RESULTS}/manifest.csv"),
        stamp=stamp("render_heatmaps/{experiment}/{shard}"),
        modules=modules("render_heatmaps"),
    output:
        heatmaps=RENDERED,
        index=f"{RESULTS}/{{experiment}}/heatmaps/{{shard}}.csv",
    log:
        f"{LOGS}/{{experiment}}/render_heatmaps/{{shard}}.log",
    conda:
        "../../envs/prepare.yaml"
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        shards=lookup(dpath="shards", within=config),
        image_size=lookup(dpath="image_size", within=config),
        sigma_px=knob("sigma_px"),
        stride=knob("stride"),
    message:
        "Rendering the heatmaps of shard {wildcards.shard} for {wildcards.experiment}"
    script:
        "../scripts/render_heatmaps.py"
