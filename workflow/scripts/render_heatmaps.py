"""Render what a recipe's network is to draw, for the labels of one part that it trains on."""

import logging

from fetal_biometry import job
from fetal_biometry.data.noisy_labels import training_labels
from fetal_biometry.frames import points_of, read_frame, sizes_of, write_frame
from fetal_biometry.images.cache import write_array
from fetal_biometry.limits import AuditLimits, read_limits
from fetal_biometry.model.targets import render_targets, target_shape, target_type
from fetal_biometry.recipe import read_training_recipe

if __name__ == "__main__":
    with job.start(snakemake):
        source, size = snakemake.input, snakemake.params.image_size
        recipe, index = read_training_recipe(source.recipe), read_frame(source.index)
        limits = read_limits(source.limits, AuditLimits)
        labels = training_labels(read_frame(source.labels), index, recipe.noisy_labels, limits)
        points, sizes = points_of(labels), sizes_of(index.loc[labels["image_name"]])
        rendered = (
            render_targets(points[[i]], sizes[[i]], recipe.network, recipe.training, size)[0]
            for i in range(len(labels))
        )
        shape, kind = target_shape(recipe.network, size), target_type(recipe.network)
        write_array(snakemake.output.targets, rendered, len(labels), shape, kind)
        write_frame(labels, snakemake.output.index)
        logging.info("%d labels, %d train; %s", len(labels), labels["trains"].sum(), shape)
