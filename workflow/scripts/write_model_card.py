"""Write the model card of a recipe's model."""

import pandas as pd

from fetal_biometry import job
from fetal_biometry.digests import sha256_of
from fetal_biometry.report.model_card import write_card
from fetal_biometry.report.pages import write_page

if __name__ == "__main__":
    with job.start(snakemake):
        source, params = snakemake.input, snakemake.params
        metrics = job.read_json(source.metrics)
        elsewhere = pd.read_csv(source.elsewhere) if source.get("elsewhere") else None
        card = write_card(params.run, metrics, params.recipe, params.data, sha256_of(source.model), elsewhere)
        write_page(card, snakemake.output.card)
