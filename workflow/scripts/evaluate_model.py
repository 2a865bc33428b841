"""Every figure of a recipe, by split and by head size, and each labelled image's errors."""

from fetal_biometry import job
from fetal_biometry.frames import read_frame, write_frame
from fetal_biometry.model.onnx_file import open_model
from fetal_biometry.report.metrics import Subject, evaluate_model

if __name__ == "__main__":
    with job.start(snakemake):
        source = snakemake.input
        subject = Subject(snakemake.wildcards.recipe, **snakemake.params)
        _, metadata = open_model(source.model)
        images, predictions = read_frame(source.images), read_frame(source.predictions)
        metrics, errors = evaluate_model(subject, images, predictions, metadata)
        write_frame(errors, snakemake.output.errors)
        job.write_json(metrics, snakemake.output.metrics)
