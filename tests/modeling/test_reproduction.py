"""What ``reproduce`` compares, what it repeats under, and when it expects equality."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from modeling import reproduction
from modeling.recipe import paper
from modeling.repeat_settings import doubts, repeat_settings

CPU = {
    "device_type": "cpu", "device": "CPU", "cpu": "A, AVX2", "threads": 4, "bf16": False,
    "code_version": "v1", "deterministic": True, "machine": "x86_64", "torch_build": "2",
}  # fmt: skip


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders that are the same."""
    folders = (tmp_path / "one", tmp_path / "two")
    for folder in folders:
        (folder / "saliency").mkdir(parents=True)
        (folder / "predictions.csv").write_text("patient,split,score\np,test,.5\n")
        (folder / "result.json").write_text(json.dumps(
            {"environment": CPU, "metrics": {"auc": 1}, "recipe": paper().to_mapping(),
             "trust": {"validated": True}}
        ))  # fmt: skip
        (folder / "trust.json").write_text(
            json.dumps({"mode": "quick", "seconds": len(folder.name), "p": 0.1})
        )
        for name in ("weights.safetensors", "weights.onnx"):
            (folder / name).write_text(name)
    return folders


def changed(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_map_that_differs_is_named(tmp_path: Path) -> None:
    for folder, places in (("one", "abc"), ("two", "ab")):
        (tmp_path / folder / "saliency").mkdir(parents=True)
        (tmp_path / folder / "predictions.csv").write_text("patient,split,score\n")
        (tmp_path / folder / "result.json").write_text('{"environment": {}}')
        for patient in places:
            last = float(folder == "two" and patient == "b")
            path = tmp_path / folder / "saliency" / f"{patient}.npz"
            np.savez(path, gradcam=np.array([0.0, np.nan, last]), slices=np.zeros(6))
    found = reproduction.compare(tmp_path / "one", tmp_path / "two")
    assert found.different == [
        "saliency/b.npz gradcam: differs",
        "saliency/c.npz: missing in the repeat",
    ]
    assert "3 saliency maps" in reproduction.compare(tmp_path / "one", tmp_path / "one").same


def test_differences_name_their_place() -> None:
    one = {"a": [1, {"b": 2.0}], "c": None}
    assert list(reproduction.differences(one, one)) == []
    assert list(reproduction.differences(one, {"a": [1, {"b": 2.5}], "c": None})) == [
        "a[1].b: 2.0 before, 2.5 now"
    ]
    assert list(reproduction.differences(one, {"a": [1, {"b": 2.0}]})) == ["c: only in the original"]
    assert list(reproduction.differences({"n": 1}, {"n": 1.0})) == ["n: 1 before, 1.0 now"]


def test_all_that_is_compared_is_named(runs: tuple[Path, Path]) -> None:
    changed(runs[1] / "trust.json", seconds=77)
    found = reproduction.compare(*runs)
    assert found.identical
    assert {"weights.safetensors", "weights.onnx", "trust.json", "result.json recipe"} <= set(found.same)
    assert (found.doubts, found.not_compared) == ([], [])


def test_trust_report_onnx_and_extra_files_count(runs: tuple[Path, Path]) -> None:
    changed(runs[1] / "trust.json", p=0.2)
    (runs[1] / "weights.onnx").write_text("x")
    (runs[1] / "weights-fold9.safetensors").write_text("x")
    np.savez(runs[1] / "saliency" / "q.npz", gradcam=np.zeros(2))
    different = reproduction.compare(*runs).different
    assert [line.split(": ")[0] for line in different] == [
        "weights-fold9.safetensors", "weights.onnx", "saliency/q.npz", "trust.json p",
    ]  # fmt: skip
    (runs[1] / "trust.json").unlink()
    assert "trust.json: missing in the repeat" in reproduction.compare(*runs).different


def test_who_trained_a_network_is_no_part_of_its_weights(runs: tuple[Path, Path]) -> None:
    """A run from before networks carried that in their file is reproduced all the same."""
    path = "weights.safetensors"
    one = {"a": np.arange(4.0), "b": np.ones((2, 2))}
    save_file(one, runs[0] / path)
    save_file(one, runs[1] / path, metadata={"lineage": "{}"})
    assert path in reproduction.compare(*runs).same
    save_file(one | {"a": np.arange(4.0) + 1}, runs[1] / path, metadata={"lineage": "{}"})
    (line,) = reproduction.compare(*runs).different
    assert line.startswith(f"{path}: sha256")


def test_a_report_made_after_the_run_is_said_not_to_be_compared(runs: tuple[Path, Path]) -> None:
    changed(runs[0] / "trust.json", mode="full")
    found = reproduction.compare(*runs)
    assert found.identical
    assert found.not_compared == ["trust.json: made again after the run (full; the recipe's is quick)"]
    (runs[1] / "trust.json").unlink()
    for folder in runs:
        changed(folder / "result.json", trust=None)
    found = reproduction.compare(*runs)
    assert (found.identical, found.not_compared) == (
        True, ["trust.json: made after the run, whose recipe asks for none"],
    )  # fmt: skip


def test_settings_and_figures_of_a_newer_version_do_not_undo_a_run(runs: tuple[Path, Path]) -> None:
    whole = paper().to_mapping()
    changed(runs[0] / "result.json", recipe={k: v for k, v in whole.items() if k != "train_share"})
    changed(runs[1] / "result.json", metrics={"auc": 1, "new": 2})
    # The same version cannot report a figure once and once not.
    assert reproduction.compare(*runs).different == ["metrics.new: only in the repeat"]
    changed(runs[1] / "result.json", environment=CPU | {"code_version": "v2"})
    found = reproduction.compare(*runs)
    assert found.identical
    assert "result.json: only one of the two has metrics.new: only in the repeat" in found.environment
    changed(runs[1] / "trust.json", maps={"trained_on": 12})
    assert reproduction.compare(*runs).identical
    changed(runs[1] / "result.json", recipe=whole | {"lr": 0.5})
    assert reproduction.compare(*runs).different == ["recipe.lr: 0.0001 before, 0.5 now"]


@pytest.mark.parametrize("version", ["unknown", "5f0c0de-dirty", "v1; 5f0c0de-dirty"])
def test_a_version_that_names_no_code_is_not_the_same_version(runs: tuple[Path, Path], version: str) -> None:
    unnamed = CPU | {"code_version": version}
    both = "the version of Odontoid of the original and the repeat is not known"
    assert doubts(unnamed, dict(unnamed)) == [both]
    assert doubts(CPU, unnamed) == ["the version of Odontoid of the repeat is not known"]
    for folder in runs:
        changed(folder / "result.json", environment=unnamed)
    changed(runs[1] / "result.json", metrics={"auc": 1, "new": 2}, more=1)
    found = reproduction.compare(*runs)
    assert found.identical
    assert "more: only in the repeat" in found.environment[-1]


def test_what_the_same_version_does_not_report_again_is_a_difference(runs: tuple[Path, Path]) -> None:
    content = json.loads((runs[1] / "result.json").read_text())
    del content["metrics"]
    (runs[1] / "result.json").write_text(json.dumps(content | {"new": 1}))
    found = reproduction.compare(*runs)
    assert found.different == ["metrics: only in the original", "new: only in the repeat"]


def test_what_the_repeat_was_told_is_no_difference(runs: tuple[Path, Path]) -> None:
    changed(runs[1] / "result.json", recipe=paper().to_mapping() | {"amp": "off"})
    assert not reproduction.compare(*runs).identical
    assert reproduction.compare(*runs, pinned=["amp"]).identical


def test_a_repeat_takes_threads_and_number_format_of_the_original() -> None:
    found = repeat_settings(CPU, {"amp": "auto", "device": "auto"}, set())
    assert found.variables == {"OMP_NUM_THREADS": "4", "MKL_NUM_THREADS": "4"}
    assert (found.overrides, found.notes) == ({"amp": "off", "device": "cpu"}, [])
    assert repeat_settings(CPU, {"amp": "off", "device": "cpu"}, set()).overrides == {}
    bf16 = CPU | {"bf16": True}
    assert repeat_settings(bf16, {"amp": "auto"}, {"avx512_bf16"}).notes == []
    found = repeat_settings(bf16, {"amp": "auto"}, {"avx2"})
    assert (found.overrides["amp"], found.notes[0][:20]) == ("bf16", "bfloat16 is emulated")
    several = repeat_settings(CPU | {"threads": "1; 4", "bf16": "True; False"}, {}, set())
    assert (several.variables, "amp" in several.overrides, len(several.notes)) == ({}, False, 2)


def test_equality_is_expected_of_the_same_kind_of_machine_only() -> None:
    assert doubts(CPU, dict(CPU)) == []
    assert doubts(CPU, CPU | {"cpu": "B, AVX512", "threads": 2}) == [
        "another CPU (A, AVX2, here B, AVX512)", "another number of threads (4, here 2)",
    ]  # fmt: skip
    old = {key: value for key, value in CPU.items() if key != "cpu"}
    assert doubts(old, CPU) == ["the CPU of the original is not known"]
    assert "not every operation of a GPU is deterministic" in doubts(CPU, CPU | {"device_type": "cuda"})
