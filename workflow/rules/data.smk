"""Images and labels become one manifest and a split.

Needs the dataset that the configuration names; phantoms are drawn here.
Makes manifest.csv, split.csv and, of images that are put aside, quarantine.csv.
"""


rule stamp_stage:
    output:
        stamp=stamp("{stage}"),
    log:
        f"{LOGS}/stamp_stage/{{stage}}.log",
    localrule: True
    conda:
        "../../envs/prepare.yaml"
    params:
        digest=stamp_digest,
    message:
        "Noting what {wildcards.stage} depends on"
    shell:
        "echo {params.digest} > {output.stamp} 2> {log}"


rule draw_phantoms:
    input:
        modules=modules("draw_phantoms"),
    output:
        folder=directory(PHANTOMS),
    log:
        f"{LOGS}/draw_phantoms.log",
    conda:
        "../../envs/prepare.yaml"
    threads: 2
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        phantom_count=lookup(dpath="phantom_count", within=config),
        seed=lookup(dpath="phantom_seed", within=config),
    message:
        "Drawing {params.phantom_count} phantoms"
    script:
        "../scripts/draw_phantoms.py"


rule download_hc18:
    input:
        modules=modules("download_hc18"),
    output:
        licence=f"{config['data_root']}/hc18/HC18_LICENSE.txt",
    log:
        "results/logs/download_hc18.log",
    conda:
        "../../envs/prepare.yaml"
    resources:
        mem_mb=500,
        runtime=120,
    params:
        url=lookup(dpath="download_url", within=config),
        test_set=lookup(dpath="download_test_set", within=config),
    message:
        "Downloading HC18 (CC BY 4.0) beside {output.licence}"
    script:
        "../scripts/download_hc18.py"


rule build_manifest:
    input:
        phantoms=phantom_folder,
        modules=modules("build_manifest"),
    output:
        manifest=f"{RESULTS}/manifest.csv",
        quarantine=QUARANTINE,
    log:
        f"{LOGS}/build_manifest.log",
    conda:
        "../../envs/prepare.yaml"
    threads: 2
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        digest=manifest_digest,
        settings=select(DATA_KEYS),
        phantom_folder=PHANTOMS,
        file_index=FILE_INDEX,
    message:
        "Listing the images and their labels"
    script:
        "../scripts/build_manifest.py"


rule split_images:
    input:
        manifest=ancient(f"{RESULTS}/manifest.csv"),
        stamp=stamp("split_images"),
        modules=modules("split_images"),
    output:
        split=report(
            f"{RESULTS}/split.csv",
            caption="../report/split.rst",
            category="Data",
            labels={"table": "split by examination"},
        ),
    log:
        f"{LOGS}/split_images.log",
    conda:
        "../../envs/prepare.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=select(SPLIT_KEYS),
    message:
        "Splitting by examination"
    script:
        "../scripts/split_images.py"
