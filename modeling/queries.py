"""What the lead sees of label sets and runs: rows, and the files that runs leave behind."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.db.models.fields.json import KT

from modeling import recipe
from modeling.manifest import manifest_sha256
from modeling.models import LabelSet, Run
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
    """Runs with their AUCs and without their result, which is a hundred times the rest of the row."""
    aucs = {"auc_json": KT("result__metrics__auc"), "within_json": KT("result__auc_within_folds")}
    return with_parts(Run.objects.defer("result")).annotate(**aucs)


def with_parts(rows: QuerySet[Run]) -> QuerySet[Run]:
    """Runs with who started them and how many of their parts are done."""
    done = Q(parts__state=Run.State.SUCCEEDED)
    counted = rows.annotate(parts_total=Count("parts"), parts_done=Count("parts", filter=done))
    return counted.select_related("created_by").order_by("-pk")  # a grouped query has no order of its own


def auc(run: Run) -> dict[str, float] | None:
    """AUC with its interval: of a row of :func:`runs`, or of a whole run."""
    return _estimate(run, "auc_json", lambda result: result["metrics"]["auc"])


def auc_within_folds(run: Run) -> dict[str, float] | None:
    """As :func:`auc`, within the folds; None with one fold, and for runs from before it was made."""
    return _estimate(run, "within_json", lambda result: result.get("auc_within_folds"))


def _estimate(
    run: Run, annotated: str, of_result: Callable[[dict[str, Any]], dict[str, float] | None]
) -> dict[str, float] | None:
    found = getattr(run, annotated, None)
    if found is None and "result" not in run.get_deferred_fields() and run.result:
        found = of_result(run.result)
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


def networks(run: Run) -> list[str]:
    """Names of the weights that a published run kept, safetensors and ONNX."""
    if run.state != Run.State.SUCCEEDED:
        return []
    folder = published_file(run, "")
    found = [*folder.glob("weights*.safetensors"), *folder.glob("weights*.onnx")]
    return sorted(path.name for path in found)


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
