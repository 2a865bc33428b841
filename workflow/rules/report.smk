"""What a reader opens: the results at the top of the run's folder, the report, comparisons, the model card.

Needs images.csv and each recipe's predictions, metrics and history. Makes, in results/<run>/: predictions.csv,
metrics.json, model.onnx, model_card.md and the exports of the reported recipe, report.html, pictures/ of more than 100
images, audit.html, and where asked for exports/dicom_sr/, compare.*, ablation.*, negatives.json, elsewhere.*,
audit_benchmark.json and against_card.csv.
"""


rule publish_results:
    input:
        predictions=f"{WORK}/{REPORTED}/predictions.csv",
        metrics=f"{WORK}/{REPORTED}/metrics.json",
        exports=expand(f"{WORK}/{REPORTED}/{{name}}", name=EXPORTS),
        model=[] if MODEL else f"{WORK}/{REPORTED}/model.onnx",
        card=[] if MODEL else f"{WORK}/{REPORTED}/model_card.md",
        quarantine=f"{WORK}/quarantine.csv",
        code=modules("publish_results"),
    output:
        files=expand(f"{RESULTS}/{{name}}", name=PUBLISHED),
    log:
        f"{LOGS}/publish_results.log",
    localrule: True
    conda:
        "../../envs/report.yaml"
    params:
        quarantine=f"{RESULTS}/quarantine.csv",
    message:
        f"Copying the results of {REPORTED} to {RESULTS}"
    script:
        "../scripts/publish_results.py"


rule write_structured_reports:
    input:
        predictions=f"{WORK}/{REPORTED}/predictions.csv",
        plan=parts(f"{WORK}/plan/{{part}}.csv"),
        code=modules("write_structured_reports"),
    output:
        folder=directory(f"{RESULTS}/exports/dicom_sr"),
    log:
        f"{LOGS}/write_structured_reports.log",
    conda:
        "../../envs/sr.yaml"
    resources:
        mem_mb=1000,
        runtime=30,
    message:
        "Writing DICOM structured reports to {output.folder}"
    script:
        "../scripts/write_structured_reports.py"


rule render_report:
    input:
        unpack(report_files),
        images=f"{WORK}/images.csv",
        quarantine=f"{WORK}/quarantine.csv",
        predictions=f"{WORK}/{REPORTED}/predictions.csv",
        metrics=f"{WORK}/{REPORTED}/metrics.json",
        errors=f"{WORK}/{REPORTED}/errors.csv",
        templates=templates(),
        code=modules("render_report"),
    output:
        html=report(
            f"{RESULTS}/report.html",
            caption="../report/report.rst",
            category="Report",
            labels={"page": "report for readers"},
        ),
    log:
        f"{LOGS}/render_report.log",
    conda:
        "../../envs/report.yaml"
    threads: 2
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        pictures=f"{RESULTS}/pictures",
        run=CONFIG.run_name,
        recipe=REPORTED,
        settings=report_settings(),
    message:
        "Writing {output.html}"
    script:
        "../scripts/render_report.py"


rule render_audit:
    input:
        images=f"{WORK}/images.csv",
        limits=LIMITS.format("review"),
        templates=templates(),
        code=modules("render_audit"),
    output:
        html=report(
            f"{RESULTS}/audit.html",
            caption="../report/audit.rst",
            category="Data",
            labels={"page": "label audit"},
        ),
        annotator=f"{RESULTS}/audit_for_annotator.csv",
    log:
        f"{LOGS}/render_audit.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        run=CONFIG.run_name,
        method=CONFIG.audit_method,
    message:
        "Writing {output.html}"
    script:
        "../scripts/render_audit.py"


rule benchmark_audit:
    input:
        images=f"{WORK}/images.csv",
        geometry=parts(f"{WORK}/audit/labels/{{part}}.csv", "labelled"),
        code=modules("benchmark_audit"),
    output:
        metrics=report(
            f"{RESULTS}/audit_benchmark.json",
            caption="../report/benchmark.rst",
            category="Data",
            labels={"table": "audit benchmark"},
        ),
    log:
        f"{LOGS}/benchmark_audit.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Comparing the audit with the independent reference"
    script:
        "../scripts/benchmark_audit.py"


