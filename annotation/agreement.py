"""Chance-corrected agreement between two readers (numpy only).

Every coefficient of two readers is a function of their k×k table, so each is written once on tables,
over any leading axes; the bootstrap then resamples tables instead of rows.

Sources: Cohen 1960 and 1968; Byrt et al. 1993 (PABAK); Gwet 2008 and *Handbook of Inter-Rater
Reliability* 2014 (AC1, AC2); Krippendorff, *Computing Krippendorff's Alpha-Reliability* 2011.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Grades = Sequence[Hashable]


class Interval(NamedTuple):
    """A statistic and its confidence interval."""

    value: float
    low: float
    high: float


def _sorted(values: set[Hashable]) -> list[Hashable]:
    # Numbers before words, so that a scale with "not visible" keeps its order.
    return sorted(values, key=lambda value: (isinstance(value, str), value))


def contingency(
    a: Grades, b: Grades, labels: Sequence[Hashable] | None = None
) -> tuple[list[Hashable], Array]:
    """The k×k table of two readers: rows are ``a``'s grades, columns ``b``'s, in the order of ``labels``.

    Parameters
    ----------
    labels
        The whole scale, in order. By default the grades that occur, sorted; a scale with an unused
        grade gives other AC1, AC2 and PABAK values.

    Raises
    ------
    ValueError
        If the readers differ in length, have no items, or use a grade that is not of the scale.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} grades: both readers grade the same items")
    if len(a) == 0:
        raise ValueError("no items to agree on")
    scale = list(labels) if labels is not None else _sorted({*a, *b})
    index = {grade: place for place, grade in enumerate(scale)}
    table = np.zeros((len(scale), len(scale)))
    for mine, theirs in zip(a, b, strict=True):
        if mine not in index or theirs not in index:
            raise ValueError(f"{mine if mine not in index else theirs!r} is not one of {scale}")
        table[index[mine], index[theirs]] += 1
    return scale, table


def weight_matrix(k: int, weights: str | None) -> Array:
    """Agreement weights of k grades, 1 on the diagonal; None is the identity."""
    distance = np.abs(np.subtract.outer(np.arange(k), np.arange(k))).astype(float)
    if weights is None:
        return np.eye(k)
    if weights not in ("linear", "quadratic"):
        raise ValueError(f"weights: {weights!r} is not None, 'linear' or 'quadratic'")
    if k == 1:
        return np.eye(1)
    share: Array = distance / (k - 1)
    return 1 - (share if weights == "linear" else share**2)


# --- On tables of shape (..., k, k)


def _shares(tables: Array) -> tuple[Array, Array, Array]:
    p = tables / tables.sum(axis=(-2, -1), keepdims=True)
    return p, p.sum(axis=-1), p.sum(axis=-2)


def _corrected(observed: Array, expected: Array) -> Array:
    """(p_o − p_e) / (1 − p_e); undefined where chance alone would agree always."""
    room = 1 - expected
    return np.where(room > 1e-12, (observed - expected) / np.where(room > 1e-12, room, 1), np.nan)


def _percent(tables: Array) -> Array:
    p, _, _ = _shares(tables)
    return np.asarray(np.trace(p, axis1=-2, axis2=-1))


def _kappa(tables: Array, weights: str | None = None) -> Array:
    p, rows, columns = _shares(tables)
    w = weight_matrix(tables.shape[-1], weights)
    expected = np.einsum("...i,ij,...j->...", rows, w, columns)
    return _corrected((p * w).sum(axis=(-2, -1)), expected)


def _ac2(tables: Array, weights: str | None = None) -> Array:
    p, rows, columns = _shares(tables)
    k = tables.shape[-1]
    if k == 1:
        return np.full(tables.shape[:-2], np.nan)
    w = weight_matrix(k, weights)
    pi = (rows + columns) / 2
    expected = w.sum() / (k * (k - 1)) * (pi * (1 - pi)).sum(axis=-1)
    return _corrected((p * w).sum(axis=(-2, -1)), expected)


