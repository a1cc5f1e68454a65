"""Splits: the paper's sizes, nobody on both sides, the same again from the same seed."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling.splits import Fold, SplitError, holdout, k_fold

PAPER_NAMES = [f"P{i:03d}" for i in range(220)]
PAPER_OUTCOMES = [1] * 33 + [0] * 187


def test_paper_sizes_and_strata():
    fold = holdout(PAPER_NAMES, PAPER_OUTCOMES, seed=1)
    assert (len(fold.train), len(fold.test)) == (153, 67)
    outcome = dict(zip(PAPER_NAMES, PAPER_OUTCOMES, strict=True))
    assert sum(outcome[name] for name in fold.train) == 23
    assert sum(outcome[name] for name in fold.test) == 10


def test_split_depends_on_seed_and_not_on_row_order():
    fold = holdout(PAPER_NAMES, PAPER_OUTCOMES, seed=1)
    again = holdout(PAPER_NAMES[::-1], PAPER_OUTCOMES[::-1], seed=1)
    assert set(fold.test) == set(again.test)
    assert set(fold.test) != set(holdout(PAPER_NAMES, PAPER_OUTCOMES, seed=2).test)


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 30), st.integers(2, 120), st.integers(0, 1000))
def test_holdout_always_has_both_outcomes_on_both_sides(positives, negatives, seed):
    names = [str(i) for i in range(positives + negatives)]
    outcome = dict(zip(names, [1] * positives + [0] * negatives, strict=True))
    fold = holdout(names, list(outcome.values()), seed=seed)
    assert sorted(fold.train + fold.test) == sorted(names)
    for side in (fold.train, fold.test):
        assert {outcome[name] for name in side} == {0, 1}
    if positives > 3 and negatives > 3:
        assert len(fold.train) == round(len(names) * 153 / 220)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 6), st.integers(1, 3), st.integers(0, 20), st.integers(0, 60), st.integers(0, 99))
def test_k_fold_tests_everybody_once_a_repeat_and_evenly(folds, repeats, more_pos, more_neg, seed):
    positives, negatives = folds + more_pos, folds + more_neg
    names = [str(i) for i in range(positives + negatives)]
    outcome = dict(zip(names, [1] * positives + [0] * negatives, strict=True))
    parts = k_fold(names, list(outcome.values()), seed=seed, folds=folds, repeats=repeats)
    assert len(parts) == folds * repeats
    for repeat in range(repeats):
        own = [part for part in parts if part.repeat == repeat]
        assert Counter(name for part in own for name in part.test) == Counter(names)
        assert all(sorted(part.train + part.test) == sorted(names) for part in own)
        sizes = [len(part.test) for part in own]
        cases = [sum(outcome[name] for name in part.test) for part in own]
        assert max(sizes) - min(sizes) <= 1
        assert max(cases) - min(cases) <= 1


def test_repeats_differ():
    parts = k_fold(PAPER_NAMES, PAPER_OUTCOMES, seed=0, folds=5, repeats=2)
    assert parts[0].test != parts[5].test


@pytest.mark.parametrize("positives", [0, 1])
def test_too_few_positives_say_so(positives):
    outcomes = [1] * positives + [0] * 20
    names = [str(i) for i in range(len(outcomes))]
    with pytest.raises(SplitError, match=rf"{positives} positive patient\(s\).*at least 2"):
        holdout(names, outcomes, seed=0)
    with pytest.raises(SplitError, match=rf"{positives} positive.*5-fold.*at least 5"):
        k_fold(names, outcomes, seed=0)


def test_too_few_negatives_say_so():
    with pytest.raises(SplitError, match="1 negative"):
        holdout(["a", "b", "c"], [1, 1, 0], seed=0)


@pytest.mark.parametrize("split", [holdout, k_fold])
def test_a_patient_listed_twice_is_named(split):
    with pytest.raises(SplitError, match="patient a is listed 2 times"):
        split(["a", "b", "a", "c"], [0, 1, 0, 1], seed=0)


def test_bad_outcomes_and_lengths():
    with pytest.raises(SplitError, match="patient b has an outcome"):
        holdout(["a", "b"], [0, 2], seed=0)
    with pytest.raises(SplitError, match="2 patients but 1"):
        holdout(["a", "b"], [0], seed=0)
    with pytest.raises(SplitError, match="train_fraction"):
        holdout(["a", "b", "c", "d"], [0, 1, 0, 1], seed=0, train_fraction=1.0)
    with pytest.raises(SplitError, match="folds 1"):
        k_fold(["a", "b"], [0, 1], seed=0, folds=1)


def test_a_fold_cannot_be_made_with_a_patient_on_both_sides():
    with pytest.raises(SplitError, match="patient b is in training and test"):
        Fold(0, 0, ("a", "b"), ("b", "c"))
