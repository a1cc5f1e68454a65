"""NIfTI out, against SimpleITK (which reads both formats by itself) and nibabel."""

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
from rest_framework.test import APIClient

from cohort import bids, nifti, pacs
from cohort.models import Series
from tests.builders import make_series

pytestmark = pytest.mark.django_db


def itk_corners(path: Path | str) -> Any:
    """LPS millimetres of the eight corners, by SimpleITK; as a set, since the axes may differ."""
    image = SimpleITK.ReadImage(path if isinstance(path, list) else str(path))
    ends = [(0, n - 1) for n in image.GetSize()]
    corners = [
        image.TransformIndexToPhysicalPoint((i, j, k)) for i in ends[0] for j in ends[1] for k in ends[2]
    ]
    return np.array(sorted(tuple(np.round(c, 3)) for c in corners))


def test_a_bids_data_set(included: Callable[..., list[Any]], tmp_path: Path, capsys: Any) -> None:
    patient, other = included("P1", "P2")
    out = tmp_path / "bids"
    call_command("export_nifti", str(out))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["outcome"] for line in lines] == ["written"] * 4
    subject = f"sub-{patient.pseudonym}"
    for session, series in (
        ("baseline", patient.scan_pair.baseline),
        ("followup", patient.scan_pair.follow_up),
    ):
        stem = out / subject / f"ses-{session}" / "anat" / f"{subject}_ses-{session}_T2w"
        about = json.loads(stem.with_suffix(".json").read_text())
        assert (about["EchoTime"], about["RepetitionTime"], about["MagneticFieldStrength"]) == (0.1, 3.5, 1.5)
        assert about["Manufacturer"] == "SIEMENS"
        assert about["ContentHash"] == f"sha256:{series.content_hash}"
        files = [str(pacs.instance_path(i)) for i in series.instances.order_by("index")]
        image: Any = nibabel.load(f"{stem}.nii.gz")
        stored = np.stack([_pixels(i) for i in series.instances.order_by("index")], -1)
        np.testing.assert_array_equal(np.asanyarray(image.dataobj), stored.swapaxes(0, 1))
        assert image.get_data_dtype() == stored.dtype
        assert nibabel.aff2axcodes(image.affine)[:2] == ("P", "I")
        headers = [series.instances.order_by("index")[k].position for k in (0, len(files) - 1)]
        ends = image.affine @ np.array([[0, 0, 0, 1], [0, 0, len(files) - 1, 1]]).T
        np.testing.assert_allclose(ends[:3].T * [-1, -1, 1], headers, atol=1e-3)
    rows = (out / "participants.tsv").read_text().splitlines()
    assert rows[0].startswith("participant_id\t")
    assert {row.split("\t")[0] for row in rows[1:]} == {subject, f"sub-{other.pseudonym}"}
    assert json.loads((out / "dataset_description.json").read_text())["BIDSVersion"]
    days = (out / subject / f"{subject}_sessions.tsv").read_text().splitlines()
    assert [day.split("\t")[0] for day in days[1:]] == ["ses-baseline", "ses-followup"]
    everything = b"".join(p.read_bytes() for p in out.rglob("*") if p.is_file() and p.suffix != ".gz")
    assert b"Nobody" not in everything
    assert b"P1-E1" not in everything
    assert [p.name for p in tmp_path.glob(".bids*")] == []


def _pixels(instance: Any) -> Any:
    from cohort.dicomweb import retrieve

    return retrieve.values(instance)


