"""A model on every image: landmarks, lengths, and how far to trust them.

Needs prepared images, a model, and labels where there are any. Makes, under work/<recipe>/: predicted/<part>.csv,
calibration.json, model.onnx, predictions.csv, the exports, metrics.json and errors.csv; and site.json from a site's
lengths.
"""


rule predict_landmarks:
    input:
        model=of_model("network.onnx"),
        images=f"{WORK}/prepared/{{part}}.npy",
        index=f"{WORK}/prepared/{{part}}.csv",
        code=modules("predict_landmarks"),
    output:
        landmarks=f"{WORK}/{{recipe}}/predicted/{{part}}.csv",
    log:
        f"{LOGS}/{{recipe}}/predict_landmarks/{{part}}.log",
    benchmark:
        f"{BENCHMARKS}/{{recipe}}/predict_landmarks/{{part}}.tsv"
    conda:
        "../../envs/measure.yaml"
    resources:
        mem_mb=1000,
        runtime=30,
    message:
        "Locating the landmarks of {wildcards.part} with {wildcards.recipe}"
    script:
        "../scripts/predict_landmarks.py"


use rule predict_landmarks as predict_fold with:
    input:
        model=f"{WORK}/{{recipe}}/fold_{{fold}}/network.onnx",
        images=f"{WORK}/prepared/{{part}}.npy",
        index=f"{WORK}/prepared/{{part}}.csv",
        folds=FOLDS,
        code=modules("predict_landmarks"),
    output:
        landmarks=f"{WORK}/{{recipe}}/fold_{{fold}}/predicted/{{part}}.csv",
    log:
        f"{LOGS}/{{recipe}}/predict_fold_{{fold}}/{{part}}.log",
    benchmark:
        f"{BENCHMARKS}/{{recipe}}/predict_fold_{{fold}}/{{part}}.tsv"
    message:
        "Locating the landmarks of {wildcards.part} in fold {wildcards.fold}, which {wildcards.recipe} did not train on"


rule calibrate_intervals:
    input:
        labels=calibrating(LABELS),
        landmarks=calibration_predictions,
        folds=folds_of_calibrating,
        facts=calibrating(FACTS),
        groups=calibrating(FOLDS),
        others=expand(f"{WORK}/{{{{recipe}}}}/predicted/{{part}}.csv", part=OTHERS),
        planes=f"{WORK}/plan/planes.known.csv" if PLAN.planes else [],
        recipe=f"{WORK}/plan/recipes/{{recipe}}.reading.yaml",
        code=modules("calibrate_intervals"),
    output:
        calibration=f"{WORK}/{{recipe}}/calibration.json",
    log:
        f"{LOGS}/{{recipe}}/calibrate_intervals.log",
    conda:
        "../../envs/torch.yaml"
    threads: 2
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        interval_level=CONFIG.interval_level,
        calliper=str(CONFIG.calliper),
    message:
        "Calibrating the intervals of {wildcards.recipe}"
    script:
        "../scripts/calibrate_intervals.py"


rule package_model:
    input:
        network=f"{WORK}/{{recipe}}/network.onnx",
        calibration=f"{WORK}/{{recipe}}/calibration.json",
        code=modules("package_model"),
    output:
        model=f"{WORK}/{{recipe}}/model.onnx",
    log:
        f"{LOGS}/{{recipe}}/package_model.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Packing {wildcards.recipe} and its intervals into {output.model}"
    script:
        "../scripts/package_model.py"


rule measure_heads:
    input:
        index=parts(f"{WORK}/prepared/{{part}}.csv"),
        quarantined=parts(f"{WORK}/prepared/{{part}}.quarantine.csv"),
        landmarks=predictions,
        folds=folds_of_calibrating,
        plan=parts(f"{WORK}/plan/{{part}}.csv"),
        facts=parts(FACTS),
        calibration=of_model("calibration.json", instead=[]),
        model=MODEL or [],
        limits=LIMITS.format("flags") if CONFIG.flags else [],
        corrections=CONFIG.corrections or [],
        code=modules("measure_heads"),
    output:
        predictions=report(
            f"{WORK}/{{recipe}}/predictions.csv",
            caption="../report/predictions.rst",
            category="Results",
            labels={"recipe": "{recipe}", "table": "predictions"},
        ),
        exports=expand(f"{WORK}/{{{{recipe}}}}/{{name}}", name=EXPORTS),
    log:
        f"{LOGS}/{{recipe}}/measure_heads.log",
    conda:
        "../../envs/measure.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        calliper=str(CONFIG.calliper),
        growth_chart=CONFIG.growth_chart,
        site=SITE,
    message:
        "Measuring the heads found by {wildcards.recipe}"
    script:
        "../scripts/measure_heads.py"


rule evaluate_model:
    input:
        images=f"{WORK}/images.csv",
        predictions=f"{WORK}/{{recipe}}/predictions.csv",
        model=of_model("network.onnx"),
        code=modules("evaluate_model"),
    output:
        metrics=report(
            f"{WORK}/{{recipe}}/metrics.json",
            caption="../report/metrics.rst",
            category="Results",
            labels={"recipe": "{recipe}", "table": "metrics"},
        ),
        errors=f"{WORK}/{{recipe}}/errors.csv",
    log:
        f"{LOGS}/{{recipe}}/evaluate_model.log",
    conda:
        "../../envs/measure.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        dataset=CONFIG.data,
        calliper=str(CONFIG.calliper),
        interval_level=CONFIG.interval_level,
        recipe=recipe_facts,
        planes_of=PLAN.planes,
    message:
        "Evaluating {wildcards.recipe}"
    script:
        "../scripts/evaluate_model.py"


rule judge_negatives:
    input:
        images=f"{WORK}/images.csv",
        model=MODEL or f"{WORK}/{REPORTED}/model.onnx",
        landmarks=predictions,
        limits=LIMITS.format("flags"),
        code=modules("judge_negatives"),
    output:
        table=f"{WORK}/{REPORTED}/negatives.csv",
        summary=f"{RESULTS}/negatives.json",
    log:
        f"{LOGS}/{REPORTED}/judge_negatives.log",
    conda:
        "../../envs/measure.yaml"
    threads: 2
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        of_each_kind=CONFIG.negatives,
    message:
        f"Measuring drawn images without a head with {REPORTED}"
    script:
        "../scripts/judge_negatives.py"


rule calibrate_site:
    input:
        predictions=f"{WORK}/{GIVEN_MODEL}/predictions.csv",
        lengths=needed(run_inputs.lengths_of_site, CONFIG),
        model=MODEL or [],
        code=modules("calibrate_site"),
    output:
        site=f"{RESULTS}/site.json",
    log:
        f"{LOGS}/calibrate_site.log",
    conda:
        "../../envs/measure.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Comparing the lengths with those of {input.lengths}"
    script:
        "../scripts/calibrate_site.py"
