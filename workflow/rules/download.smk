"""Public data sets, each fetched on demand.

Needs a network. Makes, in data_root: hc18/ as its archive has it, and external/<name>/ with images/ and index.csv, which
says what each image shows. The licence file is written last.
"""


rule download_hc18:
    input:
        code=modules("download_archive"),
    output:
        licence=f"{CONFIG.data_root}/hc18/HC18_LICENSE.txt",
    log:
        "results/logs/download_hc18.log",
    conda:
        "../../envs/prepare.yaml"
    resources:
        mem_mb=1000,
        runtime=240,
    params:
        archive="hc18_with_test_set" if CONFIG.download_test_set else "hc18",
        url=CONFIG.download_url,
    message:
        "Downloading HC18 (CC BY 4.0) to the folder of {output.licence}"
    script:
        "../scripts/download_archive.py"


use rule download_hc18 as download_african_planes with:
    output:
        licence=f"{CONFIG.data_root}/external/african_planes/LICENSE.txt",
    log:
        "results/logs/download_african_planes.log",
    params:
        archive="african_planes",
        url=CONFIG.download_url,
    message:
        "Downloading planes from five African countries (CC BY 4.0) to the folder of {output.licence}"


use rule download_hc18 as download_fetal_planes with:
    output:
        licence=f"{CONFIG.data_root}/external/fetal_planes/LICENSE.txt",
    log:
        "results/logs/download_fetal_planes.log",
    params:
        archive="fetal_planes",
        url=CONFIG.download_url,
    message:
        "Downloading FETAL_PLANES_DB (CC BY 4.0) to the folder of {output.licence}"
