"""Evaluate a bundle on a label set it has never seen: no database, no run, one command.

``python -m modeling.training.evaluate_bundle --bundle B.zip --manifest M --images DIR --out DIR`` writes
``evaluation.json`` and ``predictions.csv``. Exit status 2: the bundle or the label set is at fault.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from modeling.lineage import carried_by, hash_of_content
from modeling.manifest import Manifest, ManifestError, load_manifest
from modeling.metrics import evaluate, evaluate_groups
from modeling.model_card import together
from modeling.recipe import RecipeError, from_mapping
from modeling.training.atomic import replacing
from modeling.training.image_set import ImageSet
from modeling.training.loading import load_images
from modeling.training.saved import SavedNetworkError, fold_of, load_network, weight_files
from modeling.training.train import TrainingError, choose_device, configure
from modeling.training.train import evaluate as logits_of
from modeling.training.volume import ImageError

#: What an evaluation says where the networks do not tell all who trained them or what they were begun from.
UNKNOWN_LINEAGE = (
    "the networks do not say of all whom they, or what they were begun from, were trained on; if patients of "
    "this label set were among them, the figures are of patients already seen"
)
#: A bundle has a few networks and some text; anything larger is not one.
MOST_FILES, MOST_BYTES = 400, 40 * 1024**3


class BundleError(ValueError):
    """Not a bundle, or one that is damaged; the message names the file."""


def unpack(path: Path, target: Path) -> None:
    """Unpack a bundle after checking every file against its SHA256SUMS.

    Raises
    ------
    BundleError
        If a file is missing, changed, not listed, or would land outside ``target``.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
            if len(entries) > MOST_FILES or sum(e.file_size for e in entries.values()) > MOST_BYTES:
                raise BundleError(f"{path.name}: far larger than a bundle")
            if "SHA256SUMS" not in entries:
                raise BundleError(f"{path.name}: no SHA256SUMS, so this is no bundle")
            lines = archive.read("SHA256SUMS").decode().splitlines()
            sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
            if set(sums) != set(entries) - {"SHA256SUMS"}:
                odd = min(set(sums) ^ (set(entries) - {"SHA256SUMS"}))
                raise BundleError(f"{path.name}: {odd} is missing or not listed in SHA256SUMS")
            for name, digest in sums.items():
                place = (target / name).resolve()
                if not place.is_relative_to(target.resolve()):
                    raise BundleError(f"{path.name}: {name} would leave the folder")
                place.parent.mkdir(parents=True, exist_ok=True)
                found = hashlib.sha256()
                with archive.open(name) as source, place.open("wb") as out:
                    while block := source.read(1 << 20):
                        found.update(block)
                        out.write(block)
                if found.hexdigest() != digest:
                    raise BundleError(f"{path.name}: {name} is not what was packed (its sha256 differs)")
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise BundleError(f"{path.name}: {error}") from error


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BundleError(f"{path.name}: {error}") from error


def _config(folder: Path, name: str, key: str) -> Any:
    content = _json(folder / "configs" / name)
    if not isinstance(content, dict) or key not in content:
        raise BundleError(f"{name} lacks {key!r}")
    return content[key]


def _decisions(folder: Path) -> dict[int, tuple[float, float]]:
    """Fold → temperature and threshold of its network."""
    try:
        return {
            row["fold"]: (row["temperature"], row["threshold"])
            for row in _config(folder, "decision.json", "networks")
        }
    except KeyError as error:
        raise BundleError(f"decision.json lacks {error} of a network") from error


def seen_before(folder: Path, manifest: Manifest) -> list[str]:
    """Patients of the label set whose images trained a network of the bundle."""
    known = set(_config(folder, "trained_on.json", "sha256_of_content_hashes"))
    return [
        patient.patient
        for patient in manifest.patients
        if hash_of_content(patient.series.content_hash) in known
    ]


