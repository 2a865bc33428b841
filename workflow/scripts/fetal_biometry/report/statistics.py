"""Every figure of an evaluation: errors of lengths and of endpoints."""

import numpy as np

from fetal_biometry.model.geometry import resize_points
from fetal_biometry.report.bootstrap import bootstrap_interval, limits_interval, share_interval


def length_errors(predicted, reference, constant, examinations, interval=None, flagged=None) -> dict:
    """Errors of one length.

    Parameters
    ----------
    predicted, reference, constant : ndarray of shape (N,)
        Lengths by the model, by the reference, and by the constant mean landmark, in one unit.
    examinations : sequence of str
        The examination of each image; bootstraps draw whole examinations.
    interval : ndarray of shape (N, 2), optional
        Ends of the predicted interval.
    flagged : ndarray of shape (N,), optional
        Which images have a flag, so that a person checks them.

    Returns
    -------
    dict
        ``n``; ``mae``, ``median``, ``p95``, ``bias``; ``loa_low``, ``loa_high``: 95 % limits of agreement (Bland and
        Altman, Lancet 1986), None for one image; ``relative_loa_low``, ``relative_loa_high``: the same as shares of the
        reference; ``over_10_percent``: share of errors over 10 %; ``unflagged_over_10_percent``: share of images with
        such an error and no flag; ``constant_mae``; ``coverage``: share of references inside the interval, None without
        one. Of ``mae``, ``bias``, ``relative_loa_*``, both shares and ``coverage`` also the ends of the 95 % interval,
        with ``_low`` and ``_high`` appended.
    """
    difference = predicted - reference
    absolute, relative = np.abs(difference), difference / reference
    far_off, inside = absolute > 0.1 * reference, None
    if interval is not None and np.isfinite(interval).all():
        inside = ((reference >= interval[:, 0]) & (reference <= interval[:, 1])).astype(float)
    relative_low, relative_high = limits_of_agreement(relative)
    low_ends, high_ends = limits_interval(relative, examinations)
    return {
        "n": len(difference),
        **mean_figure("mae", absolute, examinations),
        "median": float(np.median(absolute)),
        "p95": float(np.percentile(absolute, 95)),
        **mean_figure("bias", difference, examinations),
        **dict(zip(("loa_low", "loa_high"), limits_of_agreement(difference), strict=True)),
        **_with_ends("relative_loa_low", relative_low, low_ends),
        **_with_ends("relative_loa_high", relative_high, high_ends),
        **_rare("over_10_percent", far_off),
        **_rare("unflagged_over_10_percent", None if flagged is None else far_off & ~flagged),
        "constant_mae": float(np.abs(constant - reference).mean()),
        **mean_figure("coverage", inside, examinations),
    }


def mean_figure(name: str, values: np.ndarray | None, examinations) -> dict:
    """The mean of the values by its name, and the ends of its 95 % bootstrap interval; None without values."""
    if values is None:
        return _with_ends(name, None)
    return _with_ends(name, float(values.mean()), bootstrap_interval(values, examinations))


def _rare(name: str, where: np.ndarray | None) -> dict:
    if where is None:
        return _with_ends(name, None)
    return _with_ends(name, float(where.mean()), share_interval(int(where.sum()), len(where)))


def _with_ends(name: str, value: float | None, ends=(None, None)) -> dict:
    low, high = (None if end is None or not np.isfinite(end) else float(end) for end in ends)
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def limits_of_agreement(differences: np.ndarray) -> tuple[float | None, float | None]:
    """95 % limits of agreement: the mean ± 1.96 standard deviations; None of fewer than two differences."""
    if len(differences) < 2:
        return None, None
    mean, spread = float(differences.mean()), 1.96 * float(differences.std(ddof=1))
    return mean - spread, mean + spread


def endpoint_errors(predicted, reference, per_px, examinations) -> dict:
    """Distances between predicted and reference ends of each diameter.

    The two ends of a diameter are matched in the better order, since only the diameter has a meaning.

    Parameters
    ----------
    predicted, reference : ndarray of shape (N, 4, 2)
        Original pixels.
    per_px : ndarray of shape (N,)
        Unit of report per pixel.
    examinations : sequence of str
        The examination of each image.

    Returns
    -------
    dict
        For ``bpd`` and ``ofd``: ``mean`` distance, and ``nme``, the mean distance over the length, with its 95 %
        bootstrap interval, ``nme_low`` and ``nme_high``.
    """
    results = {}
    for name, ends in (("bpd", slice(2, 4)), ("ofd", slice(0, 2))):
        found, truth = predicted[:, ends], reference[:, ends]
        straight, crossed = (np.linalg.norm(points - truth, axis=2) for points in (found, found[:, ::-1]))
        better = (crossed.sum(axis=1) < straight.sum(axis=1))[:, None]
        distance = np.where(better, crossed, straight)
        length = np.linalg.norm(truth[:, 1] - truth[:, 0], axis=1)
        results[name] = {
            "mean": float((distance * per_px[:, None]).mean()),
            **mean_figure("nme", distance.mean(axis=1) / length, examinations),
        }
    return results


def mean_landmarks(points: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Mean landmarks in fractions of the frame, (4, 2): the constant that models are compared with; NaN of none."""
    if not len(points):
        return np.full((4, 2), np.nan)
    return resize_points(points, np.asarray(sizes)[:, None], (1, 1)).mean(axis=0)
