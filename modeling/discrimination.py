"""How well scores order patients: ROC and precision–recall curves, AUC, and two AUCs compared.

Conventions: ``y`` holds outcomes 0 or 1, ``s`` scores where higher means more likely 1, both of
shape (n,). A patient is called positive when ``s >= threshold``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from modeling.proportions import normal_quantile

Floats = npt.NDArray[np.float64]


def checked(y: npt.ArrayLike, s: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Outcomes and scores as float arrays; ValueError says what is wrong with them."""
    outcomes, scores = np.asarray(y, dtype=float), np.asarray(s, dtype=float)
    if outcomes.ndim != 1 or outcomes.shape != scores.shape:
        raise ValueError(f"outcomes {outcomes.shape} and scores {scores.shape} must be two equal 1-D arrays")
    if outcomes.size == 0:
        raise ValueError("no patients to evaluate")
    if not np.isin(outcomes, (0, 1)).all():
        raise ValueError("outcomes must be 0 or 1")
    if not np.isfinite(scores).all():
        raise ValueError(f"score {int(np.flatnonzero(~np.isfinite(scores))[0])} is not a finite number")
    return outcomes, scores


def hanley_mcneil_se(auc: float, positives: int, negatives: int) -> float:
    """Standard error of an AUC known only as a number (Hanley & McNeil, Radiology 1982;143:29)."""
    if not 0 <= auc <= 1 or positives < 1 or negatives < 1:
        raise ValueError("an AUC in [0, 1] and at least one patient of each outcome are needed")
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)
    return float(np.sqrt(max(spread, 0.0) / (positives * negatives)))


def placements(positive: Floats, negative: Floats) -> tuple[Floats, Floats]:
    """Share of the other outcome's patients that each patient is ordered rightly against, by midranks."""
    m, n = len(positive), len(negative)
    rank = scipy.stats.rankdata
    ranks = rank(np.concatenate([positive, negative]))
    return (ranks[:m] - rank(positive)) / n, 1 - (ranks[m:] - rank(negative)) / m


def auc_delong(y: npt.ArrayLike, s: npt.ArrayLike, confidence: float = 0.95) -> tuple[float, float, float]:
    """Area under the ROC curve with DeLong's interval, by midranks.

    Returns
    -------
    auc, low, high
        The interval is taken on the logit scale and so lies in [0, 1] (Pepe 2003, p. 107): the plain
        one, ``auc ± z·se``, passes 1 for good models on few patients.

        Where DeLong's variance says nothing, the interval is still honest: with one patient of an
        outcome the variance is Hanley and McNeil's; at AUC 1 (or 0) it is zero, and the bound is the
        exact binomial one for min(positives, negatives) independent pairs, all ordered alike; when
        every score is equal there is nothing to be uncertain about and both bounds are 0.5.

    Raises
    ------
    ValueError
        If only one outcome is present, or a score is not finite.

    References
    ----------
    DeLong, Biometrics 1988;44:837. Sun & Xu, IEEE Signal Processing Letters 2014;21:1389.
    """
    outcomes, scores = checked(y, s)
    positive, negative = scores[outcomes == 1], scores[outcomes == 0]
    m, n = len(positive), len(negative)
    if m == 0 or n == 0:
        raise ValueError("AUC needs patients of both outcomes")
    v10, v01 = placements(positive, negative)
    if np.ptp(scores) == 0:
        normal_quantile(confidence)
        return 0.5, 0.5, 0.5
    se = float(np.sqrt(v10.var(ddof=1) / m + v01.var(ddof=1) / n)) if min(m, n) > 1 else 0.0
    return estimate_of(float(v10.mean()), se, m, n, confidence)


def estimate_of(
    auc: float, se: float, positives: int, negatives: int, confidence: float
) -> tuple[float, float, float]:
    """AUC with its interval on the logit scale; where ``se`` says nothing, as :func:`auc_delong` tells."""
    z = normal_quantile(confidence)
    if auc in (0.0, 1.0):
        bound = float(((1 - confidence) / 2) ** (1 / min(positives, negatives)))
        return (1.0, bound, 1.0) if auc == 1.0 else (0.0, 0.0, 1 - bound)
    if min(positives, negatives) == 1:
        se = hanley_mcneil_se(auc, positives, negatives)
    logit, se_logit = np.log(auc / (1 - auc)), se / (auc * (1 - auc))
    low, high = 1 / (1 + np.exp(-(logit + np.array([-z, z]) * se_logit)))
    return auc, float(low), float(high)


