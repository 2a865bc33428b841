"""Are the labels to be trusted? By geometry, and by networks that never saw the examination they judge.

Needs manifest.csv and the cache. Makes audit.csv, and under audit/ what it rests on: screen.csv (geometry), a network a
fold, landmarks.csv (what the networks found). The folds' splits, which cross_fit shares, lie in folds/. With
audit_rounds: 2 the first audit's tables lie in audit/first/ and the networks that judge in second_audit/.
benchmark_audit holds it against an independent reference.
"""


rule screen_labels:
    input:
        manifest=ancient(f"{RESULTS}/manifest.csv"),
        stamp=stamp("screen_labels"),
        modules=modules("screen_labels"),
    output:
        screen=f"{RESULTS}/audit/screen.csv",
    log:
        f"{LOGS}/screen_labels.log",
    conda:
        "../../envs/prepare.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        limits=lookup(dpath="audit", within=config),
    message:
        "Screening the labels by their geometry"
    script:
        "../scripts/screen_labels.py"


rule split_folds:
    input:
        split=f"{RESULTS}/split.csv",
        stamp=stamp("split_folds"),
        modules=modules("split_folds"),
    output:
        folds=[fold_split(fold) for fold in range(config["folds"])],
    log:
        f"{LOGS}/split_folds.log",
    conda:
        "../../envs/prepare.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        seed=lookup(dpath="split_seed", within=config),
    message:
        "Splitting the training examinations into folds"
    script:
        "../scripts/split_folds.py"


rule audit_labels:
    input:
        manifest=ancient(f"{RESULTS}/manifest.csv"),
        screen=f"{RESULTS}/audit/screen.csv",
        landmarks=audit_landmarks(config["audit_rounds"] - 1),
        stamp=stamp("audit_labels"),
        modules=modules("audit_labels"),
    output:
        audit=report(
            f"{RESULTS}/audit.csv",
            caption="../report/audit.rst",
            category="Data",
            labels={"table": "label audit"},
        ),
        found=f"{RESULTS}/audit/landmarks.csv",
    log:
        f"{LOGS}/audit_labels.log",
    conda:
        "../../envs/prepare.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        folds=lookup(dpath="folds", within=config),
        seed=lookup(dpath="split_seed", within=config),
        limits=config["audit"] | config["audit_networks"],
    message:
        "Auditing the labels"
    script:
        "../scripts/audit_labels.py"


use rule audit_labels as audit_labels_first with:
    input:
        manifest=ancient(f"{RESULTS}/manifest.csv"),
        screen=f"{RESULTS}/audit/screen.csv",
        landmarks=audit_landmarks(0),
        stamp=stamp("audit_labels"),
        modules=modules("audit_labels"),
    output:
        audit=f"{RESULTS}/audit/first/audit.csv",
        found=f"{RESULTS}/audit/first/landmarks.csv",
    log:
        f"{LOGS}/audit_labels_first.log",
    message:
        "Auditing the labels, for the networks of the second audit"


rule render_audit:
    input:
        manifest=f"{RESULTS}/manifest.csv",
        audit=f"{RESULTS}/audit.csv",
        found=f"{RESULTS}/audit/landmarks.csv",
        template=page_templates("audit"),
        modules=modules("render_audit"),
    output:
        html=report(
            f"{RESULTS}/audit.html",
            caption="../report/audit.rst",
            category="Data",
            labels={"page": "label audit"},
        ),
        annotator=f"{RESULTS}/audit/for_annotator.csv",
    log:
        f"{LOGS}/render_audit.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        run=lookup(dpath="run", within=config),
        method=lookup(dpath="audit_method", within=config),
        limits=config["audit"] | config["audit_networks"],
    message:
        "Writing {output.html}"
    script:
        "../scripts/render_audit.py"


rule benchmark_audit:
    input:
        manifest=f"{RESULTS}/manifest.csv",
        audit=f"{RESULTS}/audit.csv",
        screen=f"{RESULTS}/audit/screen.csv",
        modules=modules("benchmark_audit"),
    output:
        metrics=f"{RESULTS}/audit/benchmark.json",
        figure=report(
            f"{RESULTS}/audit/benchmark.svg",
            caption="../report/benchmark.rst",
            category="Data",
            labels={"figure": "audit benchmark"},
        ),
    log:
        f"{LOGS}/benchmark_audit.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Holding the audit against the independent reference"
    script:
        "../scripts/benchmark_audit.py"
