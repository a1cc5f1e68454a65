"""Which networks a run trains, on whom, and whom each one scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from modeling.lineage import Lineage, of_initial_weights
from modeling.manifest import Manifest, training_labels
from modeling.recipe import Recipe
from modeling.splits import Fold, SplitError, holdout, k_fold
from modeling.training.train import derive_seed


@dataclass(frozen=True)
class Member:
    """One network to train: a fold's own (``inner`` None), or one of its inner folds'."""

    fold: Fold
    inner: int | None
    train: tuple[int, ...]
    score: tuple[int, ...]

    @property
    def key(self) -> str:
        """Its name in files, ``r0-f1`` or ``r0-f1-i2``."""
        suffix = "" if self.inner is None else f"-i{self.inner}"
        return f"r{self.fold.repeat}-f{self.fold.fold}{suffix}"


def make_folds(manifest: Manifest, recipe: Recipe) -> list[Fold]:
    """The recipe's split of the manifest's patients.

    The split is that of the final outcomes whatever the recipe trains on, so that runs which differ only
    in ``label_source`` or ``train_share`` test the same patients.
    """
    names = [patient.patient for patient in manifest.patients]
    outcomes = [patient.outcome for patient in manifest.patients]
    if recipe.split == "kfold":
        folds = k_fold(names, outcomes, seed=recipe.seed, folds=recipe.folds, repeats=recipe.repeats)
    else:
        folds = [holdout(names, outcomes, seed=recipe.seed, train_fraction=recipe.train_fraction)]
    labels = dict(zip(names, training_labels(manifest, recipe.label_source), strict=True))
    return [replace(fold, train=_trained_on(fold, labels, recipe)) for fold in folds]


def _trained_on(fold: Fold, labels: Mapping[str, int | None], recipe: Recipe) -> tuple[str, ...]:
    """The fold's training patients who have a label of the source, and of these the recipe's share.

    A smaller share is a part of every larger one, with at least one patient of each outcome.
    """
    kept: set[str] = set()
    rng = np.random.default_rng([recipe.seed, fold.repeat, fold.fold, 5])
    for outcome in (0, 1):
        known = sorted(name for name in fold.train if labels[name] == outcome)
        if not known:
            raise SplitError(
                f"label_source={recipe.label_source}: no training patient of fold {fold.fold} has outcome "
                f"{outcome}"
            )
        wanted = max(1, round(len(known) * recipe.train_share))
        kept |= {known[i] for i in rng.permutation(len(known))[:wanted]}
    return tuple(name for name in fold.train if name in kept)


def refuse_seen(recipe: Recipe, folds: Sequence[Fold], manifest: Manifest) -> None:
    """Refuse initial weights that were trained on a test patient, they or what they were begun from.

    Raises
    ------
    SplitError
        Naming the patients.
    """
    known = of_initial_weights(recipe).among(manifest.patients)
    crossing = sorted(known & {name for fold in folds for name in fold.test})
    if crossing:
        shown = ", ".join(crossing[:5]) + (" …" if len(crossing) > 5 else "")
        raise SplitError(
            f"initial weights {recipe.weights}: {len(crossing)} test patient(s) of this split trained them "
            f"({shown}); the test would be of patients already seen"
        )


def warnings_of(recipe: Recipe, folds: Sequence[Fold], manifest: Manifest) -> list[str]:
    """What the result must say of its initial weights."""
    lineage = of_initial_weights(recipe)
    return [
        *_unknown_lineage(recipe, lineage),
        *_seen_by_inner_folds(recipe, folds, lineage.among(manifest.patients)),
    ]


def _unknown_lineage(recipe: Recipe, lineage: Lineage) -> list[str]:
    """Where nobody can know whether test patients trained the initial weights."""
    if lineage.whole:
        return []
    partly = bool(lineage.hashes or lineage.names)
    whom = "who trained what they were begun from" if partly else "who trained them"
    return [
        f"initial weights {Path(recipe.weights or '').name} do not say {whom}; if test patients did, the "
        "test is of patients already seen"
    ]


def _seen_by_inner_folds(recipe: Recipe, folds: Sequence[Fold], known: Set[str]) -> list[str]:
    """Where initial weights knew patients whom inner folds hold out.

    The test is untouched, but threshold and temperature are then set on scores of patients already seen.
    """
    seen = known & {name for fold in folds for name in fold.train}
    if not seen or not recipe.inner_folds:
        return []
    return [
        f"{len(seen)} training patients of this split had trained the initial weights: the inner folds did "
        "not hold them out, so threshold and temperature were set on patients already seen. The test "
        "patients were not among them."
    ]


def make_members(manifest: Manifest, folds: Sequence[Fold], recipe: Recipe) -> list[Member]:
    """Every network of the run in the order they are trained, each fold's inner ones first."""
    index = {patient.patient: i for i, patient in enumerate(manifest.patients)}
    outcome = dict(zip(index, training_labels(manifest, recipe.label_source), strict=True))
    members = []
    for fold in folds:
        if recipe.inner_folds:
            seed = derive_seed(recipe.seed, fold.repeat, fold.fold, 3)
            inner = k_fold(
                fold.train,
                [outcome[name] or 0 for name in fold.train],
                seed=seed,
                folds=recipe.inner_folds,
            )
            for part in inner:
                train, held = (tuple(index[n] for n in names) for names in (part.train, part.test))
                members.append(Member(fold, part.fold, train, held))
        train, test = (tuple(index[n] for n in names) for names in (fold.train, fold.test))
        members.append(Member(fold, None, train, train + test))
    return members
