"""What leaves a published run: bundle, networks, card, maps as pictures and DICOM; and what comes back."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from PIL import Image
from rest_framework.test import APIClient
from safetensors.numpy import save_file

from modeling import bundle, launch, queries, reproduction, runs, snapshot
from modeling.lineage import Lineage, hash_of_content
from modeling.models import Run
from modeling.run_pairs import run_pairs
from modeling.training.evaluate_bundle import BundleError, unpack
from tests.modeling.study import imaged, labelled

TINY = ["depth=18", "grid=fit", "size=64", "epochs=1", "amp=off", "trust=none"]
URL = "/api/runs/"


def command(name: str, *words: str) -> str:
    said = io.StringIO()
    call_command(name, *words, stdout=said)
    return said.getvalue()


@pytest.fixture
def study(sent: list[int], transactional_db: None) -> Any:
    """Two published runs of one label set, from two seeds; made once for what follows."""
    imaged([0, 1] * 7)
    for path in settings.IMAGE_STORE_DIR.rglob("*.dcm"):
        _completed(path)
    label_set = snapshot.freeze(by=None, start_run=False)
    made = []
    for seed, onnx in ((0, "yes"), (1, "no")):
        overrides = [*TINY, f"onnx={onnx}"]
        run = runs.create(label_set=label_set, profile="paper", overrides=overrides, seed=seed, by=None)
        launch.work_on(run.pk)
        run.refresh_from_db()
        assert run.state == Run.State.SUCCEEDED, run.error
        made.append(run)
    return made


def _completed(path: Path) -> None:
    """Patient and study, as ingest leaves them: exported maps belong to both."""
    ds = pydicom.dcmread(path)
    ds.PatientID = ds.PatientName = path.parts[-3]
    ds.PatientBirthDate, ds.PatientSex, ds.StudyInstanceUID = "", "F", "2.25.77"
    ds.StudyDate, ds.StudyTime, ds.StudyID, ds.AccessionNumber = "20040506", "000000", "1", ""
    ds.ReferringPhysicianName, ds.SeriesNumber, ds.BodyPartExamined = "", 1, "CSPINE"
    ds.save_as(path)


@pytest.mark.slow
def test_a_run_goes_out_and_comes_back(
    study: list[Run], as_lead: APIClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = study
    _bundle_names_no_patient(first, as_lead, tmp_path)
    _bundle_evaluates_to_the_same_scores(first, tmp_path)
    _damaged_bundles_are_refused(tmp_path)
    _networks_and_card(first, as_lead)
    _maps(first, as_lead, tmp_path)
    _a_report_that_could_not_be_made(first, as_lead)
    _trust_report(first, as_lead)
    _pairs(first, second, as_lead)
    _reproduced(first, second, monkeypatch)


def _bundle_names_no_patient(run: Run, lead: APIClient, tmp_path: Path) -> None:
    packed = b"".join(lead.get(f"{URL}{run.pk}/bundle.zip"))
    path = tmp_path / "b.zip"
    said = command("bundle", str(run.pk), "--out", str(path))
    assert path.read_bytes() == packed
    assert hashlib.sha256(packed).hexdigest() in said
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        assert {"configs/metadata.json", "models/weights.safetensors", "models/weights.onnx"} <= names
        everything = b"".join(archive.read(name) for name in names if not name.startswith("models/"))
        metadata = json.loads(archive.read("configs/metadata.json"))
        trained = json.loads(archive.read("configs/trained_on.json"))["sha256_of_content_hashes"]
    for row in queries.manifest(run.label_set)["patients"]:
        for secret in (row["patient"], row["series"]["uid"], row["series"]["content_hash"]):
            assert f'"{secret}"'.encode() not in everything
    assert len(trained) == run.result["split"]["train_patients"]
    assert metadata["network_data_format"]["inputs"]["planes"]["spatial_shape"] == [64, 64]
    unpacked = tmp_path / "plain"
    unpack(path, unpacked)
    done = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=_with_sums(path, unpacked))
    assert done.returncode == 0


@pytest.mark.django_db
def test_a_bundle_tells_of_those_who_trained_what_its_networks_were_begun_from(sent: list[int]) -> None:
    labelled([0, 1] * 3)
    label_set = snapshot.freeze(by=None, start_run=False)
    run = runs.create(label_set=label_set, profile="paper", by=None, send=False)
    run.path, run.result = "1/attempt-1", {"split": {"folds": [{"train": ["p00", "p01"]}]}}
    folder = Path(settings.RUNS_DIR) / run.path
    folder.mkdir(parents=True)
    networks = [folder / "weights-fold0.safetensors", folder / "weights-fold1.safetensors"]
    hashes = {
        row["patient"]: row["series"]["content_hash"] for row in queries.manifest(label_set)["patients"]
    }
    own = {hash_of_content(hashes[name]) for name in ("p00", "p01")}
    metadata = Lineage(frozenset({*own, "of an ancestor"})).metadata()
    save_file({"a": np.ones(2)}, networks[0])  # of before networks said so
    save_file({"a": np.ones(2)}, networks[1], metadata=metadata)
    assert bundle._trained_on(run, networks) == sorted({*own, "of an ancestor"})


def _with_sums(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        archive.extract("SHA256SUMS", folder)
    return folder


def _bundle_evaluates_to_the_same_scores(run: Run, tmp_path: Path) -> None:
    path, manifest = tmp_path / "b.zip", queries.manifest_path(run.label_set)
    with pytest.raises(CommandError, match="trained this model"):
        command("evaluate", "--bundle", str(path), "--label-set", str(run.label_set.pk))
    # Another site's label set: the patients that this run tested, in a file of their own.
    content = json.loads(manifest.read_bytes())
    tested = set(run.predictions.filter(split="test").values_list("patient", flat=True))
    content["patients"] = [row for row in content["patients"] if row["patient"] in tested]
    other = tmp_path / "other.json"
    other.write_text(json.dumps(content))
    out = tmp_path / "evaluated"
    words = ["--bundle", str(path), "--label-set", str(other), "--out", str(out), "--format", "json"]
    found = json.loads(command("evaluate", *words))
    assert found["metrics"]["auc"] == run.result["metrics"]["auc"]
    assert found["metrics"]["confusion"] == run.result["metrics"]["confusion"]
    scores = {row.patient: row.score for row in run.predictions.filter(split="test")}
    for line in (out / "predictions.csv").read_text().splitlines()[1:]:
        patient, _, _, score, _ = line.split(",")
        assert float(score) == pytest.approx(scores[patient], abs=1e-6)


def _a_report_that_could_not_be_made(run: Run, lead: APIClient) -> None:
    """Page, map, card and bundle say why, as the run's result does; a report made since counts instead."""
    why = "Not validated for localisation: the trust report could not be made: out of memory"
    run.result = (run.result or {}) | {"trust": {"validated": False, "statement": why}}
    run.save(update_fields=["result"])
    found = lead.get(f"{URL}{run.pk}/trust/").json()
    assert [row["statement"] for row in (found, *found["maps"].values())] == [why] * 3
    patient = run.predictions.filter(split="test").first().patient
    base = f"{URL}{run.pk}/patients/{patient}"
    assert lead.get(f"{base}/").json()["saliency"]["statement"] == why
    dicom = lead.get(f"{base}/map.dcm?kind=secondary_capture").content
    assert why in pydicom.dcmread(io.BytesIO(dicom)).ImageComments
    assert why in lead.get(f"{URL}{run.pk}/model-card.md").content.decode()
    packed = io.BytesIO(b"".join(lead.get(f"{URL}{run.pk}/bundle.zip")))
    with zipfile.ZipFile(packed) as archive:
        assert json.loads(archive.read("metrics.json"))["trust"]["statement"] == why


