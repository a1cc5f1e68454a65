"""``python -m modeling.training`` as the worker runs it: artifacts, repeats, stops, refusals."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

from modeling.metrics import confusion, evaluate
from modeling.training.__main__ import BAD_INPUT, main
from modeling.training.saved import SavedNetworkError
from modeling.training.stopping import STOPPED
from tests.modeling.tiny import manifest_of, patient_row, write_label_set

REPOSITORY = Path(__file__).resolve().parents[2]
#: The trust report and ONNX have their own tests.
QUIET = {"trust": "none", "onnx": False}
OUTCOMES = [1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0]
TINY = {"depth": 18, "grid": "fit", "size": 64, "epochs": 2, "checkpoint_seconds": 0.0} | QUIET
CROSSED = {
    "profile": "recommended",
    "depth": 18,
    "size": 32,
    "epochs": 1,
    "folds": 2,
    "repeats": 2,
    "inner_folds": 2,
    "batch_size": 4,
} | QUIET


@pytest.fixture(scope="module")
def label_set(tmp_path_factory) -> Path:
    return write_label_set(tmp_path_factory.mktemp("set"), OUTCOMES)


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _signals_and_determinism():
    import torch

    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)
    torch.use_deterministic_algorithms(False)


def arguments(label_set: Path, recipe: dict, out: Path, cache: Path, *more: str) -> list[str]:
    path = out.with_suffix(".recipe.json")
    path.write_text(json.dumps(recipe))
    return [
        "--manifest",
        str(label_set),
        "--recipe",
        str(path),
        "--out",
        str(out),
        "--cache",
        str(cache),
        *more,
    ]


def run(label_set: Path, recipe: dict, out: Path, cache: Path, *more: str) -> int:
    return main(arguments(label_set, recipe, out, cache, *more))


@pytest.fixture(scope="module")
def finished(label_set, cache, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "run"
    assert run(label_set, TINY, out, cache) == 0
    return out


def predictions(out: Path) -> list[dict[str, str]]:
    with (out / "predictions.csv").open() as handle:
        return list(csv.DictReader(handle))


def result(out: Path) -> dict:
    return json.loads((out / "result.json").read_text())


def test_artifacts_of_a_run(finished):
    test = [row["patient"] for row in predictions(finished) if row["split"] == "test"]
    assert {p.name for p in finished.iterdir()} == {
        "predictions.csv", "result.json", "saliency", "weights.safetensors", "weights.json",
    }  # fmt: skip
    # A map for every test patient, and for no training patient.
    assert sorted(p.stem for p in (finished / "saliency").iterdir()) == sorted(test)
    sidecar = json.loads((finished / "weights.json").read_text())
    assert not set(sidecar["trained_on"]) & set(test)
    assert sidecar["recipe"]["depth"] == 18


def test_every_figure_follows_from_the_stored_scores(finished):
    found, rows = result(finished), [r for r in predictions(finished) if r["split"] == "test"]
    y = [int(row["outcome"]) for row in rows]
    s = [float(row["score"]) for row in rows]
    t = [float(row["threshold"]) for row in rows]
    assert evaluate(y, s, t) == found["metrics"]
    assert found["metrics_at_half"]["confusion"] == confusion(y, s, 0.5)


def test_threshold_comes_from_training_patients(finished):
    train = [row for row in predictions(finished) if row["split"] == "train"]
    cases = [float(row["score"]) for row in train if row["outcome"] == "1"]
    threshold = result(finished)["metrics"]["threshold"]
    assert threshold in cases
    assert np.mean(np.array(cases) >= threshold) >= 0.90


def test_result_says_what_was_done(finished, label_set):
    found = result(finished)
    assert found["recipe"]["epochs"] == 2
    assert found["split"]["kind"] == "holdout"
    (fold,) = found["split"]["folds"]
    assert len(fold["train"]) == round(len(OUTCOMES) * 153 / 220)
    assert set(found["comparators"]) == {"prevalence", "follow_up_length", "clinical", "doubtful_baseline"}
    assert set(found["groups"]) == {"site", "scanner", "sex", "age", "provenance", "baseline_category"}
    assert set(found["intermediate_policies"]) == {"negative", "exclude", "positive"}
    assert found["intermediate_policies"]["negative"]["confusion"] == found["metrics"]["confusion"]
    assert len(found["history"][0]["epochs"]) == 2
    assert len(found["manifest_sha256"]) == 64
    for key in ("python", "packages", "device", "threads", "bf16", "code_version"):
        assert key in found["environment"]


def test_same_seed_same_predictions_to_the_last_bit(finished, label_set, cache, tmp_path):
    assert run(label_set, TINY, tmp_path / "again", cache) == 0
    again = (tmp_path / "again" / "predictions.csv").read_bytes()
    assert again == (finished / "predictions.csv").read_bytes()
    assert run(label_set, TINY | {"seed": 1}, tmp_path / "other", cache) == 0
    assert again != (tmp_path / "other" / "predictions.csv").read_bytes()


def test_progress_is_json_lines(label_set, cache, tmp_path, capfd):
    assert run(label_set, TINY | {"epochs": 1}, tmp_path / "run", cache) == 0
    events = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert events[0]["event"] == "start"
    assert events[-1]["event"] == "done"
    (epoch,) = [event for event in events if event["event"] == "epoch"]
    assert {"fold", "epoch", "epochs", "loss", "eta_s", "device"} <= set(epoch)
    assert {e["stage"] for e in events if e["event"] == "stage"} == {
        "preprocessing", "training", "saliency", "evaluation",
    }  # fmt: skip


def test_a_finished_run_is_not_overwritten(finished, label_set, cache, capfd):
    before = (finished / "result.json").read_bytes()
    assert run(label_set, TINY, finished, cache) == BAD_INPUT
    assert "already holds a finished run" in capfd.readouterr().err
    assert run(label_set, TINY, finished, cache, "--resume") == 0
    assert (finished / "result.json").read_bytes() == before


def test_cross_validation_tests_everybody_out_of_fold(label_set, cache, tmp_path):
    out = tmp_path / "run"
    assert run(label_set, CROSSED, out, cache) == 0
    rows = [row for row in predictions(out) if row["split"] == "test"]
    assert len(rows) == len(OUTCOMES)
    assert all(row["fold"].count("+") == 1 for row in rows)
    found = result(out)
    assert found["metrics"]["n"] == len(OUTCOMES)
    assert len(found["split"]["folds"]) == 4
    assert found["metrics_uncalibrated"]["brier"] >= 0
    for fold in found["split"]["folds"]:
        assert 0.05 <= fold["temperature"] <= 20
        assert not set(fold["train"]) & set(fold["test"])
    assert len(list((out / "saliency").iterdir())) == len(OUTCOMES)
    weights = sorted(p.name for p in out.glob("weights*.json"))
    assert weights == ["weights-fold0.json", "weights-fold1.json"]
    for name in weights:
        # Whoever is explained by a network was not trained on by it.
        sidecar = json.loads((out / name).read_text())
        (own,) = [f for f in found["split"]["folds"] if f["repeat"] == 0 and f["fold"] == sidecar["fold"]]
        assert sidecar["trained_on"] == own["train"]


def start(args: list[str]) -> subprocess.Popen[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "modeling.training", *args],
        cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("blow", [signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_taken_up_equals_an_uninterrupted_one(label_set, cache, tmp_path, blow):
    recipe = TINY | {"epochs": 3, "ema_decay": 0.9}
    out = tmp_path / "run"
    args = arguments(label_set, recipe, out, cache)
    process = start(args)
    seen = []
    for line in process.stdout:
        seen.append(json.loads(line))
        if seen[-1]["event"] == "checkpoint":
            process.send_signal(blow)
            break
    process.communicate(timeout=500)
    if blow == signal.SIGTERM:
        assert process.returncode == STOPPED
    assert not (out / "result.json").exists()
    resumed = start([*args, "--resume"])
    output, errors = resumed.communicate(timeout=500)
    assert resumed.returncode == 0, errors
    epochs = [json.loads(line)["epoch"] for line in output.splitlines() if '"epoch",' in line]
    assert epochs
    assert 1 not in epochs, "the first epoch was in the checkpoint"
    assert run(label_set, recipe, tmp_path / "whole", cache) == 0
    for name in ("predictions.csv", "weights.safetensors"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not (out / "work").exists()


def test_a_checkpoint_of_another_recipe_is_not_taken_up(label_set, cache, tmp_path, capfd):
    out = tmp_path / "run"
    stopped = start(arguments(label_set, TINY | {"epochs": 50}, out, cache))
    for line in stopped.stdout:
        if json.loads(line)["event"] == "checkpoint":
            stopped.terminate()
            break
    stopped.communicate(timeout=500)
    assert run(label_set, TINY | {"lr": 0.01}, out, cache, "--resume") == BAD_INPUT
    assert "another recipe or label set" in capfd.readouterr().err
    # Without --resume it starts anew.
    assert run(label_set, TINY, out, cache) == 0


def small_set(tmp_path: Path) -> Path:
    return write_label_set(tmp_path, [1, 0, 1, 0], size=20, slices=8)


def test_an_image_with_nan_is_refused_with_the_patient(tmp_path, capfd):
    path = small_set(tmp_path)
    file = tmp_path / "P002" / "003.dcm"
    ds = pydicom.dcmread(file)
    ds.RescaleSlope, ds.RescaleIntercept = "nan", 0
    ds.save_as(file)
    assert run(path, TINY, tmp_path / "run", tmp_path / "cache") == BAD_INPUT
    message = capfd.readouterr().err
    assert "patient P002, series 2.25.1002" in message
    assert "003.dcm" in message
    assert "not finite numbers" in message


def test_every_missing_file_is_named_at_once(tmp_path, capfd):
    path = small_set(tmp_path)
    (tmp_path / "P001" / "002.dcm").unlink()
    (tmp_path / "P003" / "005.dcm").unlink()
    assert run(path, TINY, tmp_path / "run", tmp_path / "cache") == BAD_INPUT
    message = capfd.readouterr().err
    assert "patient P001" in message
    assert "002.dcm: the file is missing" in message
    assert "patient P003" in message
    assert "005.dcm: the file is missing" in message
    assert not (tmp_path / "run" / "result.json").exists()


def test_bad_manifests_and_recipes_are_refused_before_training(tmp_path, capfd):
    path = small_set(tmp_path)
    content = json.loads(path.read_text())

    def refused(changed: dict, recipe: dict = TINY) -> str:
        path.write_text(json.dumps(changed))
        assert run(path, recipe, tmp_path / "run", tmp_path / "cache") == BAD_INPUT
        return capfd.readouterr().err

    twice = content | {"patients": [*content["patients"], content["patients"][0]]}
    assert "patient P000 is listed twice" in refused(twice)
    no_cases = manifest_of([patient_row(f"N{i}", 0, ["a"]) for i in range(5)])
    assert "0 positive patient(s)" in refused(no_cases)
    one_case = manifest_of([patient_row(f"N{i}", int(i == 1), ["a"]) for i in range(5)])
    assert "1 positive patient(s)" in refused(one_case)
    assert "grid=pad512 fixes size" in refused(content, {"size": 64})
    assert "unknown setting" in refused(content, {"epoch": 64})


def test_settings_can_be_overridden_on_the_command_line(tmp_path, capfd, monkeypatch):
    def refuse(*_):
        raise SavedNetworkError("weights.onnx: onnxruntime and torch differ by 1")

    # What cannot be written as ONNX is a result all the same, and says so.
    monkeypatch.setattr("modeling.training.experiment.export_all", refuse)
    path = small_set(tmp_path)
    changes = [word for change in ("epochs=1", "saliency=no", "onnx=yes") for word in ("--set", change)]
    assert run(path, TINY, tmp_path / "run", tmp_path / "c", *changes) == 0
    assert result(tmp_path / "run")["recipe"]["epochs"] == 1
    assert result(tmp_path / "run")["onnx_refused"] == "weights.onnx: onnxruntime and torch differ by 1"
    assert not (tmp_path / "run" / "saliency").exists()
    assert run(path, TINY, tmp_path / "other", tmp_path / "c", "--set", "epochs=none") == BAD_INPUT
    assert "epochs: 'none'" in capfd.readouterr().err


def test_result_holds_the_views_beside_the_score(finished):
    found = result(finished)
    test = [row for row in predictions(finished) if row["split"] == "test"]
    against = found["comparators"]["clinical"]["against_network"]
    assert against["first"] == pytest.approx(found["metrics"]["auc"]["value"])
    assert found["hazard"]["against_plain"]["second"] == pytest.approx(found["metrics"]["auc"]["value"])
    assert found["hazard"]["fitted_on"] == "training patients"
    assert found["readers"] == {"rows": [], "agreement": None, "people": 0}
    assert {row["level"] for row in found["groups"]["scanner"]} == {"unknown"}
    assert found["split"]["train_patients"] == len(OUTCOMES) - len(test)
    assert (
        found["metrics"]["table"]["f1"]["bootstrap"] is None
        or len(found["metrics"]["table"]["f1"]["bootstrap"]) == 2
    )


def test_one_observers_labels_train_and_the_final_ones_test(label_set, cache, tmp_path):
    content = json.loads(label_set.read_text())
    for number, row in enumerate(content["patients"]):
        category = row["follow_up_category"] if number % 5 else "clean"
        reads = [
            {"kind": "read", "reader": 1, "category": category},
            {"kind": "read", "reader": 2, "category": row["follow_up_category"]},
        ]
        row["labels"] = {"follow_up": {"readings": reads}}
    path = label_set.with_name("read.json")
    path.write_text(json.dumps(content))
    recipe = TINY | {"epochs": 1, "label_source": "reader_1", "saliency": False}
    assert run(path, recipe, tmp_path / "run", cache) == 0
    found, final = result(tmp_path / "run"), {row["patient"]: row["outcome"] for row in content["patients"]}
    assert all(int(row["outcome"]) == final[row["patient"]] for row in predictions(tmp_path / "run"))
    second = [row for row in found["readers"]["rows"] if row["reader"] == 2 and row["provenance"] == "all"]
    assert second[0]["accuracy"]["value"] == 1.0
    assert found["readers"]["agreement"]["n"] == found["metrics"]["n"]


@pytest.mark.parametrize("profile", ["paper", "recommended"])
@pytest.mark.parametrize("positives", [0, 1])
def test_too_few_cases_are_refused_with_the_number_needed(tmp_path, capfd, profile, positives):
    path = write_label_set(tmp_path / "set", [1] * positives + [0] * 9)
    assert run(path, {"profile": profile}, tmp_path / "out", tmp_path / "cache") == BAD_INPUT
    said = capfd.readouterr().err
    assert f"{positives} positive patient(s) (outcome 1) of {positives + 9}" in said
    assert "needs at least" in said
    assert not (tmp_path / "out" / "result.json").exists()


def test_a_patient_who_could_cross_the_split_is_refused(tmp_path, capfd):
    path = write_label_set(tmp_path / "set", OUTCOMES)
    content = json.loads(path.read_text())
    twin = content["patients"][3] | {"series": content["patients"][3]["series"] | {"uid": "2.25.9"}}
    path.write_text(json.dumps(content | {"patients": [*content["patients"], twin]}))
    assert run(path, TINY, tmp_path / "out", tmp_path / "cache") == BAD_INPUT
    assert "patient P003 is listed twice and could cross a split" in capfd.readouterr().err


def test_an_unknown_part_is_refused(label_set, cache, tmp_path, capfd):
    assert run(label_set, TINY, tmp_path / "out", cache, "--part", "r0-f7") == BAD_INPUT
    assert "no part 'r0-f7'" in capfd.readouterr().err
