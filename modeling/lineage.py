"""Who trained a network, its ancestors' patients included, told so that it travels and names nobody.

A network begun from another one has seen whoever trained that one. Each saved network therefore carries, in
the metadata of its own safetensors file, hashes of the content hashes of all the series that it or anything
it started from was trained on: the file that a page or a bundle hands out says it without a pseudonym (no
Django, no torch). A patient is known again by the same images; another series of theirs is not recognised.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from modeling.manifest import ManifestPatient
from modeling.recipe import Recipe

#: The metadata's only key: safetensors writes several in any order, and a run must give the same bytes again.
KEY = "lineage"


def hash_of_content(content_hash: str) -> str:
    """How a trained series is named outside the study: the sha256 of its content hash, in hexadecimal."""
    return hashlib.sha256(content_hash.encode()).hexdigest()


@dataclass(frozen=True)
class Lineage:
    """Whose images trained a network and what it started from, as far as is known.

    ``names`` are pseudonyms, where a record beside the file has them. ``whole`` is false where others than
    those may have trained it.
    """

    hashes: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    whole: bool = True

    def among(self, patients: Iterable[ManifestPatient]) -> set[str]:
        """Those of the patients, by pseudonym, who trained it."""
        return {
            patient.patient
            for patient in patients
            if patient.patient in self.names or hash_of_content(patient.series.content_hash) in self.hashes
        }

    def and_trained_on(self, names: Iterable[str], label_set: Sequence[ManifestPatient]) -> Lineage:
        """That of a network begun from this one and trained on patients of this label set."""
        whom = {*names} | self.among(label_set)
        own = {hash_of_content(row.series.content_hash) for row in label_set if row.patient in whom}
        # Known by a pseudonym alone and not of this label set: there is no hash to carry on.
        lost = not self.hashes and not self.names <= {row.patient for row in label_set}
        return Lineage(self.hashes | own, self.names | whom, self.whole and not lost)

    def metadata(self) -> dict[str, str]:
        """What a safetensors file carries of it: no pseudonym."""
        content = {"sha256_of_content_hashes": sorted(self.hashes), "whole": self.whole}
        return {KEY: json.dumps(content)}


def carried_by(path: Path) -> Lineage | None:
    """What a safetensors file itself says; None if it says nothing, or cannot be read."""
    try:
        with safe_open(path, framework="np") as file:
            content = json.loads((file.metadata() or {})[KEY])
        hashes = frozenset(map(str, content["sha256_of_content_hashes"]))
        return Lineage(hashes, whole=content["whole"] is True)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return None


def _recorded_beside(path: Path, sha256: str | None) -> Lineage | None:
    """What the JSON record beside a file says; None if there is none, or it is of another file.

    The record of a network saved before files carried their lineage leaves out what it started from.
    """
    try:
        record = json.loads(path.with_suffix(".json").read_text())
        if record.get("sha256", sha256) != sha256:
            return None
        begun_from_nothing = record.get("recipe", {}).get("init", "random") == "random"
        return Lineage(names=frozenset(map(str, record["trained_on"])), whole=begun_from_nothing)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def of_initial_weights(recipe: Recipe) -> Lineage:
    """Who trained the recipe's initial weights; nobody where it has none."""
    if recipe.weights is None:
        return Lineage()
    path = Path(recipe.weights)
    carried, beside = carried_by(path), _recorded_beside(path, recipe.weights_sha256)
    if carried is None:
        return beside or Lineage(whole=False)
    return Lineage(carried.hashes, beside.names if beside else frozenset(), carried.whole)
