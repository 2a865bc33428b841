"""Public data sets, each fetched on demand.

Needs a network. Makes, in data_root: hc18/ as its archive has it, and external/<name>/ with images/ and index.csv, which
says what each image shows. The licence file is written last.
"""


rule download_hc18:
    input:
        code=modules("download_hc18"),
    output:
        licence=f"{CONFIG.data_root}/hc18/HC18_LICENSE.txt",
    log:
        "results/logs/download_hc18.log",
    conda:
        "../../envs/prepare.yaml"
    resources:
        mem_mb=500,
        runtime=120,
    params:
        url=CONFIG.download_url,
        test_set=CONFIG.download_test_set,
    message:
        "Downloading HC18 (CC BY 4.0) beside {output.licence}"
    script:
        "../scripts/download_hc18.py"


rule download_african_planes:
    input:
        code=modules("download_african_planes"),
    output:
        licence=f"{CONFIG.data_root}/external/african_planes/LICENSE.txt",
    log:
        "results/logs/download_african_planes.log",
    conda:
        "../../envs/prepare.yaml"
    resources:
        mem_mb=500,
        runtime=60,
    params:
        url=CONFIG.download_url,
    message:
        "Downloading planes from five African countries (CC BY 4.0) beside {output.licence}"
    script:
        "../scripts/download_african_planes.py"


rule download_fetal_planes:
    input:
        code=modules("download_fetal_planes"),
    output:
        licence=f"{CONFIG.data_root}/external/fetal_planes/LICENSE.txt",
    log:
        "results/logs/download_fetal_planes.log",
    conda:
        "../../envs/prepare.yaml"
    resources:
        mem_mb=1000,
        runtime=240,
    params:
        url=CONFIG.download_url,
    message:
        "Downloading FETAL_PLANES_DB (CC BY 4.0) beside {output.licence}"
    script:
        "../scripts/download_fetal_planes.py"