def _says_whole(network: Path) -> bool:
    lineage = carried_by(network)
    return lineage is not None and lineage.whole


def run_bundle(
    folder: Path, manifest: Manifest, images: Path, cache: Path, *, allow_seen: bool = False
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Figures and one row per patient: the mean over the bundle's networks, at the mean of their thresholds.

    No patient here belongs to one fold, as each did in the run, which judged every network alone:
    ``networks_together`` says so where there are several.

    Raises
    ------
    BundleError, ImageError, SavedNetworkError, TrainingError
        With what is wrong; :class:`BundleError` also where patients were trained on and ``allow_seen`` is
        not set.
    """
    # Where the run trained is no matter here: nothing in a bundle needs a GPU.
    recipe = replace(from_mapping(_json(folder / "configs" / "recipe.json")), device="auto")
    decisions = _decisions(folder)
    seen = seen_before(folder, manifest)
    if seen and not allow_seen:
        raise BundleError(
            f"{len(seen)} of {len(manifest.patients)} patients trained this model ({', '.join(seen[:5])} …): "
            "figures on them would say nothing. Leave them out, or say --allow-seen"
        )
    device = choose_device(recipe)
    configure(recipe, device)
    planes, _ = load_images(manifest, recipe, images, cache)
    image_set = ImageSet(planes, device)
    everyone = list(range(len(planes)))
    logits, scores, thresholds = [], [], []
    networks = weight_files(folder / "models")
    for path in networks:
        fold = fold_of(path)
        if fold not in decisions:
            raise BundleError(f"decision.json has no threshold for {path.name}, the network of fold {fold}")
        temperature, own_threshold = decisions[fold]
        own = logits_of(load_network(path, recipe, device), image_set, everyone)
        logits.append(own)
        scores.append(expit(own / temperature))
        thresholds.append(own_threshold)
    if not logits:
        raise BundleError("the bundle holds no networks")
    score, threshold = np.mean(scores, axis=0), float(np.mean(thresholds))
    outcomes = [patient.outcome for patient in manifest.patients]
    figures = {
        "bundle": _config(folder, "metadata.json", "name"),
        "manifest_sha256": manifest.sha256,
        "networks": len(logits),
        "networks_together": together(len(logits)),
        "seen_in_training": len(seen),
        "warnings": [] if all(_says_whole(path) for path in networks) else [UNKNOWN_LINEAGE],
        "metrics": evaluate(outcomes, score, threshold),
        "groups": evaluate_groups(
            outcomes, score, threshold, {"site": [p.site or None for p in manifest.patients]}
        ),
    }
    rows = [
        {"patient": p.patient, "outcome": p.outcome, "logit": repr(float(raw)), "score": repr(float(s)),
         "threshold": repr(threshold)}
        for p, raw, s in zip(manifest.patients, np.mean(logits, axis=0), score, strict=True)
    ]  # fmt: skip
    return figures, rows


def main(argv: list[str] | None = None) -> int:
    """Evaluate and write; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m modeling.training.evaluate_bundle", description=__doc__)
    for name in ("bundle", "manifest", "images", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="folder of preprocessed images (default: OUT/cache)")
    parser.add_argument("--allow-seen", action="store_true", help="evaluate on training patients too")
    arguments = parser.parse_args(argv)
    out: Path = arguments.out
    try:
        manifest = load_manifest(arguments.manifest)
        with tempfile.TemporaryDirectory() as folder:
            unpack(arguments.bundle, Path(folder))
            figures, rows = run_bundle(
                Path(folder), manifest, arguments.images, arguments.cache or out / "cache",
                allow_seen=arguments.allow_seen,
            )  # fmt: skip
    except (ManifestError, BundleError, ImageError, SavedNetworkError, RecipeError, TrainingError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    with replacing(out / "predictions.csv") as part, part.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with replacing(out / "evaluation.json") as part:
        part.write_text(json.dumps(figures, indent=1, allow_nan=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
