"""Images and labels become arrays and audited tables, one part of the run at a time.

Needs the plan. Makes, under work/: prepared/<part>.npy (grey, uint8) with a csv row an image, audit/labels/<part>.csv and
audit/reviewed/<part>.csv (each label with its verdict), references/<part>.csv, and for each recipe
targets/<part>.npy with a csv of the landmarks that it trains on.
"""


rule draw_phantoms:
    input:
        code=modules("draw_phantoms"),
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
        phantom_count=CONFIG.phantom_count,
        seed=CONFIG.phantom_seed,
    message:
        "Drawing {params.phantom_count} phantoms"
    script:
        "../scripts/draw_phantoms.py"


rule prepare_images:
    input:
        plan=f"{WORK}/plan/{{part}}.csv",
        phantoms=phantom_folder,
        model=MODEL or [],
        code=modules("prepare_images"),
    output:
        images=f"{WORK}/prepared/{{part}}.npy",
        index=f"{WORK}/prepared/{{part}}.csv",
        quarantine=f"{WORK}/prepared/{{part}}.quarantine.csv",
    log:
        f"{LOGS}/prepare_images/{{part}}.log",
    benchmark:
        f"{BENCHMARKS}/prepare_images/{{part}}.tsv"
    wildcard_constraints:
        part=r"train|validation|test|images/\d+|planes",  # which the plan lists
    priority: 1  # bad images and labels stop the run before a training begins
    conda:
        "../../envs/measure.yaml"
    threads: 2
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        image_size=CONFIG.image_size,
        on_bad_image=CONFIG.on_bad_image,
    message:
        "Preparing the images of {wildcards.part}"
    script:
        "../scripts/prepare_images.py"


rule audit_labels:
    input:
        plan=f"{WORK}/plan/{{part}}.csv",
        phantoms=phantom_folder,
        labels=f"{WORK}/plan/{{part}}.labels.csv",
        index=f"{WORK}/prepared/{{part}}.csv",
        limits=LIMITS.format("audit"),
        code=modules("audit_labels"),
    output:
        labels=f"{WORK}/audit/labels/{{part}}.csv",
        quarantine=f"{WORK}/audit/labels/{{part}}.quarantine.csv",
    log:
        f"{LOGS}/audit_labels/{{part}}.log",
    priority: 1
    conda:
        "../../envs/prepare.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        outside_tolerance=CONFIG.outside_tolerance,
        on_bad_image=CONFIG.on_bad_image,
    message:
        "Auditing the labels of {wildcards.part} by their geometry"
    script:
        "../scripts/audit_labels.py"


rule review_labels:
    input:
        labels=f"{WORK}/audit/labels/{{part}}.csv",
        index=f"{WORK}/prepared/{{part}}.csv",
        found=audit_predictions,
        limits=LIMITS.format("review"),
        code=modules("review_labels"),
    output:
        labels=f"{WORK}/audit/reviewed/{{part}}.csv",
    log:
        f"{LOGS}/review_labels/{{part}}.log",
    conda:
        "../../envs/prepare.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Auditing the labels of {wildcards.part} by networks that never saw their examinations"
    script:
        "../scripts/review_labels.py"


rule read_references:
    input:
        labels=f"{WORK}/plan/{{part}}.references.csv",
        index=f"{WORK}/prepared/{{part}}.csv",
        code=modules("read_references"),
    output:
        references=f"{WORK}/references/{{part}}.csv",
    log:
        f"{LOGS}/read_references/{{part}}.log",
    priority: 1
    conda:
        "../../envs/prepare.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        on_bad_image=CONFIG.on_bad_image,
    message:
        "Reading the independent references of {wildcards.part}"
    script:
        "../scripts/read_references.py"


rule draw_negatives:
    input:
        code=modules("draw_negatives"),
    output:
        images=f"{WORK}/prepared/negatives.npy",
        index=f"{WORK}/prepared/negatives.csv",
    log:
        f"{LOGS}/draw_negatives.log",
    conda:
        "../../envs/prepare.yaml"
    threads: 2
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        image_size=CONFIG.image_size,
        of_each_kind=CONFIG.training_negatives,
    message:
        "Drawing images without a head"
    script:
        "../scripts/draw_negatives.py"


rule render_heatmaps:
    input:
        labels=label_file,
        index=f"{WORK}/prepared/{{part}}.csv",
        recipe=f"{WORK}/plan/recipes/{{recipe}}.training.yaml",
        limits=LIMITS.format("audit"),
        code=modules("render_heatmaps"),
    output:
        targets=f"{WORK}/{{recipe}}/targets/{{part}}.npy",
        index=f"{WORK}/{{recipe}}/targets/{{part}}.csv",
    log:
        f"{LOGS}/{{recipe}}/render_heatmaps/{{part}}.log",
    conda:
        "../../envs/prepare.yaml"
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        image_size=CONFIG.image_size,
    message:
        "Rendering the targets of {wildcards.part} for {wildcards.recipe}"
    script:
        "../scripts/render_heatmaps.py"


rule join_images:
    input:
        plan=parts(f"{WORK}/plan/{{part}}.csv"),
        index=parts(f"{WORK}/prepared/{{part}}.csv"),
        quarantined=parts(f"{WORK}/prepared/{{part}}.quarantine.csv"),
        planes=f"{WORK}/prepared/planes.quarantine.csv" if PLAN.planes else [],
        labels=parts(LABELS, "labelled"),
        bad_labels=parts(f"{WORK}/audit/labels/{{part}}.quarantine.csv", "labelled"),
        references=parts(f"{WORK}/references/{{part}}.csv", "referenced"),
        facts=parts(FACTS),
        folds=parts(FOLDS, "labelled"),
        quarantine=f"{WORK}/plan/quarantine.csv",
        code=modules("join_images"),
    output:
        images=f"{WORK}/images.csv",
        audit=report(
            f"{RESULTS}/audit.csv",
            caption="../report/audit.rst",
            category="Data",
            labels={"table": "label audit"},
        ),
        quarantine=f"{WORK}/quarantine.csv",
    log:
        f"{LOGS}/join_images.log",
    conda:
        "../../envs/prepare.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        parts=PLAN.parts,
    message:
        "Joining what is known of the images"
    script:
        "../scripts/join_images.py"