def _pabak(tables: Array) -> Array:
    k = tables.shape[-1]
    if k == 1:
        return np.full(tables.shape[:-2], np.nan)
    return np.asarray((k * _percent(tables) - 1) / (k - 1))


def _alpha_nominal(tables: Array) -> Array:
    """Krippendorff's α of two readers without gaps, nominal: from coincidences, hence n − 1."""
    n = 2 * tables.sum(axis=(-2, -1))
    totals = tables.sum(axis=-1) + tables.sum(axis=-2)
    disagreement = 1 - np.trace(tables, axis1=-2, axis2=-1) * 2 / n
    by_chance = (n**2 - (totals**2).sum(axis=-1)) / (n * (n - 1))
    return np.where(by_chance > 1e-12, 1 - disagreement / np.where(by_chance > 1e-12, by_chance, 1), np.nan)


# --- The public names


def percent_agreement(a: Grades, b: Grades, labels: Sequence[Hashable] | None = None) -> float:
    """Share of items with the same grade, in [0, 1]."""
    return float(_percent(contingency(a, b, labels)[1]))


def cohen_kappa(
    a: Grades, b: Grades, weights: str | None = None, labels: Sequence[Hashable] | None = None
) -> float:
    """Cohen's κ; ``weights`` "linear" or "quadratic" for ordered grades. NaN if neither reader varies."""
    return float(_kappa(contingency(a, b, labels)[1], weights))


def gwet_ac1(a: Grades, b: Grades, labels: Sequence[Hashable] | None = None) -> float:
    """Gwet's AC1, which does not collapse when one grade is rare."""
    return float(_ac2(contingency(a, b, labels)[1]))


def gwet_ac2(
    a: Grades, b: Grades, weights: str | None = "quadratic", labels: Sequence[Hashable] | None = None
) -> float:
    """Gwet's AC2: AC1 with weights for ordered grades."""
    return float(_ac2(contingency(a, b, labels)[1], weights))


def pabak(a: Grades, b: Grades, labels: Sequence[Hashable] | None = None) -> float:
    """Prevalence- and bias-adjusted κ: (k·p_o − 1) / (k − 1)."""
    return float(_pabak(contingency(a, b, labels)[1]))


def krippendorff_alpha(*ratings: Any, level: str = "nominal") -> float:
    """Krippendorff's α of any number of readers, with gaps.

    Parameters
    ----------
    ratings
        One row of grades per reader, or one matrix (readers × items). None and NaN are gaps; items
        with fewer than two grades do not count.
    level
        "nominal", "ordinal" or "interval". The last two need numbers.
    """
    rows = [list(row) for row in (ratings[0] if len(ratings) == 1 else ratings)]
    if len({len(row) for row in rows}) != 1:
        raise ValueError("every reader needs one entry per item; use None for a gap")
    units = [[g for g in unit if not _is_gap(g)] for unit in zip(*rows, strict=True)]
    units = [unit for unit in units if len(unit) > 1]
    if not units:
        raise ValueError("no item has two grades")
    scale = _sorted({grade for unit in units for grade in unit})
    index = {grade: place for place, grade in enumerate(scale)}
    counts = np.zeros((len(units), len(scale)))
    for row, unit in zip(counts, units, strict=True):
        for grade in unit:
            row[index[grade]] += 1
    m = counts.sum(axis=1)
    # Each ordered pair of grades within an item, weighted by 1 / (m − 1).
    coincidence = (counts.T / (m - 1)) @ counts - np.diag((counts / (m - 1)[:, None]).sum(axis=0))
    totals = coincidence.sum(axis=1)
    distance = _distance(scale, totals, level)
    n = totals.sum()
    chance = float((np.outer(totals, totals) * distance).sum() / (n - 1))
    return 1 - float((coincidence * distance).sum()) / chance if chance > 1e-12 else float("nan")


