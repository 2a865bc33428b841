"""A model on every image: landmarks, lengths, and how far to trust them.

Needs the cache, a model and manifest.csv; split.csv and audit.csv where anything is labelled.
Makes predictions.csv, exports/, metrics.json and errors.csv.
"""


rule predict_landmarks:
    input:
        model=model_file("network.onnx"),
        images=CACHED,
        index=f"{RESULTS}/cache/{{shard}}.csv",
        fold=ancient(judged_fold),
        split=ancient(teaching_split),
        stamp=predicting_stamp,
        modules=modules("predict_landmarks"),
    output:
        landmarks=LOCATED,
    log:
        f"{LOGS}/{{experiment}}/predict_landmarks/{{shard}}.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/predict_landmarks/{{shard}}.tsv"
    conda:
        "../../envs/measure.yaml"
    resources:
        mem_mb=1000,
        runtime=30,
    message:
        "Locating the landmarks of shard {wildcards.shard} with {wildcards.experiment}"
    script:
        "../scripts/predict_landmarks.py"


rule calibrate_intervals:
    input:
        unpack(label_tables),
        unpack(unseen_files),
        found=found_by_folds,
        manifest=f"{RESULTS}/manifest.csv",
        landmarks=shard_files(LOCATED, labelled=True),
        modules=modules("calibrate_intervals"),
    output:
        calibration=f"{RESULTS}/{{experiment}}/calibration.json",
    log:
        f"{LOGS}/{{experiment}}/calibrate_intervals.log",
    conda:
        "../../envs/measure.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        interval_level=lookup(dpath="interval_level", within=config),
        interval_assurance=lookup(dpath="interval_assurance", within=config),
        calliper=lookup(dpath="calliper", within=config),
        correct=knob("correct"),
        folds=lookup(dpath="folds", within=config),
        seed=lookup(dpath="split_seed", within=config),
    message:
        "Calibrating the intervals of {wildcards.experiment}"
    script:
        "../scripts/calibrate_intervals.py"


rule package_model:
    input:
        network=f"{RESULTS}/{{experiment}}/network.onnx",
        calibration=f"{RESULTS}/{{experiment}}/calibration.json",
        modules=modules("package_model"),
    output:
        model=f"{RESULTS}/{{experiment}}/model.onnx",
    log:
        f"{LOGS}/{{experiment}}/package_model.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Packing {wildcards.experiment} and its intervals into {output.model}"
    script:
        "../scripts/package_model.py"


rule measure_heads:
    input:
        unpack(interval_files),
        unpack(unseen_files),
        manifest=f"{RESULTS}/manifest.csv",
        landmarks=shard_files(LOCATED),
        modules=modules("measure_heads"),
    output:
        predictions=report(
            f"{RESULTS}/{{experiment}}/predictions.csv",
            caption="../report/predictions.rst",
            category="Results",
            labels={"experiment": "{experiment}", "table": "predictions"},
        ),
        exports=[f"{RESULTS}/{{experiment}}/exports/{name}" for name in EXPORTS],
        measurements=f"{RESULTS}/{{experiment}}/exports/measurements.json",
    log:
        f"{LOGS}/{{experiment}}/measure_heads.log",
    conda:
        "../../envs/measure.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        calliper=lookup(dpath="calliper", within=config),
        limits=lookup(dpath="flags", within=config),
        folds=lookup(dpath="folds", within=config),
        seed=lookup(dpath="split_seed", within=config),
        chart=lookup(dpath="growth_chart", within=config),
    message:
        "Measuring the heads found by {wildcards.experiment}"
    script:
        "../scripts/measure_heads.py"


rule evaluate_model:
    input:
        unpack(evaluation_files),
        manifest=f"{RESULTS}/manifest.csv",
        predictions=f"{RESULTS}/{{experiment}}/predictions.csv",
        model=model_file("network.onnx"),
        modules=modules("evaluate_model"),
    output:
        metrics=report(
            f"{RESULTS}/{{experiment}}/metrics.json",
            caption="../report/metrics.rst",
            category="Results",
            labels={"experiment": "{experiment}", "table": "metrics"},
        ),
        errors=f"{RESULTS}/{{experiment}}/errors.csv",
    log:
        f"{LOGS}/{{experiment}}/evaluate_model.log",
    conda:
        "../../envs/measure.yaml"
    threads: 2
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        trained=is_trained,
        dataset=lookup(dpath="dataset", within=config),
        calliper=lookup(dpath="calliper", within=config),
        interval_level=lookup(dpath="interval_level", within=config),
        settings=experiment_settings,
    message:
        "Evaluating {wildcards.experiment}"
    script:
        "../scripts/evaluate_model.py"
