"""Two published runs on the patients whom both tested: their AUCs and their calls, paired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from modeling.discrimination import delong_paired
from modeling.models import Prediction, Run
from modeling.two_by_two import mcnemar_paired
from modeling.within_folds import ScoredFold, paired_within_folds

#: What two AUCs rank a patient among: one network's patients, those of its own fold, or those of all folds.
BASES = ("one_network", "within_folds", "pooled")


@dataclass(frozen=True)
class _Tested:
    """A run's test patients by pseudonym, and the folds of its result.json."""

    pk: int
    rows: Mapping[str, Prediction]
    folds: Sequence[Mapping[str, Any]]

    @property
    def only_means(self) -> bool:
        """Whether of several networks' scores of a patient the mean alone was kept."""
        several = any(fold["repeat"] > 0 for fold in self.folds)
        return several and not all("test_logits" in fold for fold in self.folds)

    def scored(self, place: Mapping[str, int]) -> dict[tuple[int, int], ScoredFold]:
        """Repeat and fold → its network's logits of the patients in ``place``; no fold without one.

        Runs from before ``test_logits`` was kept: with one repeat a patient's stored logit is its fold's.
        """
        found = {}
        for fold in self.folds:
            logits = fold.get("test_logits") or [self.rows[name].logit for name in fold["test"]]
            own = sorted(
                (place[name], logit)
                for name, logit in zip(fold["test"], logits, strict=True)
                if name in place
            )
            if own:
                where, scores = (np.array(column) for column in zip(*own, strict=True))
                found[fold["repeat"], fold["fold"]] = ScoredFold(fold["repeat"], where, scores)
        return found


def run_pairs(ids: Sequence[int]) -> list[dict[str, Any]]:
    """Paired tests of every two published runs among ``ids``, on the patients that both tested.

    A patient counts whose outcome is the same in both label sets.
    """
    published = Run.objects.filter(pk__in=ids, state=Run.State.SUCCEEDED)
    tested: dict[int, dict[str, Prediction]] = {}
    for row in Prediction.objects.filter(run__in=published, split=Prediction.Split.TEST):
        tested.setdefault(row.run_id, {})[row.patient] = row
    # The folds alone: the rest of a result is a hundred times as much.
    folds = dict(published.values_list("pk", "result__split__folds"))
    runs = [_Tested(pk, tested[pk], folds[pk] or ()) for pk in dict.fromkeys(ids) if pk in tested]
    return [_pair(first, second) for first, second in combinations(runs, 2)]


def _pair(first: _Tested, second: _Tested) -> dict[str, Any]:
    one, two = first.rows, second.rows
    shared = [name for name in sorted(one) if name in two and one[name].outcome == two[name].outcome]
    y = [one[name].outcome for name in shared]
    calls = [[rows[name].predicted for name in shared] for rows in (one, two)]
    return {
        "first": first.pk,
        "second": second.pk,
        "n": len(shared),
        "positives": sum(y),
        "mcnemar": mcnemar_paired(y, *calls) if shared else None,
        **_aucs(first, second, shared, y),
    }


def _aucs(first: _Tested, second: _Tested, shared: Sequence[str], y: Sequence[int]) -> dict[str, Any]:
    """``auc``, on which of the :data:`BASES`, and why the folds were pooled where they are.

    Within folds wherever that can be told (:mod:`modeling.within_folds` says why): the level at which a
    fold's network scores everybody would else count for or against a run.
    """
    place = {name: position for position, name in enumerate(shared)}
    reason, folds = None, _shared_folds(first, second, place)
    if max(len(first.folds), len(second.folds)) <= 1:
        basis = "one_network"
    elif folds is not None:
        basis = "within_folds"
    else:
        means = [f"run {run.pk}" for run in (first, second) if run.only_means]
        basis, reason = "pooled", "their test folds differ"
        if means:
            reason = f"{' and '.join(means)} kept each patient's mean over the repeats alone"
    auc = None
    if len(set(y)) == 2 and basis != "within_folds":
        scores = [[run.rows[name].score for name in shared] for run in (first, second)]
        auc = delong_paired(y, scores[0], scores[1])
    elif len(set(y)) == 2 and folds is not None:
        with suppress(ValueError):  # no fold holds patients of both outcomes
            auc = paired_within_folds(y, *folds)
    return {"auc": auc, "auc_basis": basis, "pooled_because": reason}


def _shared_folds(
    first: _Tested, second: _Tested, place: Mapping[str, int]
) -> tuple[list[ScoredFold], list[ScoredFold]] | None:
    """Both runs' scores fold by fold; None where the folds differ or their own scores are not kept."""
    if first.only_means or second.only_means:
        return None
    one, two = (run.scored(place) for run in (first, second))
    same = one.keys() == two.keys() and all(
        np.array_equal(own.patients, two[key].patients) for key, own in one.items()
    )
    return (list(one.values()), [two[key] for key in one]) if same else None
