"""Table 1: what patients were like, by group, with tests and standardised differences. No Django.

Missing values are counted and left out of every statistic. Groups of unknown membership stand in the overall
column only.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

Floats = npt.NDArray[np.float64]
NUMBER, CATEGORY = "number", "category"


@dataclass(frozen=True)
class Characteristic:
    """One row of the table; of a category ``levels`` are shown, in this order, as value → label."""

    key: str
    label: str
    kind: str = NUMBER
    unit: str = ""
    #: Empty: the values that occur, sorted.
    levels: tuple[tuple[Hashable, str], ...] = ()
    #: One line for this level alone, as "RF positive".
    only: Hashable = None


def yes_no(key: str, label: str) -> Characteristic:
    return Characteristic(key, label, CATEGORY, levels=((True, "Yes"), (False, "No")), only=True)


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile by linear interpolation (type 7 of Hyndman & Fan 1996)."""
    low, middle, high = np.percentile(np.asarray(values, dtype=float), [25, 50, 75])
    return float(low), float(middle), float(high)


def compare_numbers(groups: Sequence[Sequence[float]]) -> tuple[str, float | None]:
    """Name and two-sided p of the rank test: Mann–Whitney U for two groups, Kruskal–Wallis for more.

    Exact without ties where a group has no more than eight, else normal with ties and continuity corrected
    (scipy's "auto"). None where a group is empty or all values are one.
    """
    name = "Mann–Whitney U" if len(groups) == 2 else "Kruskal–Wallis"
    if len(groups) < 2 or not all(groups) or len({v for group in groups for v in group}) < 2:
        return name, None
    found = scipy.stats.mannwhitneyu(*groups) if len(groups) == 2 else scipy.stats.kruskal(*groups)
    return name, _finite(found.pvalue)


def compare_counts(table: Sequence[Sequence[int]]) -> tuple[str, float | None]:
    """Name and p of the test of independence; rows are groups, columns levels.

    Fisher's exact test for 2×2 with an expected count below five (Cochran 1954), else Pearson's χ² without
    continuity correction. None where fewer than two rows or columns hold anybody.
    """
    counts = np.asarray(table, dtype=float)
    counts = counts[:, counts.sum(axis=0) > 0] if counts.size else counts
    if counts.ndim != 2 or min(counts.shape) < 2 or (counts.sum(axis=1) == 0).any():
        return "χ²", None
    expected = scipy.stats.contingency.expected_freq(counts)
    if counts.shape == (2, 2) and expected.min() < 5:
        return "Fisher’s exact", _finite(scipy.stats.fisher_exact(counts).pvalue)
    return "χ²", _finite(scipy.stats.chi2_contingency(counts, correction=False).pvalue)


