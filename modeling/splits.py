"""Who is trained on and who is tested: seeded, stratified by outcome (no Django, no torch)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

#: The paper trained on 153 of 220 patients (it calls that "60:40"; it is 69.5 %).
PAPER_TRAIN_FRACTION = 153 / 220


class SplitError(ValueError):
    """These patients cannot be split as asked; the message says why."""


@dataclass(frozen=True)
class Fold:
    """One training and its test patients (pseudonyms, in the order given); nobody is in both."""

    repeat: int
    fold: int
    train: tuple[str, ...]
    test: tuple[str, ...]

    def __post_init__(self) -> None:
        crossing = set(self.train) & set(self.test)
        if crossing:
            raise SplitError(f"patient {min(crossing)} is in training and test")


def _outcomes(patients: Sequence[str], outcomes: Sequence[int]) -> tuple[list[str], dict[str, int]]:
    if len(patients) != len(outcomes):
        raise SplitError(f"{len(patients)} patients but {len(outcomes)} outcomes")
    repeated = [name for name, count in Counter(patients).items() if count > 1]
    if repeated:
        raise SplitError(f"patient {repeated[0]} is listed {Counter(patients)[repeated[0]]} times")
    wrong = [name for name, outcome in zip(patients, outcomes, strict=True) if outcome not in (0, 1)]
    if wrong:
        raise SplitError(f"patient {wrong[0]} has an outcome other than 0 or 1")
    return list(patients), dict(zip(patients, (int(o) for o in outcomes), strict=True))


def _require(outcome_of: Mapping[str, int], least: int, purpose: str) -> None:
    count = Counter(outcome_of.values())
    for outcome, name in ((1, "positive"), (0, "negative")):
        if count[outcome] < least:
            raise SplitError(
                f"{count[outcome]} {name} patient(s) (outcome {outcome}) of {len(outcome_of)}: "
                f"{purpose} needs at least {least}"
            )


def holdout(
    patients: Sequence[str],
    outcomes: Sequence[int],
    *,
    seed: int,
    train_fraction: float = PAPER_TRAIN_FRACTION,
) -> Fold:
    """The paper's split at any size: ``round(n · train_fraction)`` patients train, the rest test.

    Each outcome keeps its share to the nearest patient, with at least one patient of each outcome on
    either side. Same patients, outcomes and seed: same split, whatever the order of the rows.

    Raises
    ------
    SplitError
        If a patient is listed twice, or an outcome has fewer than two patients.
    """
    order, outcome_of = _outcomes(patients, outcomes)
    if not 0 < train_fraction < 1:
        raise SplitError(f"train_fraction {train_fraction} does not lie between 0 and 1")
    _require(outcome_of, 2, "a training and a test set of both outcomes")
    positives = sorted(name for name in order if outcome_of[name] == 1)
    negatives = sorted(name for name in order if outcome_of[name] == 0)
    n_train = min(max(round(len(order) * train_fraction), 2), len(order) - 2)
    positive_train = min(max(round(len(positives) * n_train / len(order)), 1), len(positives) - 1)
    # The negatives take the rest of the training set, but leave at least one for the test.
    negative_train = min(max(n_train - positive_train, 1), len(negatives) - 1)
    rng = np.random.default_rng(seed)
    chosen = {positives[i] for i in rng.permutation(len(positives))[:positive_train]}
    chosen |= {negatives[i] for i in rng.permutation(len(negatives))[:negative_train]}
    return Fold(
        0,
        0,
        tuple(name for name in order if name in chosen),
        tuple(name for name in order if name not in chosen),
    )


def k_fold(
    patients: Sequence[str],
    outcomes: Sequence[int],
    *,
    seed: int,
    folds: int = 5,
    repeats: int = 1,
) -> list[Fold]:
    """Stratified k-fold with repeats: in each repeat every patient is tested exactly once.

    Fold sizes differ by at most one, and so do their counts of positives.

    Raises
    ------
    SplitError
        If a patient is listed twice, or an outcome has fewer patients than there are folds.
    """
    order, outcome_of = _outcomes(patients, outcomes)
    if folds < 2 or repeats < 1:
        raise SplitError(f"folds {folds} and repeats {repeats}: at least 2 and 1 are needed")
    _require(outcome_of, folds, f"{folds}-fold cross-validation (take fewer folds, or the hold-out split)")
    result = []
    for repeat in range(repeats):
        rng = np.random.default_rng([seed, repeat])
        fold_of: dict[str, int] = {}
        dealt = 0
        for outcome in (1, 0):
            names = sorted(name for name in order if outcome_of[name] == outcome)
            # Dealing on where the last outcome stopped keeps the fold sizes even as well.
            for position in rng.permutation(len(names)):
                fold_of[names[position]] = dealt % folds
                dealt += 1
        for fold in range(folds):
            train = tuple(name for name in order if fold_of[name] != fold)
            test = tuple(name for name in order if fold_of[name] == fold)
            result.append(Fold(repeat, fold, train, test))
    return result