rule compare_recipes:
    input:
        metrics=compared_files("metrics.json"),
        errors=compared_files("errors.csv"),
        code=modules("compare_recipes"),
    output:
        table=report(
            f"{RESULTS}/{{kind}}.csv",
            caption="../report/compare.rst",
            category="Comparison",
            labels={"kind": "{kind}, table"},
        ),
    log:
        f"{LOGS}/compare_recipes/{{kind}}.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        against=compared_with,
    message:
        "Comparing the recipes of {wildcards.kind}"
    script:
        "../scripts/compare_recipes.py"


rule render_comparison:
    input:
        table=f"{RESULTS}/{{kind}}.csv",
        images=f"{WORK}/images.csv",
        errors=compared_files("errors.csv"),
        predictions=compared_files("predictions.csv"),
        templates=templates(),
        code=modules("render_comparison"),
    output:
        html=report(
            f"{RESULTS}/{{kind}}.html",
            caption="../report/compare.rst",
            category="Comparison",
            labels={"kind": "{kind}, page"},
        ),
    log:
        f"{LOGS}/render_comparison/{{kind}}.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        run=CONFIG.run_name,
        against=compared_with,
    message:
        "Writing {output.html}"
    script:
        "../scripts/render_comparison.py"


rule write_model_card:
    input:
        metrics=f"{WORK}/{{recipe}}/metrics.json",
        model=f"{WORK}/{{recipe}}/model.onnx",
        elsewhere=judged_elsewhere,
        template=str(SCRIPTS / "fetal_biometry" / "report" / "model_card.md.j2"),
        code=modules("write_model_card"),
    output:
        card=report(
            f"{WORK}/{{recipe}}/model_card.md",
            caption="../report/model_card.rst",
            category="Results",
            labels={"recipe": "{recipe}", "table": "model card"},
        ),
    log:
        f"{LOGS}/{{recipe}}/write_model_card.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        run=CONFIG.run_name,
        recipe=recipe_facts,
        data=CONFIG.data_facts(),
    message:
        "Writing {output.card}"
    script:
        "../scripts/write_model_card.py"


rule compare_to_card:
    input:
        metrics=f"{WORK}/{REPORTED}/metrics.json",
        pretrained=needed(run_inputs.figures_of_card, CONFIG, PRETRAINED),
        code=modules("compare_to_card"),
    output:
        table=f"{RESULTS}/against_card.csv",
    log:
        f"{LOGS}/compare_to_card.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        f"Comparing {REPORTED} with the pretrained model"
    script:
        "../scripts/compare_to_card.py"


rule calibrate_elsewhere:
    input:
        unpack(presence_files),
        calibration=f"{WORK}/{REPORTED}/calibration.json",
        planes=f"{WORK}/plan/planes.known.csv",
        code=modules("calibrate_elsewhere"),
    output:
        calibrations=f"{WORK}/{REPORTED}/calibrations_elsewhere.json",
    log:
        f"{LOGS}/{REPORTED}/calibrate_elsewhere.log",
    conda:
        "../../envs/torch.yaml"
    threads: 2
    resources:
        mem_mb=2000,
        runtime=60,
    message:
        f"Training classifiers of {REPORTED}, each without one centre"
    script:
        "../scripts/calibrate_elsewhere.py"


rule evaluate_elsewhere:
    input:
        unpack(judging_files),
        landmarks=f"{WORK}/{REPORTED}/predicted/planes.csv",
        images=f"{WORK}/prepared/planes.npy",
        index=f"{WORK}/prepared/planes.csv",
        plan=f"{WORK}/plan/planes.csv",
        planes=f"{WORK}/plan/planes.known.csv",
        references=f"{WORK}/plan/planes.references.csv",
        limits=LIMITS.format("flags"),
        templates=templates(),
        code=modules("evaluate_elsewhere"),
    output:
        table=f"{RESULTS}/elsewhere.csv",
        html=report(
            f"{RESULTS}/elsewhere.html",
            caption="../report/elsewhere.rst",
            category="Results",
            labels={"page": "other centres"},
        ),
    log:
        f"{LOGS}/evaluate_elsewhere.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        run=CONFIG.run_name,
        model=REPORTED,
        level=CONFIG.interval_level,
    message:
        "Writing {output.html}"
    script:
        "../scripts/evaluate_elsewhere.py"
