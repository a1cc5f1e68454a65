"""Figures of merit of a binary classifier, with the patient as the unit (numpy, scipy and sklearn only).

Conventions: ``y`` holds outcomes 0 or 1, ``s`` scores where higher means more likely 1, both of
shape (n,). A patient is called positive when ``s >= threshold``. Intervals are two-sided, 95 % unless
``confidence`` says otherwise. A figure that cannot be computed (no predicted positive, one outcome
only) is ``None`` in dictionaries, never NaN: every dictionary here is plain JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_curve

from modeling.proportions import clopper_pearson, normal_quantile, wilson
from modeling.published import check_published

__all__ = [
    "auc_delong",
    "calibration",
    "check_published",
    "clopper_pearson",
    "confusion",
    "evaluate",
    "evaluate_groups",
    "hanley_mcneil_se",
    "mcnemar_exact",
    "net_benefit",
    "pr_points",
    "roc_points",
    "table_from_counts",
    "threshold_for_sensitivity",
    "wilson",
]

Floats = npt.NDArray[np.float64]
#: Probabilities are moved this far from 0 and 1 before a logit is taken.
LOGIT_EPSILON = 1e-7


def _checked(y: npt.ArrayLike, s: npt.ArrayLike) -> tuple[Floats, Floats]:
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
    outcomes, scores = _checked(y, s)
    positive, negative = scores[outcomes == 1], scores[outcomes == 0]
    m, n = len(positive), len(negative)
    if m == 0 or n == 0:
        raise ValueError("AUC needs patients of both outcomes")
    z = normal_quantile(confidence)
    ranks = stats.rankdata(np.concatenate([positive, negative]))
    # Share of the other outcome's patients that each patient is ordered rightly against.
    v10 = (ranks[:m] - stats.rankdata(positive)) / n
    v01 = 1 - (ranks[m:] - stats.rankdata(negative)) / m
    auc = float(v10.mean())
    if auc in (0.0, 1.0):
        bound = float(((1 - confidence) / 2) ** (1 / min(m, n)))
        return (1.0, bound, 1.0) if auc == 1.0 else (0.0, 0.0, 1 - bound)
    if np.ptp(scores) == 0:
        return 0.5, 0.5, 0.5
    if min(m, n) == 1:
        se = hanley_mcneil_se(auc, m, n)
    else:
        se = float(np.sqrt(v10.var(ddof=1) / m + v01.var(ddof=1) / n))
    logit, se_logit = np.log(auc / (1 - auc)), se / (auc * (1 - auc))
    low, high = 1 / (1 + np.exp(-(logit + np.array([-z, z]) * se_logit)))
    return auc, float(low), float(high)


def confusion(y: npt.ArrayLike, s: npt.ArrayLike, threshold: float | npt.ArrayLike) -> dict[str, int]:
    """Counts ``tp, fp, tn, fn`` with ``s >= threshold`` called positive.

    ``threshold`` is one number, or one per patient where cross-validation gave each fold its own.
    """
    outcomes, scores = _checked(y, s)
    called, case = scores >= np.asarray(threshold, dtype=float), outcomes == 1
    return {
        "tp": int((called & case).sum()),
        "fp": int((called & ~case).sum()),
        "tn": int((~called & ~case).sum()),
        "fn": int((~called & case).sum()),
    }


def table_from_counts(tp: int, fp: int, tn: int, fn: int, confidence: float = 0.95) -> dict[str, Any]:
    """Every figure of a 2×2 table; proportions with Wilson and Clopper–Pearson intervals.

    Returns ``{"sensitivity": {"value", "k", "n", "wilson", "clopper_pearson"}, …}`` for sensitivity,
    specificity, ppv, npv and accuracy, and ``{"value"}`` for f1, mcc, balanced_accuracy, youden.
    """
    if min(tp, fp, tn, fn) < 0 or tp + fp + tn + fn == 0:
        raise ValueError(f"tp {tp}, fp {fp}, tn {tn}, fn {fn} is not a 2×2 table")
    proportions = {
        "sensitivity": (tp, tp + fn),
        "specificity": (tn, tn + fp),
        "ppv": (tp, tp + fp),
        "npv": (tn, tn + fn),
        "accuracy": (tp + tn, tp + fp + tn + fn),
    }
    table: dict[str, Any] = {}
    for name, (k, n) in proportions.items():
        table[name] = {
            "value": k / n if n else None,
            "k": k,
            "n": n,
            "wilson": list(wilson(k, n, confidence)) if n else None,
            "clopper_pearson": list(clopper_pearson(k, n, confidence)) if n else None,
        }
    margins = float(tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    sensitivity, specificity = table["sensitivity"]["value"], table["specificity"]["value"]
    both = sensitivity is not None and specificity is not None
    table["f1"] = {"value": 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else None}
    table["mcc"] = {"value": (tp * tn - fp * fn) / margins**0.5 if margins else None}
    table["balanced_accuracy"] = {"value": (sensitivity + specificity) / 2 if both else None}
    table["youden"] = {"value": sensitivity + specificity - 1 if both else None}
    return table


def roc_points(y: npt.ArrayLike, s: npt.ArrayLike) -> dict[str, list[float | None]]:
    """ROC curve, every distinct score; the first threshold (call nobody) is ``None``."""
    outcomes, scores = _checked(y, s)
    fpr, tpr, thresholds = roc_curve(outcomes, scores, drop_intermediate=False)
    finite = [float(t) if np.isfinite(t) else None for t in thresholds]
    return {"fpr": fpr.tolist(), "tpr": tpr.tolist(), "thresholds": finite}


def pr_points(y: npt.ArrayLike, s: npt.ArrayLike) -> dict[str, list[float | None]]:
    """Precision–recall curve; the last point (recall 0, precision 1 by convention) has no threshold."""
    outcomes, scores = _checked(y, s)
    precision, recall, thresholds = precision_recall_curve(outcomes, scores)
    return {
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "thresholds": [*thresholds.tolist(), None],
    }


def threshold_for_sensitivity(y: npt.ArrayLike, s: npt.ArrayLike, target: float = 0.90) -> float:
    """The highest threshold whose sensitivity is at least ``target``: the score of a positive patient."""
    outcomes, scores = _checked(y, s)
    if not 0 < target <= 1:
        raise ValueError(f"target sensitivity must lie in (0, 1], not {target}")
    positive = np.sort(scores[outcomes == 1])[::-1]
    if positive.size == 0:
        raise ValueError("a threshold for a sensitivity needs at least one positive patient")
    # The guard keeps 0.9 × 10 = 9.000000000000002-like products from asking for one more patient.
    needed = int(np.ceil(target * positive.size - 1e-9))
    return float(positive[max(needed, 1) - 1])


def _logit(p: Floats) -> Floats:
    clipped = np.clip(p, LOGIT_EPSILON, 1 - LOGIT_EPSILON)
    return np.log(clipped / (1 - clipped))


def _logistic_fit(design: Floats, offset: Floats, y: Floats) -> tuple[Floats, Floats] | None:
    """Maximum-likelihood coefficients and standard errors by Newton's method; None if it diverges."""
    beta = np.zeros(design.shape[1])
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(design @ beta + offset, -35, 35)))
        information = design.T @ (design * (p * (1 - p))[:, None])
        if np.linalg.cond(information) > 1e12:
            return None  # separated outcomes or a constant predictor: no finite maximum
        step = np.linalg.solve(information, design.T @ (y - p))
        beta = beta + step
        if np.abs(beta).max() > 50:
            return None
        if np.abs(step).max() < 1e-10:
            return beta, np.sqrt(np.diag(np.linalg.inv(information)))
    return None


