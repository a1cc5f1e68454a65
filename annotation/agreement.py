"""Chance-corrected agreement between two readers (numpy only).

Every coefficient of two readers is a function of their k×k table, so each is written once on tables,
over any leading axes; the bootstrap then resamples tables instead of rows.

Sources: Cohen 1960 and 1968; Byrt et al. 1993 (PABAK); Gwet 2008 and *Handbook of Inter-Rater
Reliability* 2014 (AC1, AC2); Krippendorff, *Computing Krippendorff's Alpha-Reliability* 2011; Cicchetti
and Feinstein 1990 (agreement on one grade).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from annotation import agreement_tables as tables
from annotation.agreement_tables import Array, Weights

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


# --- Coefficients


def percent_agreement(a: Grades, b: Grades, labels: Sequence[Hashable] | None = None) -> float:
    """Share of items with the same grade, in [0, 1]."""
    return float(tables.percent(contingency(a, b, labels)[1]))


def cohen_kappa(
    a: Grades, b: Grades, weights: Weights = None, labels: Sequence[Hashable] | None = None
) -> float:
    """Cohen's κ; ``weights`` "linear" or "quadratic" for ordered grades. NaN if neither reader varies."""
    return float(tables.kappa(contingency(a, b, labels)[1], weights))


def gwet_ac1(a: Grades, b: Grades, labels: Sequence[Hashable] | None = None) -> float:
    """Gwet's AC1, which does not collapse when one grade is rare."""
    return float(tables.ac2(contingency(a, b, labels)[1]))


def gwet_ac2(
    a: Grades, b: Grades, weights: Weights = "quadratic", labels: Sequence[Hashable] | None = None
) -> float:
    """Gwet's AC2: AC1 with weights for ordered grades."""
    return float(tables.ac2(contingency(a, b, labels)[1], weights))


def pabak(a: Grades, b: Grades, labels: Sequence[Hashable] | None = None) -> float:
    """Prevalence- and bias-adjusted κ: (k·p_o − 1) / (k − 1)."""
    return float(tables.pabak(contingency(a, b, labels)[1]))


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
    distance = tables.grade_distances(scale, totals, level)
    n = totals.sum()
    chance = float((np.outer(totals, totals) * distance).sum() / (n - 1))
    return 1 - float((coincidence * distance).sum()) / chance if chance > 1e-12 else float("nan")


def _is_gap(grade: Any) -> bool:
    return grade is None or (isinstance(grade, float) and np.isnan(grade))


def specific_agreement(
    a: Grades, b: Grades, grade: Hashable, labels: Sequence[Hashable] | None = None
) -> float:
    """Chance that one reader gives a grade when the other does: 2·n_gg / (n_g· + n_·g). NaN if unused."""
    scale, table = contingency(a, b, labels)
    return float(tables.specific(table)[scale.index(grade)])


# --- Intervals

_ON_TABLES: dict[Callable[..., float], Callable[..., Array]] = {
    percent_agreement: tables.percent,
    cohen_kappa: tables.kappa,
    gwet_ac1: tables.ac2,
    gwet_ac2: partial(tables.ac2, weights="quadratic"),
    pabak: tables.pabak,
    krippendorff_alpha: tables.alpha,
}


