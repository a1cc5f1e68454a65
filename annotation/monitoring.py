"""What tells the lead that reading goes astray: disputes, leaning and drifting readers (no Django).

Sources: Raunig et al. 2021 (Reader Disagreement Index); Wilson 1927; Page 1954 (CUSUM), Lorden 1971 (its
false alarms).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy

#: What an observer's error rate should be, what it must not become, and how many cases in control may
#: pass, on average at least, between two false alarms.
EXPECTED, UNACCEPTABLE, RUN_LENGTH = 0.10, 0.30, 200
#: Patients without whom resampling them says nothing.
_FEWEST = 3


class Rate(NamedTuple):
    """``k`` of ``n`` with its Wilson 95 % interval; NaN of none."""

    k: int
    n: int
    value: float
    low: float
    high: float


def rate(k: int, n: int) -> Rate:
    """A share with its Wilson 95 % interval."""
    if n == 0:
        return Rate(k, n, math.nan, math.nan, math.nan)
    interval = scipy.stats.binomtest(k, n).proportion_ci(method="wilson")
    return Rate(k, n, k / n, float(interval.low), float(interval.high))


# --- Disagreement


@dataclass(frozen=True)
class Verdict:
    """What an adjudicator's read of one case says of the two reads before it."""

    #: Reader → whether the adjudicator gave another category to any scan than they did.
    against: dict[str, bool]


@dataclass(frozen=True)
class Disagreement:
    """A reader's disagreement index and whether the adjudicator sides with the others."""

    reader: str
    #: Adjudicator disagreed with the reader ÷ all cases that reader read (Raunig 2021).
    index: Rate
    adjudicated: int
    #: Two-sided exact sign test, over the cases in which the adjudicator sided with one of two readers,
    #: that it is a coin; None without such a case.
    p: float | None


def disagreement(verdicts: Sequence[Verdict], read: dict[str, int]) -> list[Disagreement]:
    """Each reader's disagreement index.

    Parameters
    ----------
    verdicts
        One for each adjudicated case, shams left out.
    read
        Reader → number of cases whose two reads have been compared.
    """
    rows = []
    for reader in sorted(read):
        mine = [verdict for verdict in verdicts if reader in verdict.against]
        lost = sum(verdict.against[reader] for verdict in mine)
        decided = [v for v in mine if sum(v.against.values()) == 1]
        p = None
        if decided:
            p = float(scipy.stats.binomtest(sum(v.against[reader] for v in decided), len(decided)).pvalue)
        rows.append(Disagreement(reader, rate(lost, read[reader]), len(mine), p))
    return rows


# --- The tie-breaker


@dataclass(frozen=True)
class Bias:
    """How an adjudicator reads scans on which both observers had agreed, without knowing it."""

    changed: Rate
    more_severe: int
    less_severe: int
    #: Mean of adjudicator − observers, in steps of the scale, with a bootstrap interval over patients;
    #: without a change, which leaves nothing to resample, the Wilson bound of changes either way.
    shift: tuple[float, float, float]
    #: Two-sided exact sign test that changes go either way equally; None without a change.
    p: float | None


def tie_breaker_bias(
    agreed: Sequence[int], given: Sequence[int], patients: Sequence[Hashable], *, seed: int = 0
) -> Bias:
    """Compare the adjudicator's category with the concordant one on sham scans.

    Parameters
    ----------
    agreed, given
        Steps on the scale of categories, 0 the least severe, per scan.
    patients
        Whose scan it is: a patient's scans are resampled together.
    """
    difference = np.subtract(np.array(given, dtype=int), np.array(agreed, dtype=int))
    up, down = int((difference > 0).sum()), int((difference < 0).sum())
    p = float(scipy.stats.binomtest(up, up + down).pvalue) if up + down else None
    changed = rate(up + down, len(difference))
    shift = _mean_shift(difference, patients, seed) if p is not None else (0.0, -changed.high, changed.high)
    if not len(difference):
        shift = (math.nan, math.nan, math.nan)
    return Bias(changed, up, down, shift, p)


def _mean_shift(
    difference: np.ndarray[tuple[int], np.dtype[np.int_]], patients: Sequence[Hashable], seed: int
) -> tuple[float, float, float]:
    if len(set(patients)) < _FEWEST:
        return float(difference.mean()), math.nan, math.nan
    names, member = np.unique([str(patient) for patient in patients], return_inverse=True)
    sums = np.bincount(member, difference, len(names))
    sizes = np.bincount(member, minlength=len(names))
    weights = np.full(len(names), 1 / len(names))
    draws = np.random.default_rng(seed).multinomial(len(names), weights, size=2000)
    samples = (draws @ sums) / (draws @ sizes)
    low, high = np.quantile(samples, [0.025, 0.975])
    return float(difference.mean()), float(low), float(high)


# --- Drift


class Step(NamedTuple):
    """One checked read: whether it was wrong, the sum after it, and whether that raised the alarm."""

    wrong: bool
    total: float
    alarm: bool


def threshold(run_length: int = RUN_LENGTH) -> float:
    """The sum at which a log-likelihood CUSUM alarms: with ln(L), L in-control cases pass on average at
    least before a false one (Lorden 1971)."""
    return math.log(run_length)


def cusum(
    wrong: Iterable[bool],
    *,
    expected: float = EXPECTED,
    unacceptable: float = UNACCEPTABLE,
    run_length: int = RUN_LENGTH,
) -> list[Step]:
    """Bernoulli CUSUM of a reader's checked reads in order (Page 1954); starts anew after an alarm.

    Each read adds the log likelihood ratio of ``unacceptable`` to ``expected`` error; the sum never falls
    below 0.
    """
    if not 0 < expected < unacceptable < 1:
        raise ValueError(f"0 < expected < unacceptable < 1 must hold, not {expected} and {unacceptable}")
    up, down = math.log(unacceptable / expected), math.log((1 - unacceptable) / (1 - expected))
    limit, total, steps = threshold(run_length), 0.0, []
    for error in wrong:
        total = max(0.0, total + (up if error else down))
        alarm = total >= limit
        steps.append(Step(bool(error), total, alarm))
        total = 0.0 if alarm else total
    return steps


# --- Time


class Times(NamedTuple):
    """Active seconds of a reader's signed reads: number, median and quartiles; NaN of none."""

    n: int
    median: float
    q1: float
    q3: float


def reading_times(seconds: Sequence[float]) -> Times:
    if not seconds:
        return Times(0, math.nan, math.nan, math.nan)
    q1, median, q3 = np.quantile(seconds, [0.25, 0.5, 0.75])
    return Times(len(seconds), float(median), float(q1), float(q3))