def calibration(y: npt.ArrayLike, p: npt.ArrayLike, bins: int = 10) -> dict[str, Any]:
    """Calibration of probabilities: curve, intercept, slope, expected calibration error.

    Intercept is calibration in the large (slope held at 1); slope is that of a logistic regression of
    the outcome on logit(p) (Cox 1958; Van Calster, J Clin Epidemiol 2016;74:167). The curve has equal
    groups of patients by score, each with its Wilson interval.

    Returns
    -------
    dict
        ``intercept``, ``slope`` as {"value", "low", "high"} or None where no finite fit exists;
        ``observed_expected``; ``ece``; ``curve``: [{"predicted", "observed", "k", "n", "wilson"}].
    """
    outcomes, scores = _checked(y, p)
    if scores.min() < 0 or scores.max() > 1:
        raise ValueError("calibration needs probabilities in [0, 1]")
    if bins < 1:
        raise ValueError("at least one bin")
    logit, ones = _logit(scores), np.ones_like(outcomes)
    z = normal_quantile(0.95)

    def estimate(fit: tuple[Floats, Floats] | None, term: int) -> dict[str, float] | None:
        if fit is None:
            return None
        value, se = float(fit[0][term]), float(fit[1][term])
        return {"value": value, "low": value - z * se, "high": value + z * se}

    one_outcome = outcomes.min() == outcomes.max()
    level = None if one_outcome else _logistic_fit(ones[:, None], logit, outcomes)
    line = None if one_outcome else _logistic_fit(np.stack([ones, logit], 1), np.zeros_like(logit), outcomes)
    curve = []
    error = 0.0
    for group in np.array_split(np.argsort(scores, kind="stable"), min(bins, len(scores))):
        k, n = int(outcomes[group].sum()), len(group)
        predicted = float(scores[group].mean())
        error += n * abs(k / n - predicted)
        curve.append(
            {"predicted": predicted, "observed": k / n, "k": k, "n": n, "wilson": list(wilson(k, n))}
        )
    return {
        "intercept": estimate(level, 0),
        "slope": estimate(line, 1),
        "observed_expected": float(outcomes.sum() / scores.sum()) if scores.sum() else None,
        "ece": error / len(scores),
        "curve": curve,
    }