def _trust_report(run: Run, lead: APIClient) -> None:
    url = f"{URL}{run.pk}/trust/"
    before = lead.get(url).json()
    assert (before["report"], before["job"]) == (None, None)
    assert lead.post(url).status_code == 202
    assert launch.work_on(run.pk)
    after = lead.get(url).json()
    assert (after["job"]["state"], after["job"]["error"]) == ("succeeded", "")
    assert after["job"]["progress"]["event"] == "done"
    assert after["job"]["progress"]["total"] == 4
    assert after["statement"] != before["statement"]
    for kind, tests in after["report"]["maps"].items():
        assert after["maps"][kind] == {key: tests[key] for key in ("validated", "statement")}
    # Card and bundle say the same, of each kind of map.
    card = lead.get(f"{URL}{run.pk}/model-card.md").content.decode()
    assert after["statement"] in card
    packed = io.BytesIO(b"".join(lead.get(f"{URL}{run.pk}/bundle.zip")))
    with zipfile.ZipFile(packed) as archive:
        verdicts = json.loads(archive.read("metrics.json"))["trust"]
        trust = json.loads(archive.read("trust.json"))
    assert "patients" not in trust
    for kind, name in (("layercam", "LayerCAM"), ("gradcam", "GradCAM")):
        assert verdicts["maps"][kind] == after["maps"][kind]
        assert trust["maps"][kind]["statement"] == after["maps"][kind]["statement"]
        passed = "passed" if after["maps"][kind]["validated"] else "not validated for localisation"
        assert f"- {name}: {passed}" in card


def _damaged_bundles_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.zip"

    def changed(name: str, content: bytes) -> Path:
        target = tmp_path / "damaged.zip"
        with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
            for entry in source.namelist():
                copy.writestr(entry, content if entry == name else source.read(entry))
            if name not in source.namelist():
                copy.writestr(name, content)
        return target

    with pytest.raises(BundleError, match=r"recipe.json is not what was packed"):
        unpack(changed("configs/recipe.json", b"{}"), tmp_path / "x1")
    with pytest.raises(BundleError, match=r"extra.txt is missing or not listed"):
        unpack(changed("extra.txt", b"x"), tmp_path / "x2")
    sums = f"{hashlib.sha256(b'x').hexdigest()}  ../../evil.txt\n".encode()
    evil = tmp_path / "evil.zip"
    with zipfile.ZipFile(evil, "w") as archive:
        archive.writestr("../../evil.txt", b"x")
        archive.writestr("SHA256SUMS", sums)
    with pytest.raises(BundleError, match="leave the folder"):
        unpack(evil, tmp_path / "x3")
    (tmp_path / "no.zip").write_bytes(b"not a zip")
    with pytest.raises(BundleError, match=r"no.zip"):
        unpack(tmp_path / "no.zip", tmp_path / "x4")


