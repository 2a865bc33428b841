"""Find by what factors a site's callipers differ from the model's, or why no factor may correct its lengths."""

import logging
import sys

from fetal_biometry import job
from fetal_biometry.digests import sha256_of
from fetal_biometry.frames import read_frame
from fetal_biometry.measure.site_calibration import calibrate_to_site, pair
from fetal_biometry.measure.site_table import read_site_table
from fetal_biometry.model.inference import Predictor

if __name__ == "__main__":
    with job.start(snakemake):
        source = snakemake.input
        heads = read_site_table(source.lengths)
        pairs, without = pair(heads, read_frame(source.predictions))
        site = calibrate_to_site(pairs, Predictor(source.model).calibration.get("level", 0.9)).model_copy(
            update={
                "without_length": without,
                "date": max((head.measured_on for head in heads), default=""),
                "model_sha256": sha256_of(source.model),
                "lengths_sha256": sha256_of(source.lengths),
            }
        )
        job.write_json(site.model_dump(), snakemake.output.site)
        use = f"measure with --config site={snakemake.output.site}" if site.corrects else "no length is corrected"
        for line in (*site.summary(), use):
            logging.info("%s", line)
            print(line, file=sys.stderr)
