"""NIfTI in: geometry and values against nibabel, SimpleITK and the DICOM it came from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK
from django.core.management import CommandError, call_command

from cohort import bids, nifti_reading
from cohort.bids_ingest import ingest_folder
from cohort.dicomweb import retrieve
from cohort.models import Patient, Series
from cohort.nifti import NiftiError, affine
from cohort.pseudonyms import study_pseudonyms

pytestmark = pytest.mark.django_db

ABOUT = {
    "EchoTime": 0.1,
    "RepetitionTime": 3.5,
    "BodyPartExamined": "CSPINE",
    "AcquisitionDate": "2010-03-01",
}


def put(
    root: Path, array: Any, *, about: Any = None, name: str = "sub-P1/ses-1/anat/sub-P1_ses-1_T2w"
) -> Path:
    path = root / f"{name}.nii.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    image: Any = array if hasattr(array, "affine") else nibabel.Nifti1Image(array, np.diag([1, 1.5, 2, 1]))
    nibabel.save(image, path)
    Path(f"{root / name}.json").write_text(json.dumps(ABOUT if about is None else about))
    return path


def stored(series: Series) -> list[Any]:
    return [retrieve.values(i) for i in series.instances.select_related("series").order_by("index")]


def test_there_and_back(included: Callable[..., list[Any]], tmp_path: Path) -> None:
    (patient,) = included("P1", dtype="int16", spacing=(0.7, 0.9))
    assert [w.outcome for w in bids.export(tmp_path / "out")] == ["written"] * 2
    # The pseudonym now is the hospital's id of another patient.
    again = study_pseudonyms().patient(patient.pseudonym)
    Patient.objects.create(pseudonym=again)
    before = list(Series.objects.order_by("study_date"))
    results = list(ingest_folder(tmp_path / "out"))
    assert [r.outcome for r in results] == ["accepted"] * 2, results
    after = list(Series.objects.filter(patient_pseudonym=again).order_by("study_date"))
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(stored(new), stored(old))
        places = [[i.position for i in s.instances.order_by("index")] for s in (old, new)]
        np.testing.assert_allclose(places[1], places[0], atol=1e-3)
        np.testing.assert_allclose(new.orientation, old.orientation, atol=1e-6)
        assert (new.echo_time, new.repetition_time, new.field_strength) == (100, 3500, 1.5)
        assert (new.plane, new.weighting, new.sagittal_t2_cervical) == ("sagittal", "t2", True)
    days: list[Any] = [[s.study_date for s in group] for group in (before, after)]
    assert days[1][1] - days[1][0] == days[0][1] - days[0][0]
    assert [r.outcome for r in ingest_folder(tmp_path / "out")] == ["unchanged"] * 2


def test_real_t2_keeps_every_voxel_in_its_place(known: None, sample_data: Path, tmp_path: Path) -> None:
    original = sample_data / "t2_sagittal_nifti" / "errsm_23" / "t2.nii.gz"
    image: Any = nibabel.load(original)
    put(tmp_path, image)
    (result,) = ingest_folder(tmp_path)
    assert result.outcome == "accepted", result
    series = Series.objects.get()
    assert (series.plane, series.sagittal_t2_cervical) == ("sagittal", True)
    values, voxels = np.stack(stored(series)), np.asarray(image.dataobj)
    to_ras = affine(
        series.orientation,
        [i.position for i in series.instances.order_by("index")],
        (series.row_spacing, series.column_spacing, series.slice_spacing),
    )
    itk = SimpleITK.ReadImage(str(original))
    rng = np.random.default_rng(1)
    picked = np.stack([rng.integers(0, n, 200) for n in values.shape], 1)
    for k, j, i in picked:
        ras = to_ras @ [i, j, k, 1]
        at = np.linalg.inv(image.affine) @ ras
        np.testing.assert_allclose(at[:3], np.round(at[:3]), atol=1e-3)  # voxels are 1 mm
        x, y, z = (int(v) for v in np.round(at[:3]))
        assert values[k, j, i] == voxels[x, y, z]
        lps = itk.TransformIndexToPhysicalPoint((x, y, z))
        np.testing.assert_allclose(ras[:3] * [-1, -1, 1], lps, atol=1e-3)
    np.testing.assert_array_equal(np.sort(values.ravel()), np.sort(voxels.ravel()))


@pytest.mark.parametrize("turn", range(6))
def test_any_order_and_direction_of_axes(turn: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(turn)
    order, signs = rng.permutation(3), rng.choice([-1, 1], 3)
    to_ras = np.eye(4)
    to_ras[:3, :3] = np.eye(3)[:, order] * signs * [0.8, 0.9, 3.0]
    small = np.deg2rad(7)
    to_ras[:3, :3] = [
        [1, 0, 0],
        [0, np.cos(small), -np.sin(small)],
        [0, np.sin(small), np.cos(small)],
    ] @ to_ras[:3, :3]
    to_ras[:3, 3] = [5, -7, 11]
    array = rng.integers(-500, 500, (5, 6, 4)).astype(np.int16)
    volume = nifti_reading.read(put(tmp_path, nibabel.Nifti1Image(array, to_ras)))
    back = np.linalg.inv(to_ras) @ affine(volume.orientation, volume.positions, volume.spacing)
    for (k, j, i), value in np.ndenumerate(volume.values):
        x, y, z = np.round(back @ [i, j, k, 1]).astype(int)[:3]
        assert array[x, y, z] == value
    np.testing.assert_allclose(back, np.round(back), atol=1e-4)


@pytest.mark.parametrize("kind", ["float32", "int32", "uint8", "float-whole"])
def test_values_of_every_kind(kind: str, known: None, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    array = rng.random((8, 9, 5)) * 250
    if kind == "int32":
        array = array * 1e6
    elif kind == "float-whole":
        array = np.round(array).astype(np.float32)
    array = array.astype(kind) if kind != "float-whole" else array
    path = put(tmp_path, array)
    volume = nifti_reading.read(path)
    found = np.sort((volume.values * volume.slope + volume.intercept).ravel())
    step = (float(array.max()) - float(array.min())) / 65535
    exact = kind in ("uint8", "float-whole")
    np.testing.assert_allclose(found, np.sort(array.ravel()), rtol=0, atol=0 if exact else step * 0.51)
    (result,) = ingest_folder(tmp_path)
    assert ("mapped on 16 bits" in result.reason) != exact
    metadata = Series.objects.get().instances.first().metadata
    assert float(metadata["00281053"]["Value"][0]) == pytest.approx(volume.slope, rel=1e-9)


def test_what_is_refused_is_named_and_the_rest_is_taken(known: None, tmp_path: Path, capsys: Any) -> None:
    array = np.arange(6 * 7 * 5, dtype=np.int16).reshape(6, 7, 5)
    put(tmp_path, array)

    def bad(session: str, content: Any, about: Any = None) -> Path:
        return put(tmp_path, content, about=about, name=f"sub-P1/ses-{session}/anat/sub-P1_ses-{session}_T2w")

    bad("nodate", array, {})
    bad("ms", array, {**ABOUT, "EchoTime": 90})
    bad("cs", array, {**ABOUT, "PatientPosition": "h\u00e4lt; lower"})
    bad("wrongday", array, {**ABOUT, "AcquisitionDate": "20101341"})
    bad("fourd", np.zeros((4, 4, 4, 3), np.int16))
    bad("nan", np.full((4, 4, 4), np.nan, np.float32))
    nowhere = nibabel.Nifti1Image(array, None)
    bad("nowhere", nowhere)
    cut = bad("cut", array)
    cut.write_bytes(cut.read_bytes()[:150])
    put(tmp_path, array, name="derivatives/sub-P1_T2w")
    call_command("ingest_nifti", str(tmp_path))
    lines = {r["file"].split("/")[1]: r for r in map(json.loads, capsys.readouterr().out.splitlines())}
    assert [lines.pop(f"ses-{name}")["outcome"] for name in ("1", "cs")] == ["accepted"] * 2
    assert {name for name, r in lines.items() if r["outcome"] != "rejected"} == set()
    for session, words in {
        "nodate": "has no date", "ms": "looks like ms", "wrongday": "not a date", "fourd": "one volume",
        "nan": "64 values", "nowhere": "where it lies", "cut": "truncated",
    }.items():  # fmt: skip
        assert words in lines[f"ses-{session}"]["reason"], session
    assert "is not named" in lines["sub-P1_T2w.nii.gz"]["reason"]
    assert Series.objects.count() == 2
    with pytest.raises(CommandError, match="is not a folder"):
        call_command("ingest_nifti", str(tmp_path / "none"))
    with pytest.raises(NiftiError, match="no NIfTI"):
        nifti_reading.read(Path(f"{str(cut).removesuffix('.nii.gz')}.json"))


def test_ids_and_days_from_the_tables(known: None, tmp_path: Path) -> None:
    array = np.arange(6 * 7 * 5, dtype=np.int16).reshape(6, 7, 5)
    put(tmp_path, array, about={}, name="sub-01/ses-a/anat/sub-01_ses-a_T2w")
    (tmp_path / "participants.tsv").write_text("participant_id\tpatient_id\nsub-01\tP1\n")
    (tmp_path / "sub-01" / "sub-01_sessions.tsv").write_text(
        "session_id\tacq_time\nses-a\t2010-03-01T08:00:00\n"
    )
    (result,) = ingest_folder(tmp_path)
    assert result.outcome == "accepted", result
    exam = Series.objects.get().exam
    assert exam.pseudonym == study_pseudonyms().exam("P1", "P1-E1")
