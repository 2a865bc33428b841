"""Measure images from the terminal, without a run of the workflow: measure_image.py IMAGE|FOLDER ..."""

import argparse
import logging
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from fetal_biometry.errors import InputError
from fetal_biometry.images.image_ref import IMAGE_FORMATS
from fetal_biometry.measure.api import PRETRAINED, measure_images
from fetal_biometry.measure.growth import CHARTS
from fetal_biometry.measure.site import CONVENTIONS, read_site
from fetal_biometry.terms import LARGEST_PIXEL_MM, LENGTHS, SMALLEST_PIXEL_MM

READINGS = {"age_weeks_hc": "weeks by HC", "age_weeks_bpd": "by BPD", "hc_centile": "HC centile"}


def describe(table: pd.DataFrame) -> str:
    """A line an image: each length with its interval, their unit, what a growth chart says, confidence and flags."""
    read = [column for column in READINGS if column in table and table[column].notna().any()]
    lines = [["image", *(name.upper() for name in LENGTHS), "unit", *map(READINGS.get, read), "confidence", "flags"]]
    for row in table.to_dict("records"):
        unit = "mm" if np.isfinite(row["hc_mm"]) else "px"
        lengths = [describe_length(*(row[f"{name}_{unit}{end}"] for end in ("", "_low", "_high"))) for name in LENGTHS]
        flags = row["flags"].replace(";", ", ") or "none"
        readings = [f"{row[column]:.1f}" if np.isfinite(row[column]) else "-" for column in read]
        lines.append([row["image_name"], *lengths, unit, *readings, f"{row['confidence']:.2f}", flags])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ([cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines)
    return "\n".join("  ".join(line).rstrip() for line in padded)


def describe_length(length: float, low: float, high: float) -> str:
    """A length with its interval, where there is one."""
    return f"{length:.1f} ({low:.1f}-{high:.1f})" if np.isfinite(low) else f"{length:.1f}"


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(
        description="Measure fetal heads in ultrasound images: BPD and HC outer to outer, OFD, each with its 90 % "
        "interval. Research use only, not a medical device."
    )
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help=f"{IMAGE_FORMATS}, or a folder of them")
    parser.add_argument("--recursive", action="store_true", help="read the subfolders of folders, too")
    parser.add_argument(
        "--pixel-size",
        type=float,
        default=np.nan,
        metavar="MM",
        help="mm of one pixel, for all images; without it DICOM files state it, and other lengths are in pixels",
    )
    parser.add_argument("--model", type=Path, default=PRETRAINED, help="a model.onnx of a run; default: pretrained one")
    parser.add_argument(
        "--growth-chart", choices=CHARTS, default="none", help="gestational age beside the lengths, for research"
    )
    parser.add_argument(
        "--weeks", type=float, default=np.nan, help="gestational age by dates; the chart then also gives centiles"
    )
    parser.add_argument(
        "--site",
        default="",
        metavar="SITE",
        help=f"whose callipers lengths follow: a site.json of calibrate_site, or {', '.join(CONVENTIONS)}",
    )
    parser.add_argument("--csv", action="store_true", help="print the whole table, as in predictions.csv")
    given = parser.parse_args(arguments)
    if not (np.isnan(given.pixel_size) or SMALLEST_PIXEL_MM <= given.pixel_size <= LARGEST_PIXEL_MM):
        parser.error(f"a pixel of {given.pixel_size:g} mm is impossible in ultrasound; 0.05 to 0.5 mm is usual")
    if np.isfinite(given.weeks) and given.growth_chart == "none":
        parser.error("--weeks is for the centiles of a --growth-chart; name one")
    logging.basicConfig(format="%(message)s")  # what a folder holds beside images
    try:
        site = read_site(given.site, given.model)
        choices = given.pixel_size, given.model, given.growth_chart, given.weeks, given.recursive, given.site
        table = measure_images(given.images, *choices)
    except InputError as error:
        sys.exit(f"Error: {error}")
    print(table.to_csv(index=False), end="") if given.csv else print(describe(table))
    if site and not given.csv:
        print(f"lengths in {site.describe()}; ages and centiles come from the model's own lengths")


if __name__ == "__main__":
    main()