def net_benefit(
    y: npt.ArrayLike, p: npt.ArrayLike, thresholds: Sequence[float] | None = None
) -> dict[str, list[float]]:
    """Decision curve: TP/n − FP/n · t/(1 − t) (Vickers & Elkin, Med Decis Making 2006;26:565).

    Returns ``thresholds``, ``model``, ``treat_all`` and ``treat_none`` (zero), thresholds .01–.99
    unless given; each must lie in [0, 1).
    """
    outcomes, scores = _checked(y, p)
    grid = np.arange(1, 100) / 100 if thresholds is None else np.asarray(thresholds, dtype=float)
    if grid.size == 0 or grid.min() < 0 or grid.max() >= 1:
        raise ValueError("decision thresholds must lie in [0, 1)")
    odds, prevalence = grid / (1 - grid), outcomes.mean()
    called = scores[None, :] >= grid[:, None]
    model = (called & (outcomes == 1)).mean(axis=1) - odds * (called & (outcomes == 0)).mean(axis=1)
    treat_all = prevalence - odds * (1 - prevalence)
    return {
        "thresholds": grid.tolist(),
        "model": model.tolist(),
        "treat_all": treat_all.tolist(),
        "treat_none": [0.0] * grid.size,
    }


def mcnemar_exact(b: int, c: int) -> float:
    """Exact two-sided p of McNemar's test; ``b`` and ``c`` count the discordant patients each way."""
    if b < 0 or c < 0 or b != int(b) or c != int(c):
        raise ValueError(f"discordant counts must be whole and not negative, not {b} and {c}")
    if b + c == 0:
        return 1.0
    return float(min(1.0, 2 * stats.binom.cdf(min(b, c), b + c, 0.5)))


