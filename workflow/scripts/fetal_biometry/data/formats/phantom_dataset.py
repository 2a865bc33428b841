"""Phantoms that the workflow draws itself; their own ellipses are the labels."""

from __future__ import annotations

from pathlib import Path

from fetal_biometry.configuration import Config
from fetal_biometry.data.label_table import names_swapped, swap_names
from fetal_biometry.data.source import Source
from fetal_biometry.digests import digest
from fetal_biometry.images.image_ref import ImageRef


def list_phantoms(config: Config, drawn: Path) -> list[Source]:
    """``phantom_count`` phantoms, a share ``phantom_bad_labels`` of them with spoilt labels."""
    from fetal_biometry.data import phantom  # numpy, which no other plan needs
    from fetal_biometry.model.geometry import all_lengths

    plans = phantom.plan_phantoms(config.phantom_count, config.phantom_seed)
    truth, share = phantom.true_landmarks(plans), config.phantom_bad_labels
    labels = [
        tuple(label.ravel().tolist()) for label in (phantom.spoil_labels(plans, truth, share) if share else truth)
    ]
    swapped = names_swapped(labels)
    source = "spoilt labels, names swapped" if swapped else "phantom's own ellipse"
    return [
        Source(
            image_name=plan.image_name,
            image=ImageRef(drawn / plan.image_name),
            landmarks=swap_names(label) if swapped else label,
            reference=tuple(points.ravel().tolist()) if share else None,
            pixel_size_mm=plan.pixel_size_mm,
            reference_hc_mm=float(all_lengths(points)[2] * plan.pixel_size_mm),
            label_source=source,
            origin="the phantom generator",
            recipe=digest(repr(plan)).ljust(64, "0"),
        )
        for plan, points, label in zip(plans, truth, labels, strict=True)
    ]
