"""Copy the results of the reported recipe to the top of the run's folder."""

import shutil
from pathlib import Path

from fetal_biometry import job
from fetal_biometry.frames import read_frame

if __name__ == "__main__":
    with job.start(snakemake):
        source, quarantine = snakemake.input, Path(snakemake.params.quarantine)
        files = {Path(path).name: path for path in snakemake.output}
        for path in source:
            if Path(path).name in files:
                with job.atomic_path(files[Path(path).name]) as temporary:
                    shutil.copyfile(path, temporary)
        quarantine.unlink(missing_ok=True)
        if len(read_frame(source.quarantine)):
            shutil.copyfile(source.quarantine, quarantine)