_NOMINAL: Mapping[str, Callable[..., Array]] = {
    "percent_agreement": tables.percent,
    "kappa": tables.kappa,
    "ac1": tables.ac2,
    "alpha": tables.alpha,
    "pabak": tables.pabak,
}
_ORDERED: Mapping[str, Callable[..., Array]] = {
    "kappa_linear": partial(tables.kappa, weights="linear"),
    "kappa_quadratic": partial(tables.kappa, weights="quadratic"),
    "ac2": partial(tables.ac2, weights="quadratic"),
    "alpha_ordinal": partial(tables.alpha, level="ordinal"),
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
    on_tables = _ON_TABLES.get(statistic)
    if on_tables is not None:
        drawn = _Resamples.of(a, b, clusters, labels, n_resamples, seed)
        return drawn.interval(partial(on_tables, **options), confidence)
    contingency(a, b, labels)  # refuses what is no scale
    member, draws = _draws(len(a), clusters, n_resamples, seed)
    samples = np.array([_resampled(statistic, a, b, member, draw, options) for draw in draws])
    return _percentiles(statistic(a, b, **options), samples, confidence)


def coefficients(
    a: Grades,
    b: Grades,
    *,
    labels: Sequence[Hashable],
    ordered: bool,
    clusters: Sequence[Hashable] | None = None,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """Every coefficient of two readers with its interval, all from the same resamples of patients.

    Returns
    -------
    dict
        percent_agreement, kappa, ac1, alpha, pabak; for ordered grades also kappa_linear,
        kappa_quadratic, ac2 (quadratic) and alpha_ordinal.
    """
    drawn = _Resamples.of(a, b, clusters, labels, n_resamples, seed)
    chosen = {**_NOMINAL, **(_ORDERED if ordered else {})}
    return {name: drawn.interval(on_tables, confidence) for name, on_tables in chosen.items()}


def by_grade(
    a: Grades,
    b: Grades,
    *,
    labels: Sequence[Hashable],
    clusters: Sequence[Hashable] | None = None,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """For each grade against all others (Fleiss 1981, 13.1): how often used, specific agreement and κ.

    Returns
    -------
    list of dict
        ``grade``, ``used`` by each of the two readers, and the intervals ``agreement`` and ``kappa``.
    """
    drawn = _Resamples.of(a, b, clusters, labels, n_resamples, seed)
    rows: list[dict[str, Any]] = []
    for place, grade in enumerate(labels):
        total = drawn.total
        rows.append(
            {
                "grade": grade,
                "used": (int(total[place].sum()), int(total[:, place].sum())),
                "agreement": drawn.interval(lambda t, i=place: tables.specific(t)[..., i], confidence),
                "kappa": drawn.interval(
                    lambda t, i=place: tables.kappa(tables.against_rest(t, i)), confidence
                ),
            }
        )
    return rows


class _Resamples(NamedTuple):
    """The table of all items, and those of patients drawn with replacement, (resamples, k, k)."""

    total: Array
    drawn: Array

    @classmethod
    def of(
        cls,
        a: Grades,
        b: Grades,
        clusters: Sequence[Hashable] | None,
        labels: Sequence[Hashable] | None,
        n_resamples: int,
        seed: int,
    ) -> _Resamples:
        scale, total = contingency(a, b, labels)
        member, draws = _draws(len(a), clusters, n_resamples, seed)
        place = {grade: index for index, grade in enumerate(scale)}
        by_patient = np.zeros((draws.shape[1], *total.shape))
        rows, columns = (np.array([place[grade] for grade in grades]) for grades in (a, b))
        np.add.at(by_patient, (member, rows, columns), 1)
        return cls(total, np.tensordot(draws.astype(float), by_patient, axes=1))

    def interval(self, on_tables: Callable[..., Array], confidence: float) -> Interval:
        return _percentiles(float(on_tables(self.total)), on_tables(self.drawn), confidence)


def _draws(
    n_items: int, clusters: Sequence[Hashable] | None, n_resamples: int, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Each item's patient, and how often each patient is drawn, (resamples, patients)."""
    groups = list(clusters) if clusters is not None else list(range(n_items))
    if len(groups) != n_items:
        raise ValueError(f"{len(groups)} clusters for {n_items} items")
    names, member = np.unique(np.array([str(group) for group in groups]), return_inverse=True)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=n_resamples)
    return member, draws


def _percentiles(value: float, samples: Array, confidence: float) -> Interval:
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
    agreed, kappa, ac1 = float(tables.percent(table)), float(tables.kappa(table)), float(tables.ac2(table))
    return agreed >= 0.8 and not kappa >= 0.6 and not ac1 - kappa <= 0.2