def difference_of_means(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Standardised difference of b against a, (mb − ma) / √((s²a + s²b)/2) (Austin 2009, eq. 1)."""
    if len(a) < 2 or len(b) < 2:
        return None
    spread = math.sqrt((np.var(a, ddof=1) + np.var(b, ddof=1)) / 2)
    return _finite((float(np.mean(b)) - float(np.mean(a))) / spread) if spread > 0 else None


def difference_of_shares(a: Sequence[int], b: Sequence[int]) -> float | None:
    """Standardised difference of two rows of counts: √(TᵀS⁻¹T) of Yang & Dalton (2012), without sign.

    For two levels it is |pb − pa| over √((pa(1 − pa) + pb(1 − pb))/2). None where the groups differ along
    something that varies in neither, such as two groups that share no level: no finite figure is right.
    """
    counts = np.array([a, b], dtype=float)
    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] < 2 or (counts.sum(axis=1) == 0).any():
        return None
    first, second = counts / counts.sum(axis=1, keepdims=True)
    apart: Floats = second - first
    # All levels and a pseudo-inverse, for the same figure whichever level one would leave out.
    spread = (_multinomial(first) + _multinomial(second)) / 2
    scaled = np.linalg.pinv(spread, rcond=1e-10, hermitian=True) @ apart
    if not np.allclose(spread @ scaled, apart, atol=1e-9):
        return None
    return math.sqrt(max(float(apart @ scaled), 0.0))


def _multinomial(shares: Floats) -> Floats:
    return np.asarray(np.diag(shares) - np.outer(shares, shares))


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


# ---- the table


def table(
    characteristics: Sequence[Characteristic],
    people: Sequence[Mapping[str, Any]],
    groups: Sequence[tuple[Hashable, str]],
    membership: Sequence[Hashable],
) -> dict[str, Any]:
    """Describe ``people`` overall and by group.

    Parameters
    ----------
    characteristics
        The rows.
    people
        Values by characteristic key; None and absent are missing.
    groups
        (value, label) in order; those of other or unknown membership stand in the overall column only.
    membership
        Each person's group, as many as people.

    Returns
    -------
    dict
        ``{"groups": [{"label", "n"}], "rows": [row]}``, the first group being everybody. A row has ``key``,
        ``label``, ``unit``, ``kind``, ``missing`` (a count for each group), ``cells`` (numbers: n, median,
        q1, q3, mean, sd, low, high; else None), ``levels`` ([{"label", "cells": [{"n", "of", "share"}]}]),
        ``test``, ``p`` and ``smd``.
    """
    if len(people) != len(membership):
        raise ValueError(f"{len(people)} people and {len(membership)} memberships")
    members = [[k for k, own in enumerate(membership) if own == value] for value, _ in groups]
    columns = [list(range(len(people))), *members]
    shown = [
        {"label": label, "n": len(column)}
        for label, column in zip(["All", *(label for _, label in groups)], columns, strict=True)
    ]
    describe = {NUMBER: _numbers, CATEGORY: _categories}
    rows = []
    for one in characteristics:
        values = [[people[k].get(one.key) for k in column] for column in columns]
        known = [[value for value in column if value is not None] for column in values]
        rows.append(
            {
                "key": one.key,
                "label": one.label,
                "unit": one.unit,
                "kind": one.kind,
                "missing": [len(a) - len(b) for a, b in zip(values, known, strict=True)],
                **describe[one.kind](one, known),
            }
        )
    return {"groups": shown, "rows": rows}


def _numbers(one: Characteristic, columns: list[list[Any]]) -> dict[str, Any]:
    groups = [[float(value) for value in column] for column in columns[1:]]
    test, p = compare_numbers(groups) if groups else ("", None)
    smd = difference_of_means(*groups) if len(groups) == 2 else None
    cells = [_number_cell([float(value) for value in column]) for column in columns]
    return {"cells": cells, "levels": [], "test": test, "p": p, "smd": smd}


def _number_cell(values: list[float]) -> dict[str, Any] | None:
    if not values:
        return None
    q1, median, q3 = quartiles(values)
    return {
        "n": len(values),
        "median": median,
        "q1": q1,
        "q3": q3,
        "mean": float(np.mean(values)),
        "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "low": min(values),
        "high": max(values),
    }


def _categories(one: Characteristic, columns: list[list[Any]]) -> dict[str, Any]:
    occurring = set(columns[0])
    levels = one.levels or tuple((value, str(value)) for value in sorted(occurring, key=str))
    if one.only is None:
        levels = tuple((value, label) for value, label in levels if value in occurring)
    counts = [[column.count(value) for value, _ in levels] for column in columns]
    test, p = compare_counts(counts[1:]) if len(counts) > 2 else ("", None)
    smd = difference_of_shares(*counts[1:]) if len(counts) == 3 else None
    lines = [
        {
            "label": label,
            "cells": [
                {"n": own[k], "of": sum(own), "share": own[k] / sum(own) if sum(own) else None}
                for own in counts
            ],
        }
        for k, (value, label) in enumerate(levels)
        if one.only is None or value == one.only
    ]
    return {"cells": [None] * len(columns), "levels": lines, "test": test, "p": p, "smd": smd}
