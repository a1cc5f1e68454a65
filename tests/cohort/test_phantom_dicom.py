"""The written series are valid DICOM MR and say where their pixels are."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import config
from pydicom.uid import MRImageStorage

from cohort.phantom.acquire import Acquisition, Geometry, render
from cohort.phantom.anatomy import make_patient
from cohort.phantom.dicom import Identity, write_series

WHO = Identity("PH0007", "Phantom^PH0007", "PH0007-E1", date(2009, 5, 17), date(1950, 2, 3), "F")

# DICOM PS3.3, sections C.7.1.1, C.7.2.1, C.7.3.1, C.7.4.1, C.7.5.1, C.7.6.1–3, C.8.3.1, C.11.2, C.12.1.
TYPE_1 = [
    "StudyInstanceUID",
    "Modality",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "PixelSpacing",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
    "ImageType",
    "ScanningSequence",
    "SequenceVariant",
    "WindowCenter",
    "WindowWidth",
    "SOPClassUID",
    "SOPInstanceUID",
    "SpecificCharacterSet",
]
TYPE_2 = [
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
    "SeriesNumber",
    "Laterality",
    "PatientPosition",
    "PositionReferenceIndicator",
    "Manufacturer",
    "InstanceNumber",
    "SliceThickness",
    "ScanOptions",
    "MRAcquisitionType",
    "RepetitionTime",
    "EchoTime",
    "EchoTrainLength",
]


@pytest.fixture(scope="module")
def rendered() -> tuple[np.ndarray, Geometry]:
    acq = Acquisition(matrix=96, slices=5, yaw=5, roll=-3, shift=(2.0, -3.0, 4.0))
    volume, _, geometry = render(make_patient(1), acq, np.random.default_rng(0), with_masks=False)
    return volume, geometry


@pytest.fixture
def strict() -> object:
    before = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.RAISE
    yield
    config.settings.reading_validation_mode = before


def test_strict_reading(tmp_path: Path, rendered: tuple[np.ndarray, Geometry], strict: object) -> None:
    for path in write_series(tmp_path, *rendered, WHO):
        ds = pydicom.dcmread(path)
        for element in ds.iterall():  # decoding a value validates it
            assert element.value is not None or element.is_empty
        assert ds.SOPClassUID == MRImageStorage
        assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
        assert [k for k in TYPE_1 if ds.get(k) in (None, "")] == []
        assert [k for k in TYPE_2 if k not in ds] == []
        assert ds.BodyPartExamined == "CSPINE"
        assert ds.SyntheticData == "YES"
        assert (ds.EchoTime, ds.RepetitionTime) == (102, 3600)


def test_identity_as_the_export_has_it(tmp_path: Path, rendered: tuple[np.ndarray, Geometry]) -> None:
    ds = pydicom.dcmread(write_series(tmp_path, *rendered, WHO)[0])
    assert (ds.PatientID, str(ds.PatientName), ds.AccessionNumber) == (
        "PH0007",
        "Phantom^PH0007",
        "PH0007-E1",
    )
    assert (ds.StudyDate, ds.PatientBirthDate, ds.PatientSex) == ("20090517", "19500203", "F")


def test_pixels_come_back(tmp_path: Path, rendered: tuple[np.ndarray, Geometry]) -> None:
    volume, geometry = rendered
    for k, path in enumerate(write_series(tmp_path, volume, geometry, WHO)):
        assert (pydicom.dcmread(path).pixel_array == volume[k]).all()


def test_geometry_survives_shuffled_instance_numbers(
    tmp_path: Path, rendered: tuple[np.ndarray, Geometry]
) -> None:
    volume, geometry = rendered
    folder = tmp_path / "series"
    write_series(folder, volume, geometry, WHO, instance_numbers=[3, 1, 5, 2, 4])
    slices = [pydicom.dcmread(p) for p in sorted(folder.iterdir())]
    assert [ds.InstanceNumber for ds in slices] == [1, 2, 3, 4, 5]

    row, column = (
        np.array(slices[0].ImageOrientationPatient[:3]),
        np.array(slices[0].ImageOrientationPatient[3:]),
    )
    assert row @ column == pytest.approx(0, abs=1e-6)
    assert row[1] > 0.9  # columns to posterior
    assert column[2] < -0.9  # rows to inferior
    normal = np.cross(row, column)
    place = [float(np.array(ds.ImagePositionPatient) @ normal) for ds in slices]
    assert np.argsort(place).tolist() == [2, 0, 4, 1, 3]
    ordered = sorted(slices, key=lambda ds: float(np.array(ds.ImagePositionPatient) @ normal))
    steps = np.diff(sorted(place))
    assert steps == pytest.approx(float(slices[0].SpacingBetweenSlices), abs=1e-5)
    across = np.diff([np.array(ds.ImagePositionPatient) for ds in ordered], axis=0)
    assert np.cross(across, normal) == pytest.approx(0, abs=1e-5)  # moved along the normal only
    assert (np.stack([ds.pixel_array for ds in ordered]) == volume).all()
    assert [float(v) for v in slices[0].PixelSpacing] == pytest.approx([240 / 96] * 2)


def test_uids_are_one_series_and_deterministic(tmp_path: Path, rendered: tuple[np.ndarray, Geometry]) -> None:
    first = write_series(tmp_path / "a", *rendered, WHO, uid_seed="1")
    again = write_series(tmp_path / "b", *rendered, WHO, uid_seed="1")
    other = write_series(tmp_path / "c", *rendered, WHO, uid_seed="2")
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in again]
    read = [pydicom.dcmread(p) for p in (*first, *other)]
    assert len({ds.SOPInstanceUID for ds in read}) == 10
    assert len({ds.SeriesInstanceUID for ds in read}) == 2
    assert all(len(ds.SOPInstanceUID) <= 64 for ds in read)


def test_refusals(tmp_path: Path, rendered: tuple[np.ndarray, Geometry]) -> None:
    volume, geometry = rendered
    target = tmp_path / "series"
    with pytest.raises(ValueError, match="uint16"):
        write_series(target, volume.astype(np.float32), geometry, WHO)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="geometry"):
        write_series(target, volume[:3], geometry, WHO)
    with pytest.raises(ValueError, match="permutation"):
        write_series(target, volume, geometry, WHO, instance_numbers=[1, 1, 2, 3, 4])
    assert not target.exists()
