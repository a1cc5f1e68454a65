"""Intervals of a proportion k of n; two-sided, 95 % unless said otherwise."""

from __future__ import annotations

import numpy as np
import scipy

Interval = tuple[float, float]


def normal_quantile(confidence: float) -> float:
    """z of a two-sided interval: 1.96 for .95."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    return float(scipy.stats.norm.ppf(0.5 + confidence / 2))


def _check_counts(k: int, n: int) -> None:
    if n < 1 or k < 0 or k > n or k != int(k) or n != int(n):
        raise ValueError(f"{k} of {n} is not a proportion of counts")


def wilson(k: int, n: int, confidence: float = 0.95) -> Interval:
    """Wilson score interval of k successes in n (Wilson, JASA 1927;22:209)."""
    _check_counts(k, n)
    z, p = normal_quantile(confidence), k / n
    centre = p + z * z / (2 * n)
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # At k = 0 and k = n the closed form is exact but rounds to a hair beyond the unit interval.
    low = 0.0 if k == 0 else float((centre - half) / scale)
    high = 1.0 if k == n else float((centre + half) / scale)
    return low, high


def clopper_pearson(k: int, n: int, confidence: float = 0.95) -> Interval:
    """Exact binomial interval of k successes in n (Clopper & Pearson, Biometrika 1934;26:404)."""
    _check_counts(k, n)
    normal_quantile(confidence)
    alpha = 1 - confidence
    low = 0.0 if k == 0 else float(scipy.stats.beta.ppf(alpha / 2, k, n - k + 1))
    high = 1.0 if k == n else float(scipy.stats.beta.ppf(1 - alpha / 2, k + 1, n - k))
    return low, high
