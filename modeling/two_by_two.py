"""The 2×2 table of a threshold: counts, the figures that follow, and McNemar's test.

Conventions: ``y`` holds outcomes 0 or 1, ``s`` scores where higher means more likely 1, both of
shape (n,). A patient is called positive when ``s >= threshold``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from modeling.discrimination import checked
from modeling.proportions import clopper_pearson, wilson


def confusion(y: npt.ArrayLike, s: npt.ArrayLike, threshold: float | npt.ArrayLike) -> dict[str, int]:
    """Counts ``tp, fp, tn, fn`` with ``s >= threshold`` called positive.

    ``threshold`` is one number, or one per patient where cross-validation gave each fold its own.
    """
    outcomes, scores = checked(y, s)
    limits = np.asarray(threshold, dtype=float)
    if np.isnan(limits).any():
        raise ValueError("a threshold is not a number: it would call nobody")
    called, case = scores >= limits, outcomes == 1
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


def mcnemar_exact(b: int, c: int) -> float:
    """Exact two-sided p of McNemar's test; ``b`` and ``c`` count the discordant patients each way."""
    if b < 0 or c < 0 or b != int(b) or c != int(c):
        raise ValueError(f"discordant counts must be whole and not negative, not {b} and {c}")
    if b + c == 0:
        return 1.0
    return float(min(1.0, 2 * scipy.stats.binom.cdf(min(b, c), b + c, 0.5)))


def mcnemar_paired(y: npt.ArrayLike, first: npt.ArrayLike, second: npt.ArrayLike) -> dict[str, Any]:
    """Exact McNemar of two classifiers' calls (0 or 1) on the same patients.

    ``b`` patients only the first got right, ``c`` only the second; ``p`` two-sided.
    """
    outcomes, one = checked(y, first)
    _, two = checked(y, second)
    right_one, right_two = one == outcomes, two == outcomes
    b, c = int((right_one & ~right_two).sum()), int((~right_one & right_two).sum())
    return {"b": b, "c": c, "p": mcnemar_exact(b, c)}
