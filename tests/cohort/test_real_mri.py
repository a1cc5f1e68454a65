"""Real MRI: every series and every odd file has an outcome with a reason, and pixels stay what they were."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest

from cohort import flow, pacs
from cohort.importing import import_directory
from cohort.ingest import ingest_paths
from cohort.models import Patient, Series
from cohort.pseudonyms import study_pseudonyms
from cohort.stack import stored_content_hash
from tests.builders import write_csv, write_export

pytestmark = pytest.mark.django_db


def unpacked(archive: Path, folder: Path, **changes: str) -> list[Path]:
    """The DICOM files of an archive, changed so that two people make one invented patient."""
    folder.mkdir(parents=True)
    found = []
    with zipfile.ZipFile(archive) as file:
        for name in file.namelist():
            if name.endswith(".dcm"):
                with file.open(name) as packed:
                    ds = pydicom.dcmread(packed)
                for keyword, value in changes.items():
                    setattr(ds, keyword, value)
                ds.save_as(folder / Path(name).name)
                found.append(folder / Path(name).name)
    return found


def same_pixels(series: Series, originals: list[Path]) -> None:
    expected = {}
    for path in originals:
        ds = pydicom.dcmread(path)
        expected[tuple(float(v) for v in ds.ImagePositionPatient)] = ds.pixel_array
    for instance in series.instances.all():
        kept = pydicom.dcmread(pacs.instance_path(instance))
        np.testing.assert_array_equal(kept.pixel_array, expected.pop(tuple(instance.position)))
    assert not expected


def test_two_real_people_as_one_invented_patient(sample_data: Path, tmp_path: Path) -> None:
    import_directory(write_export(tmp_path / "csv", ["INVENTED"]))
    archives = sorted((sample_data / "t2_sagittal_dicom").glob("*.zip"))
    dates = ("20100301", "20150301")
    originals = [
        unpacked(
            archive,
            tmp_path / "in" / str(k),
            PatientID="INVENTED",
            AccessionNumber=f"INVENTED-E{k}",
            StudyDate=day,
        )
        for k, (archive, day) in enumerate(zip(archives[:2], dates, strict=True), 1)
    ]
    results = list(ingest_paths([tmp_path / "in"]))
    assert [r.outcome for r in results] == ["accepted", "accepted"], results
    pair = flow.eligible().get().scan_pair
    for series, paths in zip((pair.baseline, pair.follow_up), originals, strict=True):
        assert (series.plane, series.weighting, series.slices) == ("sagittal", "t2", 17)
        assert (series.row_spacing, series.column_spacing) == (0.5, 0.5)
        assert series.slice_spacing == pytest.approx(3.0, abs=1e-3)
        same_pixels(series, paths)


def test_the_other_real_series_wait_for_their_patients_and_lose_nothing(
    sample_data: Path, tmp_path: Path
) -> None:
    archives = sorted((sample_data / "t2_sagittal_dicom").glob("*.zip"))[2:3]
    archives.append(sample_data / "cvj_t1_dicom" / "cvj_t1.zip")
    results = [r for r in ingest_paths(archives) if r.outcome != "rejected"]
    assert [r.outcome for r in results] == ["quarantined"] * 2
    assert {r.reason for r in results} == {"The patient is not in the cohort."}
    head = Series.objects.get(slices=192)
    assert (head.plane, head.weighting, head.sagittal_t2_cervical) == ("sagittal", "t1", False)
    assert head.model_name == "Skyra"
    same_pixels(head, unpacked(archives[-1], tmp_path / "head"))


def test_every_file_of_many_vendors_has_an_outcome(sample_data: Path, tmp_path: Path) -> None:
    paths = sorted(p for p in (sample_data / "mr_variety").rglob("*") if p.suffix != ".csv" and p.is_file())
    assert len(paths) > 50
    ids = {str(_header(p).get("PatientID") or "") for p in paths}
    write_csv(tmp_path, "patients.csv", [{"patient_id": i} for i in ids if i.strip()])
    import_directory(tmp_path)
    refused = {}
    for path in paths:
        # Alone and by a new name: several files hold one image in different codecs.
        Series.objects.all().delete()
        copy = tmp_path / "one" / "image.dcm"
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(path, copy)
        (result,) = ingest_paths([copy])
        assert result.reason
        if result.outcome == "rejected":
            refused[path.name] = result.reason
            continue
        assert result.outcome == "accepted", (path.name, result)
        original = pydicom.dcmread(path).pixel_array
        original = original if original.ndim == 3 else original[None]
        kept = [
            pydicom.dcmread(pacs.instance_path(i)).pixel_array for i in Series.objects.get().instances.all()
        ]
        assert len(kept) == len(original)
        kept_series = Series.objects.get()
        if kept_series.orientation:
            files = [pacs.instance_path(instance) for instance in kept_series.instances.all()]
            assert stored_content_hash(files) == kept_series.content_hash, path.name
        assert sorted(k.tobytes() for k in kept) == sorted(
            o.astype(kept[0].dtype).tobytes() for o in original
        )
    reasons = " ".join(refused.values())
    for expected in ("colour", "mosaic", "no usable ImageOrientationPatient", "same place", "cut off"):
        assert expected in reasons, refused
    assert len(refused) == 14, refused
    assert Patient.objects.filter(pseudonym=study_pseudonyms().patient("4MR1")).exists()


def _header(path: Path) -> pydicom.Dataset:
    return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["PatientID"])
