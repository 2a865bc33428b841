"""Are the labels to be trusted? A verdict and its reasons for each labelled image."""

import numpy as np

from fetal_biometry.limits import AuditLimits, ReviewLimits
from fetal_biometry.model.geometry import head_lengths, misalignment, radius_in_ellipse
from fetal_biometry.terms import Verdict


def judge_labels(
    points: np.ndarray, sizes: np.ndarray, limits: AuditLimits
) -> tuple[list[Verdict], list[str], np.ndarray]:
    """Check that four landmarks can be the two diameters of one head, each row by itself.

    Parameters
    ----------
    points : ndarray of shape (N, 4, 2)
        Landmarks in original pixels, names already put right for the table as a whole.
    sizes : ndarray of shape (N, 2)
        Width and height of the images.

    Returns
    -------
    verdicts : list of Verdict
        Valid or invalid.
    reasons : list of str
        Joined by ``;``, empty for a valid label.
    score : ndarray of shape (N,)
        The worst check's value over its limit: above 1 is invalid.
    """
    points = np.asarray(points, dtype=float)
    bpd, ofd = head_lengths(points)
    longest = np.maximum(np.maximum(bpd, ofd), 1e-9)
    ratio = bpd / np.maximum(ofd, 1e-9)
    apart, skew = misalignment(points)
    checks = {
        "axes too unequal": limits.shortest_ratio / np.maximum(ratio, 1e-9),
        "short axis longer than long": ratio / limits.longest_ratio,
        "axes do not cross in the middle": apart / limits.midpoint_distance,
        "axes not perpendicular": skew / limits.angle_deg,
        "head too small": limits.shortest_diameter * sizes[:, 1] / longest,
    }
    scores = np.stack(list(checks.values()), axis=1)
    reasons = [";".join(name for name, value in zip(checks, row, strict=True) if value > 1) for row in scores]
    return [Verdict.INVALID if reason else Verdict.VALID for reason in reasons], reasons, scores.max(axis=1)


def sure_heads(heads, confidence, sizes, least: float, limits: AuditLimits) -> np.ndarray:
    """Where a network has at least that confidence, and its own landmarks (N, 4, 2) can be one head: (N,), bool."""
    verdicts, _, _ = judge_labels(heads, sizes, limits)
    return (np.asarray(confidence) >= least) & (np.array(verdicts) == Verdict.VALID)


def judge_against_heads(
    points, heads, confidence, sizes, limits: ReviewLimits
) -> tuple[list[Verdict], list[str], np.ndarray]:
    """Check labels against the heads that networks found which never saw their examinations.

    Confident learning for landmarks (after Northcutt et al., J Artif Intell Res 2021): where such a network
    is sure and its own four points can be a head, it decides. Elsewhere geometry decides.

    A label whose points lie on such a head though geometry doubts it is ``questionable``: no scattered points, but no
    axes' ends either. Of the challenge's small heads such labels are 14 mm of HC off, and a network learns it.

    Parameters
    ----------
    points, heads : ndarray of shape (N, 4, 2)
        Labels and the networks' landmarks, original pixels.
    confidence : ndarray of shape (N,)
        The networks', 0 to 1.

    Returns
    -------
    verdicts, reasons, score
        As of `judge_labels`; a questionable label has reasons, and a score up to 1.
    """
    _, doubts, geometric = judge_labels(points, sizes, limits.audit)
    sure = sure_heads(heads, confidence, sizes, limits.audit_networks.confidence, limits.audit)
    off = np.abs(radius_in_ellipse(points, heads) - 1).max(axis=1)
    disagreement = off / limits.audit_networks.disagreement
    score = np.where(sure, disagreement, geometric)
    off_head = "points off the head that out-of-fold networks find"
    reasons = [
        ";".join(filter(None, [doubt, off_head if is_sure and value > 1 else ""]))
        for value, doubt, is_sure in zip(score, doubts, sure, strict=True)
    ]
    others = [Verdict.QUESTIONABLE if doubt else Verdict.VALID for doubt in doubts]
    verdicts = [Verdict.INVALID if value > 1 else other for value, other in zip(score, others, strict=True)]
    return verdicts, reasons, score
