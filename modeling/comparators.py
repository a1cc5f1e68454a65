"""What the network must beat, trained on the same patients: logistic regressions without images.

No Django, no torch. A comparator sees a patient's covariates only; unknown values take the training
median with an indicator, and columns are standardised on the training patients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from modeling.manifest import ManifestPatient

Floats = npt.NDArray[np.float64]
Row = tuple[float | None, ...]
#: Values that span less than this are one value and rounding.
CONSTANT = 1e-9


def _flag(value: bool | None) -> float | None:
    return None if value is None else float(value)


def _clinical(patient: ManifestPatient) -> Row:
    own = patient.covariates
    female = None if own.sex is None else float(own.sex == "F")
    return own.age, female, _flag(own.rf), _flag(own.anti_ccp), own.disease_years


#: Name → the columns it sees. ``prevalence`` sees none: everybody has the training prevalence.
COMPARATORS: Mapping[str, Callable[[ManifestPatient], Row]] = {
    "prevalence": lambda patient: (),
    "follow_up_length": lambda patient: (patient.follow_up_years,),
    "clinical": _clinical,
    "doubtful_baseline": lambda patient: (float(patient.baseline_category == "intermediate"),),
}


def _matrix(rows: Sequence[Row], medians: Floats | None) -> tuple[Floats, Floats]:
    """Columns with unknowns filled, then one indicator a column; and the medians used."""
    values = np.array([[np.nan if v is None else v for v in row] for row in rows], dtype=float)
    unknown = np.isnan(values)
    if medians is None:
        medians = np.zeros(values.shape[1])
        for column in range(values.shape[1]):
            known = values[~unknown[:, column], column]
            medians[column] = np.median(known) if known.size else 0.0
    filled = np.where(unknown, medians[None, :], values)
    return np.hstack([filled, unknown.astype(float)]), medians


def fit_scores(
    name: str, train: Sequence[ManifestPatient], others: Sequence[ManifestPatient]
) -> tuple[Floats, Floats]:
    """Train comparator ``name``; returns its probabilities for ``train`` and for ``others``.

    Raises
    ------
    KeyError
        If there is no such comparator.
    """
    columns = COMPARATORS[name]
    outcomes = np.array([patient.outcome for patient in train])
    rows = [columns(patient) for patient in train]
    prevalence = float(outcomes.mean())
    if not rows[0] or outcomes.min() == outcomes.max():
        return np.full(len(train), prevalence), np.full(len(others), prevalence)
    fitted, medians = _matrix(rows, None)
    # What does not vary teaches nothing, and must not part anybody by rounding.
    varies = np.ptp(fitted, axis=0) > CONSTANT
    if not varies.any():
        return np.full(len(train), prevalence), np.full(len(others), prevalence)
    fitted = fitted[:, varies]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=1000))
    model.fit(fitted, outcomes)
    if not others:
        return model.predict_proba(fitted)[:, 1], np.zeros(0)
    unseen, _ = _matrix([columns(patient) for patient in others], medians)
    return model.predict_proba(fitted)[:, 1], model.predict_proba(unseen[:, varies])[:, 1]
