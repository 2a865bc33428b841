"""Copy the results of the reported recipe to the top of the run's folder."""

import shutil
from pathlib import Path

from fetal_biometry import job

if __name__ == "__main__":
    with job.start(snakemake):
        source, quarantine = snakemake.input, Path(snakemake.params.quarantine)
        files = {Path(path).name: path for path in snakemake.output}
        for path in source:
            if Path(path).name in files:
                with job.atomic_path(files[Path(path).name]) as temporary:
                    shutil.copyfile(path, temporary)
        quarantine.unlink(missing_ok=True)
        if Path(source.quarantine).read_bytes().count(b"\n") > 1:  # more than the header
            shutil.copyfile(source.quarantine, quarantine)
