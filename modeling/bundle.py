"""A run as one file that another site can evaluate: weights, ONNX, recipe, metrics, card, hashes.

The layout is that of a MONAI bundle (configs/metadata.json, models/, docs/README.md). Nothing in it names
or describes a patient: of the training images it holds hashes of hashes, so that whoever evaluates it can
be told if a patient of theirs was trained on.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from config.exceptions import RuleViolation
from modeling import map_queries, queries
from modeling.lineage import carried_by, hash_of_content
from modeling.model_card import INTENDED_USE, NOT_PROVIDED, labels_of, model_card
from modeling.models import Run

SCHEMA = (
    "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json"
)
NOTICE = (
    "Research use only. Not a medical device.\n\n"
    "This model may be used for research. It has not been assessed by any regulator, and no decision on the "
    "care of a patient may rest on it. The code that made it is under the licence in LICENSE.\n"
)
#: Zip entries carry this time, so that the same run gives the same bytes.
STAMP = (1980, 1, 1, 0, 0, 0)
PACKAGES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "pydicom")


def card(run: Run) -> str:
    """The run's model card, Markdown.

    Raises
    ------
    modeling.queries.ManifestDamaged
        If the label set's file is not what was frozen.
    """
    assert run.result is not None
    row = run.label_set
    labels = labels_of(queries.manifest(row))
    about = {"hash": row.hash, "patients": row.patients, "positives": row.positives, "labels": labels}
    verdicts = map_queries.verdicts(run)
    return model_card(run.result, title=f"Odontoid run {run.pk}", label_set=about, trust=verdicts)


def _metadata(run: Run) -> dict[str, Any]:
    result: Mapping[str, Any] = run.result or {}
    recipe, environment, metrics = result["recipe"], result["environment"], result["metrics"]
    shape = [recipe["slices"], recipe["size"], recipe["size"]]
    return {
        "schema": SCHEMA,
        "version": "1.0.0",
        "changelog": {"1.0.0": f"run {run.pk}, published {run.finished_at:%Y-%m-%d}"},
        "monai_version": NOT_PROVIDED,
        "pytorch_version": environment["packages"]["torch"],
        "numpy_version": environment["packages"]["numpy"],
        "required_packages_version": {name: environment["packages"].get(name) for name in PACKAGES},
        "name": f"odontoid-run-{run.pk}",
        "task": "Prediction of deformity of the upper cervical spine in rheumatoid arthritis",
        "description": "ResNet on sagittal T2 planes of a baseline MRI; one logit, log odds of deformity.",
        "authors": NOT_PROVIDED,
        "copyright": NOT_PROVIDED,
        "data_source": f"label set {run.label_set.hash}",
        "data_type": "DICOM MR",
        "image_classes": "sagittal T2 cervical spine, middle planes, standardised",
        "label_classes": "0 no deformity at follow-up, 1 deformity",
        "pred_classes": "probability of deformity",
        "eval_metrics": {"auc": (metrics["auc"] or {}).get("value"), "brier": metrics["brier"]},
        "intended_use": INTENDED_USE,
        "references": ["Lebouille-Veldman et al., Brain and Spine 2025;5:104328"],
        "network_data_format": {
            "inputs": {
                "planes": {
                    "type": "image",
                    "format": "magnitude",
                    "modality": "MR",
                    "num_channels": recipe["slices"],
                    "spatial_shape": shape[1:],
                    "dtype": "float32",
                    "value_range": [],
                    "is_patch_data": False,
                    "channel_def": {str(i): f"sagittal plane {i}" for i in range(recipe["slices"])},
                }
            },
            "outputs": {
                "logit": {
                    "type": "probabilities",
                    "format": "logit",
                    "num_channels": 1,
                    "spatial_shape": [],
                    "dtype": "float32",
                    "value_range": [],
                    "is_patch_data": False,
                    "channel_def": {"0": "log odds of deformity"},
                }
            },
        },
    }


def _decision(run: Run) -> dict[str, Any]:
    """Threshold and temperature of each saved network: what turns a logit into a call."""
    folds = [row for row in (run.result or {})["split"]["folds"] if row["repeat"] == 0]
    keys = ("fold", "threshold", "temperature")
    return {"networks": [{key: row[key] for key in keys} for row in folds], "rule": "score >= threshold"}


def _trained_on(run: Run, networks: Iterable[Path]) -> list[str]:
    """Who trained the run's networks, and what they were begun from as the networks themselves say."""
    manifest = queries.manifest(run.label_set)
    hashes = {row["patient"]: row["series"]["content_hash"] for row in manifest["patients"]}
    trained = {name for fold in (run.result or {})["split"]["folds"] for name in fold["train"]}
    found = {hash_of_content(hashes[name]) for name in trained}
    for path in networks:
        if (carried := carried_by(path)) is not None:
            found |= carried.hashes
    return sorted(found)


def _metrics(run: Run) -> dict[str, Any]:
    """The result without a patient in it."""
    result = run.result or {}
    kept = ("metrics", "metrics_at_half", "metrics_uncalibrated", "auc_within_folds", "comparators", "groups",
            "hazard", "readers", "intermediate_policies", "environment", "manifest_sha256", "study",
            "intermediate_policy", "warnings")  # fmt: skip
    # The maps may have been tested since the run was published.
    return {key: result[key] for key in kept if key in result} | {"trust": map_queries.verdicts(run)}


def files(run: Run) -> dict[str, bytes | Path]:
    """Name in the bundle → content, or the file that holds it.

    Raises
    ------
    RuleViolation
        ``run_not_published``, or ``no_networks`` if its folder holds none.
    modeling.queries.ManifestDamaged
        If the label set's file is not what was frozen.
    """
    if run.state != Run.State.SUCCEEDED or run.result is None:
        raise RuleViolation(
            f"Run {run.pk} is not published; there is nothing to pack.", code="run_not_published"
        )
    folder = Path(settings.RUNS_DIR) / run.path
    weights = sorted(folder.glob("weights*.safetensors"))
    if not weights:
        raise RuleViolation(f"Run {run.pk} kept no networks.", code="no_networks")

    def text(content: Any) -> bytes:
        return (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()

    packed: dict[str, bytes | Path] = {
        "configs/metadata.json": text(_metadata(run)),
        "configs/recipe.json": text(run.result["recipe"]),
        "configs/decision.json": text(_decision(run)),
        "configs/trained_on.json": text({"sha256_of_content_hashes": _trained_on(run, weights)}),
        "docs/README.md": card(run).encode(),
        "metrics.json": text(_metrics(run)),
        "RESEARCH_USE_ONLY.txt": NOTICE.encode(),
        "LICENSE": settings.BASE_DIR / "LICENSE",
    }
    report = map_queries.trust(run)
    if report is not None:
        packed["trust.json"] = text({key: value for key, value in report.items() if key != "patients"})
    for path in weights:
        packed[f"models/{path.name}"] = path
        onnx = path.with_suffix(".onnx")
        if onnx.exists():
            packed[f"models/{onnx.name}"] = onnx
    return packed


def write(run: Run, target: Path | IO[bytes]) -> None:
    """Write the bundle, with a SHA256SUMS that ``sha256sum -c`` checks."""
    sums = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(files(run).items()):
            data = content if isinstance(content, bytes) else content.read_bytes()
            sums.append(f"{hashlib.sha256(data).hexdigest()}  {name}")
            archive.writestr(zipfile.ZipInfo(name, STAMP), data)
        archive.writestr(zipfile.ZipInfo("SHA256SUMS", STAMP), "\n".join(sums) + "\n")
