"""Write a rendered volume as a DICOM MR Image Storage series."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage, generate_uid

from cohort.phantom.acquire import Geometry

Stored = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who was imaged when, as the hospital's system would write it."""

    patient_id: str
    patient_name: str
    exam_id: str  # becomes AccessionNumber
    study_date: date
    birth_date: date | None = None
    sex: str = "O"
    study_time: str = "101500"


def write_series(
    path: Path | str,
    volume: Stored,
    geometry: Geometry,
    identity: Identity,
    *,
    instance_numbers: Iterable[int] | None = None,
    series_number: int = 3,
    uid_seed: str = "",
    echo_time: float = 102.0,
    repetition_time: float = 3600.0,
    field_strength: float = 1.5,
) -> list[Path]:
    """Write one file per slice and return their paths in slice order (ascending along the normal).

    Parameters
    ----------
    volume : uint16 (slices, rows, columns)
    geometry : Geometry
        Positions and directions in patient coordinates.
    instance_numbers : iterable of int, optional
        InstanceNumber of each slice, a permutation of 1…n; file names follow it. Readers must order by
        position, so an arbitrary order is legitimate and a good test.
    uid_seed : str
        Together with the identity it determines every UID: the same call writes the same bytes.

    Raises
    ------
    ValueError
        When the volume is not uint16, does not fit the geometry, or the numbers are no permutation.
    """
    n = len(geometry.positions)
    if volume.dtype != np.uint16:
        raise ValueError(f"volume must be uint16, not {volume.dtype}")
    if volume.shape != (n, *geometry.shape):
        raise ValueError(f"volume is {volume.shape}, the geometry says {(n, *geometry.shape)}")
    numbers = list(range(1, n + 1)) if instance_numbers is None else [int(k) for k in instance_numbers]
    if sorted(numbers) != list(range(1, n + 1)):
        raise ValueError(f"instance_numbers must be a permutation of 1…{n}")
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)

    common = _common(volume, geometry, identity, series_number, uid_seed)
    common.EchoTime, common.RepetitionTime = _ds(echo_time), _ds(repetition_time)
    common.MagneticFieldStrength = _ds(field_strength)
    common.ImagingFrequency = _ds(42.577 * field_strength)
    written = []
    for k, number in enumerate(numbers):
        name = folder / f"IM{number:04d}.dcm"
        image = FileDataset(str(name), common, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
        uid = _uid(identity, uid_seed, "instance", str(series_number), str(k))
        image.file_meta.MediaStorageSOPClassUID = MRImageStorage
        image.file_meta.MediaStorageSOPInstanceUID = uid
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.SOPInstanceUID = uid
        image.InstanceNumber = number
        image.AcquisitionNumber = 1
        position = geometry.positions[k]
        image.ImagePositionPatient = [_ds(v) for v in position]
        image.SliceLocation = _ds(float(position @ geometry.normal))
        image.SmallestImagePixelValue = int(volume[k].min())
        image.LargestImagePixelValue = int(volume[k].max())
        image["SmallestImagePixelValue"].VR = image["LargestImagePixelValue"].VR = "US"
        image.PixelData = volume[k].astype("<u2").tobytes()
        image.save_as(name, enforce_file_format=True)
        written.append(name)
    return written


def _common(volume: Stored, g: Geometry, who: Identity, series_number: int, seed: str) -> Dataset:
    """Every attribute that is the same in all slices, by module."""
    d = Dataset()
    # Patient, General Study
    d.SpecificCharacterSet = "ISO_IR 192"
    d.PatientName, d.PatientID = who.patient_name, who.patient_id
    d.PatientBirthDate = who.birth_date.strftime("%Y%m%d") if who.birth_date else ""
    d.PatientSex = who.sex
    d.StudyInstanceUID = _uid(who, seed, "study")
    d.StudyDate = d.SeriesDate = d.AcquisitionDate = d.ContentDate = who.study_date.strftime("%Y%m%d")
    d.StudyTime = d.SeriesTime = d.AcquisitionTime = d.ContentTime = who.study_time
    d.AccessionNumber, d.StudyID, d.ReferringPhysicianName = who.exam_id, "1", ""
    d.StudyDescription = "MR CERVICAL SPINE"
    # General Series, Frame of Reference, General Equipment
    d.Modality, d.SeriesNumber, d.SeriesDescription = "MR", series_number, "T2 TSE SAG"
    d.SeriesInstanceUID = _uid(who, seed, "series", str(series_number))
    d.FrameOfReferenceUID, d.PositionReferenceIndicator = _uid(who, seed, "frame"), ""
    d.BodyPartExamined, d.PatientPosition, d.Laterality = "CSPINE", "HFS", ""
    d.ProtocolName = "t2_tse_sag"
    d.Manufacturer, d.ManufacturerModelName = "Odontoid phantom", "Synthetic MR"
    d.SoftwareVersions, d.DeviceSerialNumber = "1", "0"
    # General Image, Image Plane
    d.ImageType = ["ORIGINAL", "PRIMARY", "M", "SE"]
    d.ImageOrientationPatient = [_ds(v) for v in (*g.row, *g.column)]
    d.PixelSpacing = [_ds(v) for v in g.spacing]
    d.SliceThickness, d.SpacingBetweenSlices = _ds(g.thickness), _ds(g.slice_spacing)
    # MR Image
    d.ScanningSequence, d.SequenceVariant, d.ScanOptions = "SE", ["SK", "SP"], ""
    d.MRAcquisitionType, d.SequenceName = "2D", "*tse2d1_17"
    d.EchoTrainLength, d.FlipAngle, d.NumberOfAverages = 17, _ds(150), _ds(2)
    d.ImagedNucleus, d.PercentSampling, d.PercentPhaseFieldOfView = "1H", _ds(100), _ds(100)
    d.InPlanePhaseEncodingDirection = "COL"
    # Image Pixel, VOI LUT, SOP Common
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.Rows, d.Columns = g.shape
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 12, 11, 0
    high = float(np.percentile(volume[:, ::4, ::4], 99.0))
    d.WindowCenter, d.WindowWidth = _ds(round(high / 2)), _ds(max(1, round(high)))
    d.SOPClassUID, d.SyntheticData = MRImageStorage, "YES"
    d.BurnedInAnnotation = "NO"
    return d


def _uid(who: Identity, *parts: str) -> UID:
    return generate_uid(entropy_srcs=[who.patient_id, who.exam_id, who.study_date.isoformat(), *parts])


def _ds(value: float) -> str:
    """A decimal string of at most 16 characters."""
    text = f"{float(value):.9f}".rstrip("0").rstrip(".")
    return (text[:16] if "." in text[:16] else text) if text not in ("-0", "") else "0"