def _networks_and_card(run: Run, lead: APIClient) -> None:
    assert lead.get(f"{URL}{run.pk}/").json()["networks"] == ["weights.onnx", "weights.safetensors"]
    sent = b"".join(lead.get(f"{URL}{run.pk}/networks/weights.safetensors"))
    assert sent == queries.published_file(run, "weights.safetensors").read_bytes()
    for name in ("result.json", "..%2Frecipe.json", "weights.json"):
        assert lead.get(f"{URL}{run.pk}/networks/{name}").status_code == 404
    text = lead.get(f"{URL}{run.pk}/model-card.md").content.decode()
    assert "Research use only" in text
    assert "NOT PROVIDED" in text
    assert f"{run.result['metrics']['auc']['value']:.3f}" in text
    assert "Not validated for localisation" in text


def _maps(run: Run, lead: APIClient, tmp_path: Path) -> None:
    patient = run.predictions.filter(split="test").first().patient
    base = f"{URL}{run.pk}/patients/{patient}"
    picture = Image.open(io.BytesIO(lead.get(f"{base}/overlay.png").content))
    assert (picture.size, picture.mode) == ((64, 64), "RGB")
    assert lead.get(f"{base}/overlay.png?colours=rainbow").status_code == 400
    trained = run.predictions.filter(split="train").first().patient
    assert lead.get(f"{URL}{run.pk}/patients/{trained}/overlay.png").status_code == 404
    with np.load(queries.published_file(run, f"saliency/{patient}.npz")) as file:
        values = file["layercam_against"].astype(float) / 255 * float(file["layercam_against_peak"])
        origin = file["origin"].tolist()
    for kind in ("parametric_map", "secondary_capture"):
        response = lead.get(f"{base}/map.dcm?kind={kind}&method=layercam_against")
        assert response["Content-Type"] == "application/dicom"
        path = tmp_path / f"{kind}.dcm"
        path.write_bytes(response.content)
        found = pydicom.dcmread(path)
        assert "Research use only" in found.ImageComments
        assert "Not validated" in found.ImageComments
        if kind == "parametric_map":
            frame = found.PerFrameFunctionalGroupsSequence[0]
            assert frame.PlanePositionSequence[0].ImagePositionPatient == pytest.approx(origin, abs=1e-3)
            stored = np.frombuffer(found.FloatPixelData, np.float32).reshape(64, 64)
            assert stored == pytest.approx(values, rel=1e-6, abs=1e-6)
        again = pydicom.dcmread(
            io.BytesIO(lead.get(f"{base}/map.dcm?kind={kind}&method=layercam_against").content)
        )
        assert again.SOPInstanceUID == found.SOPInstanceUID
        if shutil.which("dciodvfy"):
            said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True).stderr
            wrong = [line for line in said.splitlines() if line.startswith("Error")]
            assert not wrong, said


def _pairs(first: Run, second: Run, lead: APIClient) -> None:
    (pair,) = lead.get(f"/api/run-pairs/?ids={first.pk},{second.pk}").json()
    assert (pair["first"], pair["second"]) == (first.pk, second.pk)
    tested = [
        set(r.predictions.filter(split="test").values_list("patient", flat=True)) for r in (first, second)
    ]
    assert pair["n"] == len(tested[0] & tested[1])
    (same,) = run_pairs([first.pk, first.pk, second.pk])
    assert same == pair
    for wrong in ("", "x", "1,,2", ",".join("1" * 13)):
        assert lead.get(f"/api/run-pairs/?ids={wrong}").status_code == 400


def _reproduced(first: Run, second: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whatever this machine is told now, the repeat has the threads of its original.
    threads = first.result["environment"]["threads"]
    monkeypatch.setenv("OMP_NUM_THREADS", str(threads + 1))
    said = command("reproduce", str(first.pk))
    assert "environment: threads" not in said
    assert "not compared: trust.json: made after the run" in said
    assert "weights.onnx" in said
    assert f"run {first.pk} is reproduced to the last bit" in said
    assert "weights.safetensors" in said
    assert re.search(r"\d saliency maps", said)
    # A run that was tampered with is told.
    path = queries.published_file(first, "predictions.csv")
    text = path.read_text()
    digit = text.rstrip()[-1]
    path.write_text(text.rstrip()[:-1] + ("1" if digit != "1" else "2") + "\n")
    with pytest.raises(CommandError, match="is not reproduced: 1 difference"):
        command("reproduce", str(first.pk))
    path.write_text(text)
    folders = [Path(settings.RUNS_DIR) / run.path for run in (first, second)]
    assert not reproduction.compare(*folders).identical
    with pytest.raises(CommandError, match="no published run"):
        command("reproduce", "9999")
