"""What the lead sees of a run's saliency maps: a patient's map, whose it is, and what stands on it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from modeling import map_verdicts
from modeling.models import Prediction, Run
from modeling.queries import manifest, published_file


@dataclass(frozen=True)
class PatientMap:
    """A map of a test patient.

    ``explained``: what the one network said whose map it is, {"score", "threshold", "predicted", "repeats"}.
    A patient's score is the mean of all ``repeats``; the maps are of the first repeat's network, which may
    have given another answer. None for a run that does not tell its folds' thresholds.
    """

    path: Path
    method: str
    #: The methods whose maps the file holds: those of earlier versions hold no LayerCAM against a case.
    methods: tuple[str, ...]
    explained: dict[str, Any] | None


def patient_map(
    run: Run, row: Prediction, *, method: str | None = None, kind: str | None = None
) -> PatientMap | None:
    """The map of a ``method``, or without one that of the answer given.

    Of that ``kind``, or of the run's default kind, in whose stead stands the other where the file lacks it.
    None if the patient has no such map.
    """
    if not row.saliency:
        return None
    path = published_file(run, row.saliency)
    with np.load(path, allow_pickle=False) as file:
        held = tuple(name for name in map_verdicts.METHODS if name in file)
        explained = _explained(run, row.patient, float(file["logit"]))
    if method is None:
        first = verdicts(run)["default_map"]
        kinds = [kind] if kind else sorted(map_verdicts.KINDS, key=lambda other: other != first)
        answer = explained["predicted"] if explained else row.predicted
        method = next(
            (one for one in (map_verdicts.of_answer(k, answer) for k in kinds) if one in held), None
        )
    return PatientMap(path, method, held, explained) if method in held else None


def _explained(run: Run, pseudonym: str, logit: float) -> dict[str, Any] | None:
    folds = ((run.result or {}).get("split") or {}).get("folds") or []
    own = next((row for row in folds if row["repeat"] == 0 and pseudonym in row["test"]), None)
    if own is None or "temperature" not in own:
        return None
    score = float(scipy.special.expit(logit / own["temperature"]))
    return {
        "score": score,
        "threshold": own["threshold"],
        "predicted": int(score >= own["threshold"]),
        "repeats": 1 + max(row["repeat"] for row in folds),
    }


def tested(run: Run, pseudonym: str) -> Prediction | None:
    """A published run's prediction of a test patient."""
    if run.state != Run.State.SUCCEEDED:
        return None
    return run.predictions.filter(patient=pseudonym, split=Prediction.Split.TEST).first()


def run_patient(run: Run, pseudonym: str, *, method: str | None = None) -> dict[str, Any] | None:
    """A test patient's score, labels and map, chosen as by :func:`patient_map`.

    None unless tested by this published run, and if there are maps but not this one.
    """
    row = tested(run, pseudonym)
    if row is None:
        return None
    found = patient_map(run, row, method=method)
    if found is None and row.saliency:
        return None
    content = manifest(run.label_set)
    patient = next(one for one in content["patients"] if one["patient"] == pseudonym)
    return {
        "patient": pseudonym,
        "score": row.score,
        "logit": row.logit,
        "threshold": row.threshold,
        "outcome": row.outcome,
        "predicted": row.predicted,
        "cell": row.cell,
        "series_uid": patient["series"]["uid"],
        "labels": [label["id"] for _, label in sorted(patient["labels"].items())],
        "saliency": _drawn(found) | verdict(run, found.method) if found else None,
    }


def _drawn(shown: PatientMap) -> dict[str, Any]:
    """A map as the viewer wants it; the arrays are described in modeling/training/saliency.py."""
    with np.load(shown.path, allow_pickle=False) as file:
        values = np.ascontiguousarray(file[shown.method], dtype=np.uint8)
        height, width = values.shape
        return {
            "width": width,
            "height": height,
            **{key: file[key].tolist() for key in ("origin", "row_end", "column_end", "normal")},
            "normal_offsets_mm": file["normal_offsets_mm"].tolist(),
            "slices": file["slices"].tolist(),
            "values": base64.b64encode(values.tobytes()).decode(),
            "method": shown.method,
            "methods": list(shown.methods),
            "peak": float(file[f"{shown.method}_peak"]),
            "explained": shown.explained,
        }


# --- What has been tested


def _report(run: Run) -> dict[str, Any] | None:
    try:
        report: dict[str, Any] = json.loads(published_file(run, "trust.json").read_text())
    except FileNotFoundError:
        return None
    return report


def trust(run: Run) -> Mapping[str, Any] | None:
    """A published run's trust report; None if none was made, or only by an older version."""
    return map_verdicts.current(_report(run))


def verdicts(run: Run) -> dict[str, Any]:
    """What stands on the run's maps, as :func:`modeling.map_verdicts.verdicts` says."""
    return map_verdicts.verdicts(_report(run), (run.result or {}).get("trust"))


def verdict(run: Run, method: str) -> dict[str, Any]:
    """What stands on every map of a method: ``validated`` and ``statement`` of its kind."""
    found: dict[str, Any] = verdicts(run)["maps"][map_verdicts.METHODS[method]]
    return found