def _is_gap(grade: Any) -> bool:
    return grade is None or (isinstance(grade, float) and np.isnan(grade))


def _distance(scale: list[Any], totals: Array, level: str) -> Array:
    k = len(scale)
    if level == "nominal":
        return 1 - np.eye(k)
    if level == "interval":
        values = np.array(scale, dtype=float)
        return np.asarray(np.subtract.outer(values, values) ** 2)
    if level == "ordinal":
        upto = np.cumsum(totals)
        middle = upto - totals / 2
        return np.asarray(np.subtract.outer(middle, middle) ** 2)
    raise ValueError(f"level: {level!r} is not 'nominal', 'ordinal' or 'interval'")


# --- Intervals

_ON_TABLES: dict[Callable[..., float], Callable[..., Array]] = {
    percent_agreement: _percent,
    cohen_kappa: _kappa,
    gwet_ac1: _ac2,
    gwet_ac2: partial(_ac2, weights="quadratic"),
    pabak: _pabak,
    krippendorff_alpha: _alpha_nominal,
}


def bootstrap_ci(
    statistic: Callable[..., float],
    a: Grades,
    b: Grades,
    *,
    clusters: Sequence[Hashable] | None = None,
    labels: Sequence[Hashable] | None = None,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    **options: Any,
) -> Interval:
    """A statistic of two readers with its percentile bootstrap interval, resampling patients.

    Parameters
    ----------
    statistic
        One of this module's coefficients (nominal for α); other functions of ``(a, b)`` work too, slower.
    clusters
        The patient of each item: a patient's scans are drawn together. By default each item its own.
    options
        Passed to the statistic, such as ``weights="linear"``.

    Returns
    -------
    Interval
        Resamples in which the statistic is undefined are left out; bounds are NaN when all are.
    """
    groups = list(clusters) if clusters is not None else list(range(len(a)))
    if len(groups) != len(a):
        raise ValueError(f"{len(groups)} clusters for {len(a)} items")
    scale, total = contingency(a, b, labels)
    names, member = np.unique(np.array([str(group) for group in groups]), return_inverse=True)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=n_resamples)
    on_tables = _ON_TABLES.get(statistic)
    if on_tables is None:
        value = statistic(a, b, **options)
        samples = np.array([_resampled(statistic, a, b, member, draw, options) for draw in draws])
    else:
        place = {grade: index for index, grade in enumerate(scale)}
        tables = np.zeros((len(names), *total.shape))
        rows, columns = (np.array([place[grade] for grade in grades]) for grades in (a, b))
        np.add.at(tables, (member, rows, columns), 1)
        value = float(on_tables(total, **options))
        samples = on_tables(np.tensordot(draws.astype(float), tables, axes=1), **options)
    samples = samples[np.isfinite(samples)]
    if samples.size == 0:
        return Interval(value, float("nan"), float("nan"))
    tail = (1 - confidence) / 2
    low, high = np.quantile(samples, [tail, 1 - tail])
    return Interval(value, float(low), float(high))


def _resampled(
    statistic: Callable[..., float], a: Grades, b: Grades, member: Any, draw: Any, options: dict[str, Any]
) -> float:
    rows = np.repeat(np.arange(len(a)), draw[member]).tolist()
    return statistic([a[row] for row in rows], [b[row] for row in rows], **options)


def prevalence_warning(a: Grades, b: Grades, labels: Sequence[Hashable] | None = None) -> bool:
    """High agreement with a low κ: one grade is so common that κ says more about it than about the readers.

    (Feinstein and Cicchetti 1990.) True if at least 80 % agree, κ is below 0.6 or undefined, and AC1
    exceeds κ by more than 0.2.
    """
    _, table = contingency(a, b, labels)
    agreed, kappa, ac1 = float(_percent(table)), float(_kappa(table)), float(_ac2(table))
    return agreed >= 0.8 and not kappa >= 0.6 and not ac1 - kappa <= 0.2