def delong_paired(
    y: npt.ArrayLike, first: npt.ArrayLike, second: npt.ArrayLike, confidence: float = 0.95
) -> dict[str, Any]:
    """Difference of two scores' AUCs on the same patients, with DeLong's test.

    Returns ``{"first", "second", "difference", "low", "high", "z", "p"}``, the difference being first less
    second. Where it has no variance (the same ordering of patients) ``z`` is None and ``p`` is 1 for equal
    AUCs; scores that differ without variance (each perfect the other way), or with one patient of an
    outcome only, give None for interval and test.

    References
    ----------
    DeLong, Biometrics 1988;44:837.
    """
    outcomes, one = checked(y, first)
    _, two = checked(y, second)
    if outcomes.min() == outcomes.max():
        raise ValueError("AUC needs patients of both outcomes")
    case = outcomes == 1
    m, n = int(case.sum()), int((~case).sum())
    parts = [placements(scores[case], scores[~case]) for scores in (one, two)]
    auc_one, auc_two = (float(v10.mean()) for v10, _ in parts)
    variance = 0.0
    for side, count in ((0, m), (1, n)):
        spread = parts[0][side] - parts[1][side]
        variance += float(spread.var(ddof=1)) / count if count > 1 else 0.0
    return paired_test(auc_one, auc_two, variance, min(m, n), confidence)


def paired_test(
    first: float, second: float, variance: float, fewest: int, confidence: float
) -> dict[str, Any]:
    """Two AUCs of the same patients: ``variance`` of their difference, ``fewest`` patients of an outcome."""
    difference = first - second
    result: dict[str, Any] = {"first": first, "second": second, "difference": difference}
    if fewest == 1:
        # One patient has no spread: the other outcome's alone would make the test far too sure.
        return result | {"low": None, "high": None, "z": None, "p": None}
    if variance < 1e-18:
        same = abs(difference) < 1e-12
        return result | {
            "low": difference if same else None,
            "high": difference if same else None,
            "z": None,
            "p": 1.0 if same else None,
        }
    se = variance**0.5
    half = normal_quantile(confidence) * se
    z = difference / se
    return result | {
        "low": difference - half,
        "high": difference + half,
        "z": z,
        "p": float(2 * scipy.stats.norm.sf(abs(z))),
    }


def roc_points(y: npt.ArrayLike, s: npt.ArrayLike) -> dict[str, list[float | None]]:
    """ROC curve, every distinct score; the first threshold (call nobody) is ``None``."""
    from sklearn.metrics import roc_curve  # here, since every web worker loads this module and few need it

    outcomes, scores = checked(y, s)
    fpr, tpr, thresholds = roc_curve(outcomes, scores, drop_intermediate=False)
    finite = [float(t) if np.isfinite(t) else None for t in thresholds]
    return {"fpr": fpr.tolist(), "tpr": tpr.tolist(), "thresholds": finite}


def pr_points(y: npt.ArrayLike, s: npt.ArrayLike) -> dict[str, list[float | None]]:
    """Precision–recall curve; the last point (recall 0, precision 1 by convention) has no threshold."""
    from sklearn.metrics import precision_recall_curve  # as above

    outcomes, scores = checked(y, s)
    precision, recall, thresholds = precision_recall_curve(outcomes, scores)
    return {
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "thresholds": [*thresholds.tolist(), None],
    }


def threshold_for_sensitivity(y: npt.ArrayLike, s: npt.ArrayLike, target: float = 0.90) -> float:
    """The highest threshold whose sensitivity is at least ``target``: the score of a positive patient."""
    outcomes, scores = checked(y, s)
    if not 0 < target <= 1:
        raise ValueError(f"target sensitivity must lie in (0, 1], not {target}")
    positive = np.sort(scores[outcomes == 1])[::-1]
    if positive.size == 0:
        raise ValueError("a threshold for a sensitivity needs at least one positive patient")
    # The guard keeps 0.9 × 10 = 9.000000000000002-like products from asking for one more patient.
    needed = int(np.ceil(target * positive.size - 1e-9))
    return float(positive[max(needed, 1) - 1])
