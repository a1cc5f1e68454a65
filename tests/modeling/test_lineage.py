"""Who trained the initial weights, and what those were begun from: no such patient is tested unnoticed."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import load_file

from modeling.lineage import Lineage, carried_by, hash_of_content, of_initial_weights
from modeling.manifest import Manifest, parse_manifest
from modeling.recipe import Recipe, recommended
from modeling.splits import SplitError
from modeling.training.checkpoint import save_weights
from modeling.training.experiment import Experiment
from modeling.training.folds import Member, make_folds, make_members, refuse_seen, warnings_of
from modeling.training.train import Fit
from tests.modeling.tiny import manifest_of, patient_row

UNKNOWN = "do not say who trained them; if test patients did, the test is of patients already seen"


def study(first: int, count: int = 24, **changes) -> Manifest:
    """Patients ``P<first>`` and following; every third is a case."""
    rows = [patient_row(f"P{i:03d}", int(i % 3 == 0), ["0.dcm"]) for i in range(first, first + count)]
    return parse_manifest(manifest_of(rows) | changes)


def recipe(weights: Path | None = None, **changes) -> Recipe:
    begun = {}
    if weights:
        content = weights.read_bytes() if weights.exists() else b""
        digest = hashlib.sha256(content).hexdigest()
        begun = {"init": "file", "weights": str(weights), "weights_sha256": digest}
    return recommended().with_overrides(
        {"split": "holdout", "repeats": 1, "folds": 5, "depth": 18, **begun, **changes}
    )


def trained(manifest: Manifest, wanted: Recipe, out: Path) -> tuple[Path, Member]:
    """A network as a run saves it, and the member whose network it is."""
    (fold,) = make_folds(manifest, wanted)
    refuse_seen(wanted, [fold], manifest)
    member = make_members(manifest, [fold], wanted)[-1]
    network = torch.nn.Linear(2, 1)
    run = Experiment(manifest, wanted, out, None, lambda: False)
    run._save_network(member, Fit(network, network, None, None))
    return out / "weights.safetensors", member


def handed_out(path: Path, folder: Path) -> Path:
    """The file as a page or a bundle gives it: without the record beside it."""
    folder.mkdir()
    return Path(shutil.copy(path, folder / "downloaded.safetensors"))


@pytest.mark.parametrize("alone", [True, False])
def test_a_grandparents_patients_are_refused_as_test_patients(tmp_path: Path, alone: bool) -> None:
    """A trains the first patients, B goes on from A with others, and C begun from B tests the first."""
    first, second = study(0), study(100)
    path, member = trained(first, recipe(), tmp_path / "A")
    if alone:
        path = handed_out(path, tmp_path / "a")
    path, other = trained(second, recipe(path), tmp_path / "B")
    both = {*member.fold.train, *other.fold.train}
    record = json.loads(path.with_suffix(".json").read_text())
    # Pseudonyms only where a record beside the file had them; the hashes go on either way.
    assert set(record["trained_on"]) == (set(other.fold.train) if alone else both)
    carried = carried_by(path)
    assert carried is not None
    assert carried.hashes == {hash_of_content(f"hash-{name}") for name in both}
    assert carried.whole
    if alone:
        path = handed_out(path, tmp_path / "b")
    for everybody in (first, second):
        wanted = recipe(path, seed=7)
        folds = make_folds(everybody, wanted)
        seen = both & {name for fold in folds for name in fold.test}
        with pytest.raises(SplitError, match=rf"{len(seen)} test patient\(s\) of this split trained them"):
            refuse_seen(wanted, folds, everybody)
    untouched = study(200)
    wanted = recipe(path)
    folds = make_folds(untouched, wanted)
    refuse_seen(wanted, folds, untouched)
    assert warnings_of(wanted, folds, untouched) == []


def test_a_file_that_travels_names_nobody(tmp_path: Path) -> None:
    path, member = trained(study(0), recipe(), tmp_path / "A")
    content = path.read_bytes()
    for name in member.fold.train:
        assert name.encode() not in content
    assert load_file(path).keys() == {"weight", "bias"}


def test_weights_that_say_nothing_make_a_warning_that_goes_on(tmp_path: Path) -> None:
    manifest, path = study(0), tmp_path / "w.safetensors"
    save_file({"weight": np.ones(2)}, path)
    (said,) = warnings_of(recipe(path), make_folds(manifest, recipe(path)), manifest)
    assert said == f"initial weights w.safetensors {UNKNOWN}"
    begun, _ = trained(manifest, recipe(path), tmp_path / "B")
    alone = handed_out(begun, tmp_path / "b")
    (said,) = warnings_of(recipe(alone), make_folds(study(100), recipe(alone)), study(100))
    assert "do not say who trained what they were begun from; if test patients did" in said
    assert warnings_of(recipe(), make_folds(manifest, recipe()), manifest) == []


def test_the_record_of_an_older_network_is_read(tmp_path: Path) -> None:
    """It names pseudonyms, and leaves out what the network itself was begun from."""
    manifest, path = study(0), tmp_path / "weights-fold0.safetensors"
    save_file({"weight": np.ones(2)}, path)
    record = path.with_suffix(".json")
    wanted = recommended().with_overrides(
        {"folds": 4, "repeats": 1, "init": "file", "weights": str(path), "weights_sha256": "0" * 64}
    )
    folds = make_folds(manifest, wanted)
    refuse_seen(wanted, folds, manifest)
    record.write_text(json.dumps({"trained_on": list(folds[0].train)}))
    with pytest.raises(SplitError, match=rf"{len(folds[0].train)} test patient\(s\) of this split trained"):
        refuse_seen(wanted, folds, manifest)
    record.write_text(json.dumps({"trained_on": ["somebody else"]}))
    refuse_seen(wanted, folds, manifest)
    assert warnings_of(wanted, folds, manifest) == []
    record.write_text(json.dumps({"trained_on": ["somebody else"], "recipe": {"init": "file"}}))
    assert "what they were begun from" in warnings_of(wanted, folds, manifest)[0]
    record.write_text(json.dumps({"trained_on": ["somebody else"], "sha256": "1" * 64}))
    assert UNKNOWN in warnings_of(wanted, folds, manifest)[0]  # the record is of another file


def test_patients_known_by_pseudonym_alone_cannot_be_carried_on(tmp_path: Path) -> None:
    manifest = study(0)
    known = Lineage(names=frozenset({"P001", "P999"}))
    assert not known.and_trained_on(["P002"], manifest.patients).whole
    known = Lineage(names=frozenset({"P001"})).and_trained_on(["P002"], manifest.patients)
    assert (known.whole, known.hashes) == (True, {hash_of_content("hash-P001"), hash_of_content("hash-P002")})


def test_weights_that_saw_training_patients_make_a_warning(tmp_path: Path) -> None:
    """Then inner folds hold nobody out, and threshold and temperature are of patients already seen."""
    manifest, path = study(0), tmp_path / "w.safetensors"
    wanted = recipe(path)
    folds = make_folds(manifest, wanted)
    lineage = Lineage().and_trained_on(folds[0].train[:3], manifest.patients)
    save_weights(path, {"weight": torch.ones(2)}, {}, lineage.metadata())
    assert of_initial_weights(wanted).hashes == lineage.hashes
    refuse_seen(wanted, folds, manifest)
    (said,) = warnings_of(wanted, folds, manifest)
    assert said.startswith("3 training patients of this split had trained the initial weights")
    plain = wanted.with_overrides({"threshold_rule": "train", "calibration": "none", "inner_folds": 0})
    assert warnings_of(plain, folds, manifest) == []
