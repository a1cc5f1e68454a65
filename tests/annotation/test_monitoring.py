"""Monitoring statistics against published intervals, closed forms and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from annotation import monitoring as mon
from annotation.monitoring import Verdict


@pytest.mark.parametrize(("k", "n", "low", "high"), [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)])
def test_wilson_of_newcombe_1998(k: int, n: int, low: float, high: float) -> None:
    """Newcombe 1998, table I, method 3 (score without continuity correction)."""
    found = mon.rate(k, n)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert (found.low, found.high) == pytest.approx(proportion_confint(k, n, method="wilson"), abs=1e-9)


def test_rate_of_nothing() -> None:
    assert math.isnan(mon.rate(0, 0).value)


def test_disagreement_index() -> None:
    """Raunig 2021: of 20 cases A read, the adjudicator took the other side in 6: RDI .30; B's is .10."""
    verdicts = [Verdict({"a": True, "b": False})] * 6 + [Verdict({"a": False, "b": True})] * 2
    verdicts += [Verdict({"a": True, "b": True})]  # a third opinion counts against both, and is no coin
    a, b = mon.disagreement(verdicts, {"a": 20, "b": 30})
    assert (a.reader, a.index.k, a.index.value, a.adjudicated) == ("a", 7, 0.35, 9)
    assert (b.index.k, b.index.value) == (3, 0.1)
    assert a.p == b.p == pytest.approx(stats.binomtest(6, 8).pvalue)


def test_disagreement_without_verdicts() -> None:
    (row,) = mon.disagreement([], {"a": 5})
    assert (row.index.value, row.adjudicated, row.p) == (0.0, 0, None)


def test_the_index_finds_the_discordant_reader() -> None:
    """As in Raunig's simulations: A errs thrice as often as B; in 20 trials A's index is the higher."""
    found = 0
    for trial in range(20):
        rng = np.random.default_rng(trial)
        wrong = {"a": rng.random(200) < 0.15, "b": rng.random(200) < 0.05}
        verdicts = [
            Verdict({"a": bool(a), "b": bool(b)})
            for a, b in zip(wrong["a"], wrong["b"], strict=True)
            if a != b
        ]
        a, b = mon.disagreement(verdicts, {"a": 200, "b": 200})
        found += a.index.value > b.index.value and a.p is not None and a.p < 0.05
    assert found >= 18


def test_tie_breaker_bias() -> None:
    found = mon.tie_breaker_bias([0, 0, 1, 2, 0, 0], [1, 0, 2, 1, 0, 0], list("aabbcc"))
    assert (found.changed.k, found.changed.n, found.more_severe, found.less_severe) == (3, 6, 2, 1)
    assert found.shift[0] == pytest.approx(1 / 6)
    assert found.shift[1] <= found.shift[0] <= found.shift[2]
    assert found.p == pytest.approx(1.0)


def test_bias_of_nothing_and_of_no_change() -> None:
    assert math.isnan(mon.tie_breaker_bias([], [], []).shift[0])
    alone = mon.tie_breaker_bias([0, 0], [2, 0], ["a", "a"])
    assert alone.shift[0] == 1
    assert math.isnan(alone.shift[1]), "one patient cannot be resampled"
    same = mon.tie_breaker_bias([0, 1], [0, 1], ["a", "b"])
    assert (same.p, same.changed.k) == (None, 0)
    assert same.shift == (0.0, -same.changed.high, same.changed.high), "two scans rule nothing out"


def test_bias_interval_covers_the_truth() -> None:
    """A tie-breaker who calls 8 % of scans one step worse and 2 % one better leans by .06."""
    covered = 0
    for trial in range(200):
        rng = np.random.default_rng(trial)
        given = rng.choice([-1, 0, 1], p=[0.02, 0.90, 0.08], size=300)
        low, high = mon.tie_breaker_bias([0] * 300, given.tolist(), list(range(300)), seed=trial).shift[1:]
        covered += low <= 0.06 <= high
    assert 180 <= covered <= 199


def test_cusum_by_hand() -> None:
    """p0 .1, p1 .3: an error adds ln 3, a right read ln(7/9); never below 0; alarm at ln 20 = 2.996."""
    steps = mon.cusum([False, True, True, False, True, False], run_length=20)
    up, down = math.log(3), math.log(7 / 9)
    assert [step.total for step in steps] == pytest.approx([0, up, 2 * up, 2 * up + down, 3 * up + down, 0])
    assert [step.alarm for step in steps] == [False, False, False, False, True, False]


def test_cusum_equals_its_definition() -> None:
    """S_n − min of S over the past, with the sum unbounded (Page 1954)."""
    rng = np.random.default_rng(3)
    wrong = rng.random(400) < 0.12
    scores = np.where(wrong, math.log(3), math.log(7 / 9))
    walk = np.concatenate([[0], np.cumsum(scores)])
    expected = walk - np.minimum.accumulate(walk)
    steps = mon.cusum(wrong.tolist(), run_length=10**9)
    assert [step.total for step in steps] == pytest.approx(expected[1:].tolist(), abs=1e-9)


def first_alarm(p: float, seed: int, least: int) -> int:
    rng = np.random.default_rng(seed)
    steps = mon.cusum((rng.random(least) < p).tolist())
    return next((number for number, step in enumerate(steps, 1) if step.alarm), least)


def test_false_alarms_are_as_rare_as_promised_and_drift_is_found() -> None:
    """In control at least 200 reads pass on average; at 30 % errors some 20 do (Lorden's bounds)."""
    in_control = [first_alarm(mon.EXPECTED, seed, 5000) for seed in range(100)]
    drifted = [first_alarm(mon.UNACCEPTABLE, seed, 5000) for seed in range(100)]
    assert np.mean(in_control) > 200
    assert np.mean(drifted) < 60


def test_bad_rates() -> None:
    with pytest.raises(ValueError, match="expected < unacceptable"):
        mon.cusum([], expected=0.3, unacceptable=0.2)


def test_reading_times() -> None:
    assert mon.reading_times([10, 20, 30, 40]) == (4, 25, 17.5, 32.5)
    assert math.isnan(mon.reading_times([]).median)
