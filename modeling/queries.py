"""What the lead sees of label sets and runs: rows, and the files that runs leave behind."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.db.models.fields.json import KT
from scipy.special import expit

from modeling import map_verdicts, recipe
from modeling.manifest import manifest_sha256
from modeling.metrics import delong_paired, mcnemar_paired
from modeling.models import LabelSet, Prediction, Run
from modeling.paper import PAPER
from modeling.published import COUNTS, FIGURES, check_published, consistent_matrices

#: How much of a log is shown; the newest part counts.
LOG_BYTES = 256 * 1024


class ManifestDamaged(Exception):
    """A label set's file is missing, or is not the one that was hashed."""


# --- Label sets


def label_sets() -> QuerySet[LabelSet]:
    return LabelSet.objects.select_related("frozen_by")


def manifest_path(label_set: LabelSet) -> Path:
    return Path(settings.LABEL_SETS_DIR) / label_set.path


def manifest(label_set: LabelSet) -> dict[str, Any]:
    """The frozen content, checked against the hash.

    Raises
    ------
    ManifestDamaged
        Naming the file.
    """
    path = manifest_path(label_set)
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        intact = manifest_sha256(content) == label_set.hash
    except (OSError, ValueError) as error:
        raise ManifestDamaged(f"label set {label_set.pk}: {path} cannot be read: {error}") from error
    if not intact:
        raise ManifestDamaged(f"label set {label_set.pk}: {path} is not what was frozen (its hash differs)")
    return content


