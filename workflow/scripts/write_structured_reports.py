"""Write the measurements of DICOM images as DICOM structured reports, a file each, with patient and study."""

import logging
import sys
from pathlib import Path

from fetal_biometry import job
from fetal_biometry.errors import InputError
from fetal_biometry.frames import read_frame, read_frames

if __name__ == "__main__":
    with job.start(snakemake):
        try:
            from fetal_biometry.measure.structured_report import structured_reports
        except ModuleNotFoundError as missing:
            raise InputError(f"dicom_sr needs {missing.name}; run pip install -r requirements-sr.txt.") from None
        source, folder = snakemake.input, Path(snakemake.output.folder)
        images = read_frames(source.plan)[["path", "frame"]]
        reports = structured_reports(read_frame(source.predictions).join(images))
        folder.mkdir(parents=True)
        for name, report in reports.items():
            report.save_as(folder / name, enforce_file_format=True)
        logging.info("%d reports", len(reports))
        if not reports:
            print("dicom_sr: no DICOM image has a head measured in millimetres", file=sys.stderr)
