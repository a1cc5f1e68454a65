"""What the folds' networks scored, and each patient's mean over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from modeling.manifest import Manifest, ManifestPatient, training_labels
from modeling.recipe import Recipe
from modeling.splits import Fold

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FoldScores:
    """A fold's figures: raw logits of its training and test patients, threshold and temperature.

    ``held_out_logits`` are those of the training patients by inner networks that had not seen them.
    """

    fold: Fold
    train_logits: Floats
    test_logits: Floats
    threshold: float
    temperature: float
    history: list[dict[str, float]]
    held_out_logits: Floats | None = None


@dataclass(frozen=True)
class PatientScores:
    """A vector of scores with its patients: means over the repeats in which each was on this side."""

    patients: tuple[ManifestPatient, ...]
    folds: tuple[str, ...]
    logits: Floats
    scores: Floats
    raw_scores: Floats
    thresholds: Floats

    @property
    def outcomes(self) -> npt.NDArray[np.int64]:
        """(n,) outcomes, 0 or 1."""
        return np.array([patient.outcome for patient in self.patients], dtype=np.int64)


def gather(manifest: Manifest, scores: Sequence[FoldScores], side: str) -> PatientScores:
    """Average each patient's logits and calibrated scores over the folds where it was on ``side``."""
    found: dict[str, list[tuple[str, float, float, float]]] = {}
    for part in scores:
        names, logits = (
            (part.fold.train, part.train_logits) if side == "train" else (part.fold.test, part.test_logits)
        )
        for name, logit in zip(names, logits, strict=True):
            label = f"r{part.fold.repeat}f{part.fold.fold}"
            found.setdefault(name, []).append((label, float(logit), part.temperature, part.threshold))
    patients = tuple(patient for patient in manifest.patients if patient.patient in found)
    rows = [found[patient.patient] for patient in patients]

    def mean(function: Any) -> Floats:
        return np.array([np.mean([function(entry) for entry in row]) for row in rows])

    return PatientScores(
        patients,
        tuple("+".join(entry[0] for entry in row) for row in rows),
        mean(lambda e: e[1]),
        mean(lambda e: expit(e[1] / e[2])),
        mean(lambda e: expit(e[1])),
        mean(lambda e: e[3]),
    )


def labelled(manifest: Manifest, recipe: Recipe) -> dict[str, ManifestPatient]:
    """Patients by name with the outcome that is trained on."""
    labels = training_labels(manifest, recipe.label_source)
    return {
        patient.patient: replace(patient, outcome=patient.outcome if label is None else label)
        for patient, label in zip(manifest.patients, labels, strict=True)
    }