def _auc_or_none(outcomes: Floats, scores: Floats, confidence: float) -> dict[str, Any] | None:
    if outcomes.min() == outcomes.max():
        return None
    value, low, high = auc_delong(outcomes, scores, confidence)
    return {"value": value, "low": low, "high": high, "method": "DeLong, logit scale"}


def evaluate(
    y: npt.ArrayLike,
    s: npt.ArrayLike,
    threshold: float | npt.ArrayLike,
    *,
    confidence: float = 0.95,
    bins: int = 10,
) -> dict[str, Any]:
    """Every figure of a run from one vector of scores, as plain JSON.

    Parameters
    ----------
    y, s
        Outcomes, and probabilities in [0, 1], of shape (n,).
    threshold
        One number, or one per patient (cross-validation); ``threshold`` in the result is the mean.

    Notes
    -----
    ``mcnemar`` compares this classifier's calls with calling everybody negative: ``b`` patients only
    the classifier got right (TP), ``c`` only the other did (FP).
    """
    outcomes, scores = _checked(y, s)
    counts = confusion(outcomes, scores, threshold)
    both = outcomes.min() != outcomes.max()
    prevalence = float(outcomes.mean())
    return {
        "n": len(outcomes),
        "positives": int(outcomes.sum()),
        "prevalence": prevalence,
        "confidence": confidence,
        "auc": _auc_or_none(outcomes, scores, confidence),
        "auprc": float(average_precision_score(outcomes, scores)) if outcomes.any() else None,
        "roc": roc_points(outcomes, scores) if both else None,
        "pr": pr_points(outcomes, scores) if outcomes.any() else None,
        "threshold": float(np.mean(np.asarray(threshold, dtype=float))),
        "confusion": counts,
        "table": table_from_counts(**counts, confidence=confidence),
        "brier": float(np.mean((scores - outcomes) ** 2)),
        "calibration": calibration(outcomes, scores, bins),
        "net_benefit": net_benefit(outcomes, scores),
        "no_information_rate": max(prevalence, 1 - prevalence),
        "mcnemar": {
            "against": "always negative",
            "b": counts["tp"],
            "c": counts["fp"],
            "p": mcnemar_exact(counts["tp"], counts["fp"]),
        },
    }


def evaluate_groups(
    y: npt.ArrayLike,
    s: npt.ArrayLike,
    threshold: float | npt.ArrayLike,
    groups: Mapping[str, Iterable[str | None]],
    *,
    confidence: float = 0.95,
) -> dict[str, list[dict[str, Any]]]:
    """Short evaluation within each level of each grouping (site, sex, provenance …).

    ``groups`` maps a name to one label per patient; unknown (None) is its own level. Each level gives
    ``{"level", "n", "positives", "auc", "confusion", "sensitivity", "specificity"}``.
    """
    outcomes, scores = _checked(y, s)
    limits = np.broadcast_to(np.asarray(threshold, dtype=float), outcomes.shape)
    result: dict[str, list[dict[str, Any]]] = {}
    for name, labels in groups.items():
        levels = np.array(["unknown" if label is None else str(label) for label in labels])
        if levels.shape != outcomes.shape:
            raise ValueError(f"grouping {name} has {levels.size} labels for {outcomes.size} patients")
        rows = []
        for level in sorted(set(levels.tolist())):
            inside = levels == level
            counts = confusion(outcomes[inside], scores[inside], limits[inside])
            table = table_from_counts(**counts, confidence=confidence)
            rows.append(
                {
                    "level": level,
                    "n": int(inside.sum()),
                    "positives": int(outcomes[inside].sum()),
                    "auc": _auc_or_none(outcomes[inside], scores[inside], confidence),
                    "confusion": counts,
                    "sensitivity": table["sensitivity"],
                    "specificity": table["specificity"],
                }
            )
        result[name] = rows
    return result
