"""A NIfTI file as the slices of one MR series: values, places, rescale. No Django."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid
from pydicom.valuerep import format_number_as_ds

from cohort.nifti import LPS_TO_RAS, NiftiError
from cohort.pixels import Stored

MAX_VALUES = 2**29
_TO_MM = {"unknown": 1.0, "mm": 1.0, "meter": 1000.0, "micron": 0.001}
#: Axis of the normal (x, y, z of LPS) → how such a slice is shown: direction of its rows, of its columns.
_SHOWN = {0: ((1, 1), (2, -1)), 1: ((0, 1), (2, -1)), 2: ((0, 1), (1, 1))}
#: Without a word in the header the thickest voxel side is the slice's, when it is so much thicker.
_THICKER = 1.2


@dataclass(frozen=True)
class Volume:
    """Slices as DICOM has them; the value of a voxel is ``stored × slope + intercept``."""

    values: Stored  # (slices, rows, columns)
    orientation: list[float]
    positions: list[list[float]]
    spacing: tuple[float, float, float]  # mm between rows, columns, slices
    slope: float
    intercept: float
    #: What was done to the values, for people; empty if nothing.
    note: str


def read(path: Path) -> Volume:
    """Read a ``.nii`` or ``.nii.gz`` file with one volume.

    Integers of 8 and 16 bits stay as they are, and so do wider ones and floats that hold such integers. Other
    values are mapped on 16 bits over their range; ``note`` says how finely.

    Raises
    ------
    NiftiError
        If the file is unreadable, is no single volume of one real value a voxel, says not where it lies, or
        holds values that are not finite. The message continues "this file …".
    """
    try:
        image: Any = nibabel.load(path)
        if not isinstance(image, nibabel.nifti1.Nifti1Image):
            raise NiftiError("is no NIfTI file")
        header: Any = image.header
        shape = tuple(int(n) for n in image.shape)
        while len(shape) > 3 and shape[-1] == 1:
            shape = shape[:-1]
        if len(shape) != 3:
            raise NiftiError(
                f"holds {' × '.join(map(str, shape))} values; one volume of three axes is needed"
            )
        if not 0 < np.prod([float(n) for n in shape]) <= MAX_VALUES:
            raise NiftiError("is too large to be one MR stack, or empty")
        if not int(header["sform_code"]) and not int(header["qform_code"]):
            raise NiftiError("does not say where it lies: sform_code and qform_code are 0")
        if header.get_data_dtype().kind not in "iuf":
            raise NiftiError("holds colours or complex numbers; MR signal has one real value a voxel")
        to_lps = LPS_TO_RAS @ np.asarray(image.affine, float)
        to_lps[:3] *= _TO_MM[header.get_xyzt_units()[0]]
        slice_axis = header.get_dim_info()[2]
        proxy: Any = image.dataobj
        raw = np.asarray(proxy.get_unscaled()).reshape(shape)
        slope, intercept = float(proxy.slope), float(proxy.inter)
    except NiftiError:
        raise
    except MemoryError:
        raise NiftiError("does not fit in memory") from None
    except Exception as error:  # a hostile byte can raise anything in a parser
        raise NiftiError(f"is truncated, damaged or no NIfTI file ({type(error).__name__})") from error
    lengths = np.linalg.norm(to_lps[:3, :3], axis=0)
    flat = not np.isfinite(to_lps).all() or lengths.min() <= 0
    if flat or abs(np.linalg.det(to_lps[:3, :3] / lengths)) < 1e-3:
        raise NiftiError("has an affine matrix that no scanner makes")
    whole, slope, intercept, note = _integers(raw, slope, intercept)
    return _sliced(whole, to_lps, lengths, slice_axis, (slope, intercept, note))


def _integers(raw: npt.NDArray[Any], slope: float, intercept: float) -> tuple[Stored, float, float, str]:
    kind = raw.dtype.kind
    if kind in "iu" and raw.dtype.itemsize <= 2:
        return raw.astype(raw.dtype.newbyteorder("=")), slope, intercept, ""
    if kind == "f":
        bad = int(raw.size - np.isfinite(raw).sum())
        if bad:
            raise NiftiError(f"holds {bad} values that are infinite or not a number")
    low, high = raw.min(), raw.max()
    if kind != "f" or not (raw % 1).any():
        for narrow in (np.int16, np.uint16):
            limits = np.iinfo(narrow)
            if limits.min <= low and high <= limits.max:
                return raw.astype(narrow), slope, intercept, ""
    bottom = float(low)
    step = (float(high) - bottom) / 65535 or 1.0
    stored = np.rint((raw.astype(np.float64) - bottom) / step).astype(np.uint16)
    note = f"values mapped on 16 bits in steps of {abs(step * slope):.3g}"
    return stored, slope * step, slope * bottom + intercept, note


def _sliced(
    raw: Stored,
    to_lps: npt.NDArray[np.float64],
    lengths: npt.NDArray[np.float64],
    slice_axis: int | None,
    scale: tuple[float, float, str],
) -> Volume:
    """Cut along one axis, and turn the slices as people look at them; voxels keep their places."""
    if slice_axis is None:
        thickest = int(np.argmax(lengths))
        others = np.delete(lengths, thickest)
        slice_axis = thickest if lengths[thickest] >= _THICKER * others.max() else 2
    ways = to_lps[:3, :3] / lengths
    one, other = (axis for axis in range(3) if axis != slice_axis)
    normal = int(np.argmax(np.abs(np.cross(ways[:, one], ways[:, other]))))
    (along, along_sign), (down, down_sign) = _SHOWN[normal]
    if abs(ways[along, one]) < abs(ways[along, other]):
        one, other = other, one
    origin, ways = to_lps[:3, 3].copy(), ways.copy()
    values = raw.transpose(slice_axis, other, one)
    for axis, place, target, sign in ((one, 2, along, along_sign), (other, 1, down, down_sign)):
        if ways[target, axis] * sign < 0:
            origin += to_lps[:3, axis] * (raw.shape[axis] - 1)
            ways[:, axis] = -ways[:, axis]
            values = np.flip(values, place)
    step = to_lps[:3, slice_axis]
    slope, intercept, note = scale
    return Volume(
        values=np.ascontiguousarray(values),
        orientation=[float(v) for v in (*ways[:, one], *ways[:, other])],
        positions=[[float(v) for v in origin + step * k] for k in range(len(values))],
        spacing=(float(lengths[other]), float(lengths[one]), float(lengths[slice_axis])),
        slope=slope,
        intercept=intercept,
        note=note,
    )


def datasets(volume: Volume, about: Dataset) -> Iterator[Dataset]:
    """The slices as MR images of DICOM, explicit little endian, with the attributes of ``about`` in each.

    ``about`` names patient, study and series; the UIDs of slices follow from that of the series.
    """
    bits = volume.values.dtype.itemsize * 8
    for number, (values, position) in enumerate(zip(volume.values, volume.positions, strict=True), 1):
        ds = Dataset()
        ds.update(about)
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SOPClassUID = MRImageStorage
        ds.SOPInstanceUID = generate_uid(entropy_srcs=[str(about.SeriesInstanceUID), str(number)])
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.InstanceNumber = number
        ds.ImageOrientationPatient = [format_number_as_ds(v) for v in volume.orientation]
        ds.ImagePositionPatient = [format_number_as_ds(v) for v in position]
        ds.PixelSpacing = [format_number_as_ds(v) for v in volume.spacing[:2]]
        ds.SpacingBetweenSlices = format_number_as_ds(volume.spacing[2])
        ds.RescaleSlope = format_number_as_ds(volume.slope)
        ds.RescaleIntercept = format_number_as_ds(volume.intercept)
        ds.SamplesPerPixel = 1
        if "PhotometricInterpretation" not in ds:
            ds.PhotometricInterpretation = "MONOCHROME2"
        ds.Rows, ds.Columns = values.shape
        ds.BitsAllocated = ds.BitsStored = bits
        ds.HighBit, ds.PixelRepresentation = bits - 1, int(values.dtype.kind == "i")
        content = values.astype(values.dtype.newbyteorder("<")).tobytes()
        ds.PixelData = content + b"\0" * (len(content) % 2)
        ds["PixelData"].VR = "OW"
        yield ds
