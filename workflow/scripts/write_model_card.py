"""The model card: what a model is, what it was made from, how well it measures, and what it is not for."""

import json
from pathlib import Path

from fetal_biometry import job
from fetal_biometry.digests import sha256_of
from fetal_biometry.report.figures import HEAD_SIZES
from fetal_biometry.report.pages import fill_template, flatten

SOURCES = {  # what whoever passes the weights on has to say
    "hc18": "HC18 (van den Heuvel et al., PLoS ONE 13(8): e0200412, 2018; doi 10.5281/zenodo.1327317), CC BY 4.0. The "
    "weights are derived from it and come under the same licence, with this attribution.",
    "challenge": "Images of HC18 (van den Heuvel et al., PLoS ONE 13(8): e0200412, 2018; doi 10.5281/zenodo.1327317), "
    "CC BY 4.0, with the landmark challenge's table.",
    "phantom": "Phantoms drawn by this project. The model is not for real images.",
}


def write_card(run: str, metrics: dict, settings: dict, model_sha256: str) -> str:
    """The card of an experiment, as Markdown, from its metrics.json, its knobs and the sha256 of its model.onnx."""
    return fill_template(
        "model_card.md.j2",
        run=run,
        metrics=metrics,
        model=metrics["model"],
        model_sha256=model_sha256,
        unit=metrics["unit"],
        bands={"all": "all", **HEAD_SIZES},
        source=SOURCES.get(metrics["dataset"], "A dataset of its user."),
        settings=settings,
        recipe=flatten(settings),
    )


if __name__ == "__main__":
    with job.start(snakemake):
        metrics = json.loads(Path(snakemake.input.metrics).read_text(encoding="utf-8"))
        card = write_card(snakemake.params.run, metrics, snakemake.params.settings, sha256_of(snakemake.input.model))
        with job.atomic_path(snakemake.output.card) as temporary:
            temporary.write_text(card, encoding="utf-8")
