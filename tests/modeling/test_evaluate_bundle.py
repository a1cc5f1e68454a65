"""What is said of a bundle that lacks something, and of images that cannot be used."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from modeling.lineage import Lineage
from modeling.manifest import load_manifest
from modeling.recipe import paper
from modeling.training import evaluate_bundle as module
from modeling.training.evaluate_bundle import BundleError, run_bundle
from modeling.training.network import build_network
from modeling.training.progress import Progress
from modeling.training.train import TrainingError
from modeling.training.trust import of_finished_run
from modeling.training.volume import ImageError
from tests.modeling.tiny import write_label_set

RECIPE = paper().with_overrides({"depth": 18, "grid": "fit", "size": 32, "device": "cpu"})
NETWORK = {"fold": 0, "temperature": 1.0, "threshold": 0.5}
CONFIGS = {
    "recipe.json": RECIPE.to_mapping(),
    "decision.json": {"networks": [NETWORK]},
    "trained_on.json": {"sha256_of_content_hashes": []},
    "metadata.json": {"name": "odontoid-run-1"},
}


def unpacked(folder: Path, **changed: Any) -> Path:
    """A bundle with one empty file for a network."""
    for name in ("configs", "models"):
        (folder / name).mkdir(parents=True)
    for name, content in (CONFIGS | changed).items():
        (folder / "configs" / name).write_text(json.dumps(content))
    (folder / "models" / "weights.safetensors").touch()
    return folder


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"decision.json": {}}, "decision.json lacks 'networks'"),
        ({"decision.json": []}, "decision.json lacks 'networks'"),
        ({"decision.json": {"networks": [{"fold": 0}]}}, "decision.json lacks 'temperature' of a network"),
        ({"trained_on.json": {}}, "trained_on.json lacks 'sha256_of_content_hashes'"),
        ({"decision.json": {"networks": [NETWORK | {"fold": 3}]}}, "no threshold for weights.safetensors"),
    ],
)
def test_what_the_configs_lack_is_named(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    manifest = load_manifest(write_label_set(tmp_path / "set", [0, 1]))
    with pytest.raises(BundleError, match=words):
        run_bundle(unpacked(tmp_path / "b", **changed), manifest, tmp_path / "set", tmp_path / "cache")


def with_networks(folder: Path, *, folds: int = 2, **recipe: Any) -> Path:
    """A bundle of networks that learned nothing, with thresholds .4, .6 …"""
    decisions = [NETWORK | {"fold": k, "threshold": 0.4 + 0.2 * k} for k in range(folds)]
    changed = {"recipe.json": RECIPE.to_mapping() | recipe, "decision.json": {"networks": decisions}}
    made = unpacked(folder, **changed)
    (made / "models" / "weights.safetensors").unlink()
    for number in range(folds):
        name = f"weights-fold{number}.safetensors" if folds > 1 else "weights.safetensors"
        save_file(build_network(RECIPE, number).state_dict(), made / "models" / name)
    return made


def test_networks_that_do_not_say_who_trained_them_are_said_to(tmp_path: Path) -> None:
    manifest = load_manifest(write_label_set(tmp_path / "set", [0, 1]))
    made = with_networks(tmp_path / "b", folds=1)
    network = made / "models" / "weights.safetensors"
    for lineage, warnings in ((None, 1), (Lineage(whole=False), 1), (Lineage(), 0)):
        save_file(
            build_network(RECIPE, 0).state_dict(), network, metadata=lineage.metadata() if lineage else None
        )
        found, _ = run_bundle(made, manifest, tmp_path / "set", tmp_path / "cache")
        assert len(found["warnings"]) == warnings, lineage


def test_networks_together_are_said_to_be_what_no_run_evaluated(tmp_path: Path) -> None:
    manifest = load_manifest(write_label_set(tmp_path / "set", [0, 1]))
    where = manifest, tmp_path / "set", tmp_path / "cache"
    both, rows = run_bundle(with_networks(tmp_path / "two"), *where)
    assert both["networks_together"] == (
        "mean of 2 networks at the mean of their thresholds; the run evaluated each network alone, on its "
        "own fold"
    )
    assert (both["networks"], rows[0]["threshold"]) == (2, "0.5")
    alone, _ = run_bundle(with_networks(tmp_path / "one", folds=1), *where)
    assert (alone["networks"], alone["networks_together"]) == (1, None)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a machine with CUDA evaluates there")
def test_a_bundle_of_a_gpu_is_evaluated_without_one(tmp_path: Path) -> None:
    manifest = load_manifest(write_label_set(tmp_path / "set", [0, 1]))
    made = with_networks(tmp_path / "b", folds=1, device="cuda")
    assert run_bundle(made, manifest, tmp_path / "set", tmp_path / "cache")[0]["metrics"]["n"] == 2


def test_what_stops_the_network_is_said_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise TrainingError("this machine cannot")

    monkeypatch.setattr(module, "unpack", lambda *_: None)
    monkeypatch.setattr(module, "run_bundle", stopped)
    label_set = write_label_set(tmp_path / "set", [0, 1])
    words = ["--bundle", "b.zip", "--manifest", str(label_set), "--images", str(tmp_path / "set")]
    assert module.main([*words, "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == "error: this machine cannot\n"


def test_a_fault_of_the_program_is_not_the_bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*_: Any, **__: Any) -> None:
        raise KeyError("a bug")

    label_set = write_label_set(tmp_path / "set", [0, 1])
    made = unpacked(tmp_path / "b")
    monkeypatch.setattr(module, "unpack", lambda _, target: shutil.copytree(made, target, dirs_exist_ok=True))
    monkeypatch.setattr(module, "load_images", faulty)
    words = ["--bundle", "b.zip", "--manifest", str(label_set), "--images", str(tmp_path / "set")]
    with pytest.raises(KeyError, match="a bug"):
        module.main([*words, "--out", str(tmp_path / "out")])


@pytest.mark.parametrize("by", ["bundle", "trust report"])
def test_every_unusable_series_is_named(tmp_path: Path, by: str) -> None:
    manifest = load_manifest(write_label_set(tmp_path / "set", [0, 1] * 11, size=16))
    for patient in manifest.patients:
        shutil.rmtree(tmp_path / "set" / patient.series.path)
    run = unpacked(tmp_path / "b")
    (run / "weights.safetensors").touch()
    (run / "result.json").write_text(
        json.dumps({"manifest_sha256": manifest.sha256, "recipe": RECIPE.to_mapping()})
    )
    where = run, manifest, tmp_path / "set", tmp_path / "cache"
    use: Callable[[], Any] = partial(run_bundle, *where)
    if by == "trust report":
        use = partial(of_finished_run, *where, "quick", Progress(io.StringIO()))
    with pytest.raises(ImageError, match=r"000\.dcm: the file is missing") as found:
        use()
    lines = str(found.value).splitlines()
    assert (lines[1].split(",")[0], lines[-1], len(lines)) == ("patient P001", "… and 2 more", 21)