def counts(content: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Patients by provenance, category and site."""
    fields = ("provenance", "baseline_category", "follow_up_category", "site")
    return {field: dict(Counter(row[field] for row in content["patients"])) for field in fields}


# --- Runs


def runs() -> QuerySet[Run]:
    """Runs with their AUC and without their result, which is a hundred times the rest of the row."""
    return with_parts(Run.objects.defer("result")).annotate(auc_json=KT("result__metrics__auc"))


def with_parts(rows: QuerySet[Run]) -> QuerySet[Run]:
    """Runs with who started them and how many of their parts are done."""
    done = Q(parts__state=Run.State.SUCCEEDED)
    counted = rows.annotate(parts_total=Count("parts"), parts_done=Count("parts", filter=done))
    return counted.select_related("created_by").order_by("-pk")  # a grouped query has no order of its own


def auc(run: Run) -> dict[str, float] | None:
    """AUC with its interval: of a row of :func:`runs`, or of a whole run."""
    found = getattr(run, "auc_json", None)
    if found is None and "result" not in run.get_deferred_fields() and run.result:
        found = run.result["metrics"]["auc"]
    value: dict[str, float] | None = json.loads(found) if isinstance(found, str) else found
    return value


def run_directory(run_id: int) -> Path:
    return Path(settings.RUNS_DIR) / str(run_id)


def log_path(run_id: int, part: str = "") -> Path:
    """One log a run, over all its attempts, and one for each of its parts."""
    return run_directory(run_id) / (f"log-{part}.txt" if part else "log.txt")


def log_tail(run_id: int, part: str = "") -> str:
    """The end of a log, whole lines; empty before it started."""
    try:
        with log_path(run_id, part).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - LOG_BYTES))
            content = file.read()
    except FileNotFoundError:
        return ""
    if size > LOG_BYTES:
        content = content[content.find(b"\n") + 1 :]
    return content.decode(errors="replace")


def published_file(run: Run, name: str) -> Path:
    """A file of a published run."""
    return Path(settings.RUNS_DIR) / run.path / name


def run_patient(run: Run, pseudonym: str, *, method: str | None = None) -> dict[str, Any] | None:
    """A test patient's score, labels and map, chosen as by :func:`map_file`.

    None unless tested by this published run, and if there are maps but not this one.
    """
    if run.state != Run.State.SUCCEEDED:
        return None
    row = run.predictions.filter(patient=pseudonym, split=Prediction.Split.TEST).first()
    if row is None:
        return None
    found = map_file(run, pseudonym, method=method)
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
        "saliency": _shown(run, pseudonym, *found) if found else None,
    }


def _shown(run: Run, pseudonym: str, path: Path, method: str) -> dict[str, Any]:
    return saliency(path, method) | verdict(run, method) | {"explained": explained(run, pseudonym, path)}


def explained(run: Run, pseudonym: str, path: Path) -> dict[str, Any] | None:
    """What the one network said whose maps these are: ``score``, ``threshold``, ``predicted``, ``repeats``.

    A patient's score is the mean of all ``repeats``; the maps are of the first repeat's network, which may
    have given another answer. None for a run that does not tell its folds' thresholds.
    """
    folds = ((run.result or {}).get("split") or {}).get("folds") or []
    own = next((row for row in folds if row["repeat"] == 0 and pseudonym in row["test"]), None)
    if own is None or "temperature" not in own:
        return None
    with np.load(path, allow_pickle=False) as file:
        score = float(expit(float(file["logit"]) / own["temperature"]))
    return {
        "score": score,
        "threshold": own["threshold"],
        "predicted": int(score >= own["threshold"]),
        "repeats": 1 + max(row["repeat"] for row in folds),
    }


def run_pairs(ids: list[int]) -> list[dict[str, Any]]:
    """Paired tests of every two published runs among ``ids``, on the patients that both tested.

    A patient counts whose outcome is the same in both label sets.
    """
    tested: dict[int, dict[str, Prediction]] = {}
    rows = Prediction.objects.filter(
        run_id__in=ids, run__state=Run.State.SUCCEEDED, split=Prediction.Split.TEST
    )
    for row in rows:
        tested.setdefault(row.run_id, {})[row.patient] = row
    found = []
    for first, second in combinations([pk for pk in dict.fromkeys(ids) if pk in tested], 2):
        one, two = tested[first], tested[second]
        shared = [p for p in sorted(one) if p in two and one[p].outcome == two[p].outcome]
        y = [one[p].outcome for p in shared]
        both = len(set(y)) == 2
        scores, calls = (
            [[getattr(rows[p], name) for p in shared] for rows in (one, two)]
            for name in ("score", "predicted")
        )
        found.append(
            {
                "first": first,
                "second": second,
                "n": len(shared),
                "positives": sum(y),
                "auc": delong_paired(y, scores[0], scores[1]) if both else None,
                "mcnemar": mcnemar_paired(y, calls[0], calls[1]) if shared else None,
            }
        )
    return found


def networks(run: Run) -> list[str]:
    """Names of the weights that a published run kept, safetensors and ONNX."""
    if run.state != Run.State.SUCCEEDED:
        return []
    folder = published_file(run, "")
    found = [*folder.glob("weights*.safetensors"), *folder.glob("weights*.onnx")]
    return sorted(path.name for path in found)


def map_file(
    run: Run, pseudonym: str, *, method: str | None = None, kind: str | None = None
) -> tuple[Path, str] | None:
    """A test patient's file of maps and the method of the map to show.

    Without a ``method``, the map of the answer given: of that ``kind``, or of the run's default kind, in
    whose stead stands the other where the file lacks it. None without the map that was asked for: files of
    earlier versions hold no LayerCAM against a case.
    """
    row = run.predictions.filter(patient=pseudonym, split=Prediction.Split.TEST).exclude(saliency="").first()
    if run.state != Run.State.SUCCEEDED or row is None:
        return None
    path = published_file(run, row.saliency)
    if method is None:
        first = verdicts(run)["default_map"]
        kinds = [kind] if kind else sorted(map_verdicts.KINDS, key=lambda other: other != first)
        own = explained(run, pseudonym, path)
        wanted = [map_verdicts.of_answer(one, own["predicted"] if own else row.predicted) for one in kinds]
    else:
        wanted = [method]
    held = map_methods(path)
    return next(((path, one) for one in wanted if one in held), None)


def map_methods(path: Path) -> list[str]:
    """The methods whose maps a file holds."""
    with np.load(path, allow_pickle=False) as file:
        return [method for method in map_verdicts.METHODS if method in file]


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
    return map_verdicts.verdicts(_report(run))


def verdict(run: Run, method: str) -> dict[str, Any]:
    """What stands on every map of a method: ``validated`` and ``statement`` of its kind."""
    found: dict[str, Any] = verdicts(run)["maps"][map_verdicts.METHODS[method]]
    return found


def saliency(path: Path, method: str) -> dict[str, Any]:
    """A map as the viewer wants it; the arrays are described in modeling/training/saliency.py."""
    with np.load(path, allow_pickle=False) as file:
        values = np.ascontiguousarray(file[method], dtype=np.uint8)
        height, width = values.shape
        return {
            "width": width,
            "height": height,
            **{key: file[key].tolist() for key in ("origin", "row_end", "column_end", "normal")},
            "normal_offsets_mm": file["normal_offsets_mm"].tolist(),
            "slices": file["slices"].tolist(),
            "values": base64.b64encode(values.tobytes()).decode(),
            "method": method,
            "methods": map_methods(path),
            "peak": float(file[f"{method}_peak"]),
        }


# --- The reference


def paper() -> dict[str, Any]:
    """The paper's Table 2 as printed, the matrices it mixes, and what contradicts what."""
    matrices = consistent_matrices(PAPER)
    return {
        "title": PAPER["title"],
        "source": PAPER["source"],
        "counts": {name: PAPER[name] for name in (*COUNTS, "n", "positive", "negative", "correct")},
        "figures": {name: PAPER[name] for name in (*FIGURES, "auc") if name in PAPER},
        "disputed": sorted({name for row in matrices for name in row["contradicts"]}),
        "matrices": matrices,
        "findings": check_published(PAPER),
    }


def recipes() -> dict[str, Any]:
    """The profiles, every setting with its meaning and range, and what freezing starts with."""
    return {
        "profiles": {name: recipe.profile(name).to_mapping() for name in ("paper", "recommended")},
        "settings": recipe.describe_settings(),
        "default_profile": settings.DEFAULT_PROFILE,
        "default_overrides": settings.DEFAULT_OVERRIDES,
    }
