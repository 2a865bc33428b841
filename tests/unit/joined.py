"""What the rules from the plan to `join_images` make of a configuration, without Snakemake."""

from pathlib import Path

import pandas as pd

from fetal_biometry.configuration import Config
from fetal_biometry.data.join import join_images
from fetal_biometry.data.label_views import refuse_labels_of_other_views
from fetal_biometry.data.labels import read_labels
from fetal_biometry.data.source import MissingData
from fetal_biometry.errors import refuse_if_all_bad
from fetal_biometry.frames import read_frame, read_frames, write_frame
from fetal_biometry.images.preparing import prepare_part
from fetal_biometry.limits import Limits, read_limits
from fetal_biometry.plan import Plan, write_plan

ROOT = Path(__file__).parents[2]
LIMITS = read_limits(ROOT / "limits.yaml")
ALL_TRAIN = {"validation_fraction": 0.0, "test_fraction": 0.0}


def write(config: Config, work: Path, recipes: dict | None = None, limits: Limits = LIMITS) -> Plan:
    return write_plan(config, recipes or {}, limits, work / "plan", work / "phantoms", work / "index.json")


def join(config: Config, work: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every image that can be used, as in ``work/images.csv``, and the quarantine."""
    plan, stop = write(config, work), config.on_bad_image == "stop"
    if plan.missing:
        raise MissingData(plan.missing)
    index, labels, bad = {}, {}, [read_frame(work / "plan" / "quarantine.csv")]
    for part in plan.parts:
        index[part] = work / "prepared" / f"{part}.csv"
        planned = read_frame(work / "plan" / f"{part}.csv")
        table, refused = prepare_part(planned, 32, stop, index[part].with_suffix(".npy"))
        write_frame(table, index[part])
        bad.append(refused)
    reasons = [reason for table in bad for reason in table["reason"]]
    if not len(read_frames(index.values())):
        refuse_if_all_bad(reasons)
    for part in plan.labelled:
        planned = read_frame(work / "plan" / f"{part}.labels.csv")
        labels[part], refused = read_labels(planned, read_frame(index[part]), config.outside_tolerance, stop)
        refuse_labels_of_other_views(labels[part], read_frame(work / "plan" / f"{part}.csv"))
        bad.append(refused)
    references = [
        read_labels(read_frame(work / "plan" / f"{part}.references.csv"), read_frame(index[part]))[0]
        for part in plan.referenced
    ]
    facts = read_frames(work / "plan" / f"{part}.facts.csv" for part in plan.parts)
    folds = read_frames(work / "plan" / f"{part}.folds.csv" for part in plan.labelled) if plan.labelled else None
    images = join_images(
        {part: read_frame(work / "plan" / f"{part}.csv") for part in plan.parts},
        read_frames(index.values()),
        facts,
        folds,
        pd.concat(labels.values()) if labels else None,
        pd.concat(references) if references else None,
    )
    write_frame(images, work / "images.csv")
    return read_frame(work / "images.csv"), pd.concat([table for table in bad if len(table)] or bad[:1])
