"""Table 1's statistics against published examples, and the table's counting of who is missing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from annotation import descriptive
from annotation.descriptive import CATEGORY, Characteristic, table, yes_no


def test_quartiles_are_those_of_r() -> None:
    assert descriptive.quartiles(range(1, 11)) == (3.25, 5.5, 7.75)  # quantile(1:10)
    assert descriptive.quartiles([4.0]) == (4.0, 4.0, 4.0)


def test_mann_whitney_of_a_textbook() -> None:
    """Hollander & Wolfe 1973, p. 69: permeability; R's wilcox.test gives one-sided p = .1272."""
    term = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
    early = [1.15, 0.88, 0.90, 0.74, 1.21]
    name, p = descriptive.compare_numbers([term, early])
    assert name == "Mann–Whitney U"
    assert p == pytest.approx(2 * 0.1272, abs=1e-4)


def test_kruskal_wallis_of_a_textbook() -> None:
    """Hollander & Wolfe 1973, p. 116: half-time of mucociliary clearance; H = .771, p = .68."""
    normal, obstructed = [2.9, 3.0, 2.5, 2.6, 3.2], [3.8, 2.7, 4.0, 2.4]
    asbestosis = [2.8, 3.4, 3.7, 2.2, 2.0]
    name, p = descriptive.compare_numbers([normal, obstructed, asbestosis])
    assert name == "Kruskal–Wallis"
    assert p == pytest.approx(math.exp(-0.77143 / 2), abs=1e-4)  # χ² with two degrees of freedom


def test_fisher_of_the_lady_tasting_tea() -> None:
    """Fisher 1935; Agresti 2002, p. 91: two-sided p = 17/35."""
    assert descriptive.compare_counts([[3, 1], [1, 3]]) == ("Fisher’s exact", pytest.approx(17 / 35))


def test_chi_square_of_a_textbook() -> None:
    """Agresti 2007, p. 39: party by gender; X² = 30.07 with two degrees of freedom."""
    name, p = descriptive.compare_counts([[762, 327, 468], [484, 239, 477]])
    assert (name, p) == ("χ²", pytest.approx(math.exp(-30.070149 / 2), rel=1e-5))


def test_nothing_to_test_gives_no_p() -> None:
    assert descriptive.compare_numbers([[1.0, 2.0], []])[1] is None
    assert descriptive.compare_numbers([[2.0, 2.0], [2.0]])[1] is None
    assert descriptive.compare_counts([[3, 0], [2, 0]])[1] is None
    assert descriptive.compare_counts([[0, 0], [2, 1]])[1] is None
    assert descriptive.compare_counts([])[1] is None
    assert descriptive.difference_of_means([1.0], [2.0, 3.0]) is None
    assert descriptive.difference_of_shares([0, 0], [1, 2]) is None
    assert descriptive.difference_of_shares([5, 0], [5, 0]) is None


def test_differences_by_hand() -> None:
    # Means 2 and 5, both variances 1.
    assert descriptive.difference_of_means([1, 2, 3], [4, 5, 6]) == pytest.approx(3)
    # 30 % and 50 %: .2 / √((.21 + .25) / 2)
    assert descriptive.difference_of_shares([3, 7], [5, 5]) == pytest.approx(0.2 / math.sqrt(0.23))
    # Three levels, .5 .3 .2 and .2 .3 .5: T = (0, .3); S = [[.21, −.105], [−.105, .205]];
    # its inverse's lower right is .21 / (.21 × .205 − .105²) = .21 / .032025.
    found = descriptive.difference_of_shares([50, 30, 20], [20, 30, 50])
    assert found == pytest.approx(math.sqrt(0.09 * 0.21 / 0.032025))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 30), min_size=2, max_size=40),
    st.lists(st.integers(0, 30), min_size=2, max_size=40),
)
def test_rank_test_is_scipys_and_symmetric(a: list[int], b: list[int]) -> None:
    _, p = descriptive.compare_numbers([a, b])
    if len({*a, *b}) == 1:
        assert p is None
    else:
        assert p == pytest.approx(stats.mannwhitneyu(a, b).pvalue)
        assert p == pytest.approx(descriptive.compare_numbers([b, a])[1])


@pytest.mark.parametrize(("a", "b"), [([0, 0, 1], [1, 1, 0]), ([1, 0, 0], [0, 1, 1]), ([4, 0], [0, 3])])
def test_groups_that_share_no_level_have_no_difference_of_shares(a: list[int], b: list[int]) -> None:
    assert descriptive.difference_of_shares(a, b) is None


@settings(max_examples=200, deadline=None)
@example([(0, 1), (0, 1), (1, 0)])
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=5))
def test_difference_of_shares_does_not_depend_on_order(counts: list[tuple[int, int]]) -> None:
    a, b = ([row[side] for row in counts] for side in (0, 1))
    found = descriptive.difference_of_shares(a, b)
    turned = descriptive.difference_of_shares(b[::-1], a[::-1])
    assert (found is None) == (turned is None)
    if found is not None:
        assert turned == pytest.approx(found, rel=1e-6, abs=1e-9)


# ---- the table

PEOPLE: list[dict[str, Any]] = [
    {"age": 50.0, "rf": True, "site": "B"},
    {"age": 60.0, "rf": None, "site": "A"},
    {"age": None, "rf": False, "site": "A"},
    {"age": 70.0, "rf": True, "site": None},
    {"age": 10.0, "rf": True, "site": "A"},
]
MEMBERS = [0, 0, 1, 1, None]
COLUMNS = [
    Characteristic("age", "Age", unit="years"),
    yes_no("rf", "RF"),
    Characteristic("site", "Site", CATEGORY),
]


def test_missing_values_are_counted_and_left_out() -> None:
    found = table(COLUMNS, PEOPLE, [(0, "no"), (1, "yes")], MEMBERS)
    assert found["groups"] == [{"label": "All", "n": 5}, {"label": "no", "n": 2}, {"label": "yes", "n": 2}]
    age, rf, site = found["rows"]
    assert age["missing"] == [1, 0, 1]
    assert [cell and (cell["n"], cell["median"]) for cell in age["cells"]] == [
        (4, 55.0),
        (2, 55.0),
        (1, 70.0),
    ]
    assert age["cells"][0]["sd"] == pytest.approx(np.std([50, 60, 70, 10], ddof=1))
    assert rf["missing"] == [1, 1, 0]
    assert rf["levels"] == [
        {"label": "Yes", "cells": [
            {"n": 3, "of": 4, "share": 0.75}, {"n": 1, "of": 1, "share": 1.0},
            {"n": 1, "of": 2, "share": 0.5},
        ]},
    ]  # fmt: skip
    assert [level["label"] for level in site["levels"]] == ["A", "B"]
    assert site["missing"] == [1, 0, 1]
    assert site["test"] == "Fisher’s exact"


def test_without_groups_nothing_is_tested() -> None:
    found = table(COLUMNS, PEOPLE, [], [None] * 5)
    assert [(row["test"], row["p"], row["smd"]) for row in found["rows"]] == [("", None, None)] * 3
    empty = table(COLUMNS, [], [(0, "no"), (1, "yes")], [])
    assert empty["rows"][0]["cells"] == [None, None, None]
    assert empty["rows"][1]["levels"][0]["cells"][0] == {"n": 0, "of": 0, "share": None}
    with pytest.raises(ValueError, match="memberships"):
        table(COLUMNS, PEOPLE, [], [])