@pytest.mark.parametrize("plane", ["sagittal", "axial", "coronal", "oblique"])
def test_geometry_equals_what_itk_reads_from_the_dicom(plane: str, tmp_path: Path) -> None:
    turned = {}
    if plane == "oblique":
        turn = _rotation(0.3, 0.2, -0.4)
        row, column = turn @ [0.0, 1.0, 0.0], turn @ [0.0, 0.0, -1.0]
        normal = np.cross(row, column)

        def edit(ds: Any, k: int) -> None:
            ds.ImageOrientationPatient = [f"{v:.12f}" for v in (*row, *column)]
            ds.ImagePositionPatient = [f"{v:.9f}" for v in np.array([3.0, -40.0, 60.0]) + normal * 3.3 * k]

        turned = {"edit": edit}
    files = make_series(
        tmp_path / "in", plane="sagittal" if plane == "oblique" else plane, spacing=(0.7, 0.9), **turned
    )
    from cohort import dicom_file, stack

    ordered = stack.build([f for path in files for f in dicom_file.read_frames(path.name, path)])
    to_ras = nifti.affine(ordered.orientation, ordered.positions, ordered.spacing)
    content = nifti.write([f.values for f in ordered.frames], to_ras, [(1.0, 0.0)] * len(files))
    path = tmp_path / "x.nii.gz"
    path.write_bytes(content)
    by_position = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path / "in"))
    np.testing.assert_allclose(itk_corners(path), itk_corners(list(by_position)), atol=2e-3)
    of_dicom = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(list(by_position)))
    of_nifti = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    np.testing.assert_array_equal(of_nifti, of_dicom)


def _rotation(a: float, b: float, c: float) -> Any:
    def about(axis: int, angle: float) -> Any:
        i, j = [k for k in range(3) if k != axis]
        found = np.eye(3)
        found[i, i] = found[j, j] = np.cos(angle)
        found[i, j], found[j, i] = -np.sin(angle), np.sin(angle)
        return found

    return about(0, a) @ about(1, b) @ about(2, c)


def test_rescale_in_the_header_or_in_the_values() -> None:
    slices = [np.full((2, 3), k + 5, np.int16) for k in range(2)]
    one: Any = nibabel.Nifti1Image.from_bytes(_gunzip(nifti.write(slices, np.eye(4), [(2.0, -1.0)] * 2)))
    np.testing.assert_array_equal(one.dataobj.get_unscaled()[..., 1], 6)
    np.testing.assert_array_equal(one.get_fdata()[..., 1], 11)
    two: Any = nibabel.Nifti1Image.from_bytes(
        _gunzip(nifti.write(slices, np.eye(4), [(2.0, -1.0), (3.0, 0.5)]))
    )
    np.testing.assert_array_equal(two.get_fdata()[0, 0], [9, 18.5])


def _gunzip(content: bytes) -> bytes:
    import gzip

    return gzip.decompress(content)


def test_the_lead_downloads_a_series(included: Callable[..., list[Any]], as_lead: APIClient) -> None:
    (patient,) = included("P1")
    series = patient.scan_pair.baseline
    answer = as_lead.get(f"/api/cohort/series/{series.series_uid}/nifti")
    assert answer.status_code == 200
    assert f"sub-{patient.pseudonym}_T2w.nii.gz" in answer["Content-Disposition"]
    assert nibabel.Nifti1Image.from_bytes(_gunzip(answer.content)).shape == (24, 32, 7)
    pacs.instance_path(series.instances.first()).unlink()
    answer = as_lead.get(f"/api/cohort/series/{series.series_uid}/nifti")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_nifti")
    Series.objects.update(state=Series.State.QUARANTINED)
    assert as_lead.get(f"/api/cohort/series/{series.series_uid}/nifti").status_code == 404


def test_errors_are_named_and_the_rest_is_written(included: Callable[..., list[Any]], tmp_path: Path) -> None:
    (patient,) = included("P1")
    pacs.instance_path(patient.scan_pair.baseline.instances.first()).unlink()
    with pytest.raises(CommandError, match="1 series left out"):
        call_command("export_nifti", str(tmp_path / "out"))
    assert len(list((tmp_path / "out").rglob("*.nii.gz"))) == 1
    with pytest.raises(CommandError, match="not an empty folder"):
        call_command("export_nifti", str(tmp_path / "out"))
    with pytest.raises(CommandError, match="no such patient: nobody"):
        call_command("export_nifti", str(tmp_path / "new"), "--patient", "nobody")
    assert not (tmp_path / "new").exists()
    (_, written) = bids.export(tmp_path / "one", patients=[patient.pseudonym])
    assert (written.outcome, written.patient) == ("written", patient.pseudonym)
