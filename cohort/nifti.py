"""Slices of one MR series as a NIfTI-1 volume. No Django.

DICOM's patient axes point left, posterior, superior (PS3.3 C.7.6.2.1.1); NIfTI's point right, anterior,
superior (nifti1.h). Array axes here are column, row, slice, so that no pixel moves.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from typing import Any, TypeAlias

import nibabel
import numpy as np
import numpy.typing as npt

from cohort.pixels import Stored

Floats: TypeAlias = npt.NDArray[np.float64]

LPS_TO_RAS: Floats = np.diag([-1.0, -1.0, 1.0, 1.0])
#: nibabel says that it is typed; its constructors are not.
_NIFTI1: Any = nibabel.nifti1.Nifti1Image
SCANNER = 1  # NIFTI_XFORM_SCANNER_ANAT


class NiftiError(ValueError):
    """A series that cannot become NIfTI, or a NIfTI file that cannot become a series; says why."""


def affine(
    orientation: Sequence[float], positions: Sequence[Sequence[float]], spacing: tuple[float, float, float]
) -> Floats:
    """(4, 4) matrix from (column, row, slice) indices to RAS millimetres.

    Parameters
    ----------
    orientation
        ImageOrientationPatient: six numbers.
    positions
        ImagePositionPatient of each slice, in the order of the slices.
    spacing
        mm between rows, between columns, between slices; the last is used of a single slice alone.

    Raises
    ------
    NiftiError
        Without geometry.
    """
    if len(orientation) != 6 or not positions:
        raise NiftiError("it has no geometry: NIfTI needs to know where the slices lie")
    row, column = np.array(orientation[:3], float), np.array(orientation[3:], float)
    found = np.eye(4)
    found[:3, 0], found[:3, 1] = row * spacing[1], column * spacing[0]
    first, last = np.array(positions[0], float), np.array(positions[-1], float)
    # From end to end rather than along the normal: slices may be sheared a little against each other.
    steps = len(positions) - 1
    found[:3, 2] = (last - first) / steps if steps else np.cross(row, column) * spacing[2]
    found[:3, 3] = first
    to_ras: Floats = LPS_TO_RAS @ found
    return to_ras


def write(slices: Sequence[Stored], to_ras: Floats, rescale: Sequence[tuple[float, float]]) -> bytes:
    """A ``.nii.gz`` file, the same bytes for the same input.

    Stored values stay as they are, with slope and intercept in the header; where those differ from slice to
    slice, which NIfTI cannot say, the rescaled values are written as float32.

    Parameters
    ----------
    slices
        Arrays (rows, columns) of one integer type.
    rescale
        RescaleSlope and RescaleIntercept of each slice.
    """
    volume: npt.NDArray[Any] = np.stack(slices, axis=-1).swapaxes(0, 1)
    slope, intercept = rescale[0]
    if len(set(rescale)) > 1:
        slopes, intercepts = (np.array(v) for v in zip(*rescale, strict=True))
        volume = (volume * slopes + intercepts).astype(np.float32)
        slope, intercept = 1.0, 0.0
    image = _NIFTI1(volume, to_ras, dtype=volume.dtype)
    image.set_sform(to_ras, SCANNER)
    image.set_qform(to_ras, SCANNER)
    image.header.set_xyzt_units("mm")
    image.header.set_dim_info(freq=None, phase=None, slice=2)
    image.header.set_slope_inter(slope, intercept)
    content: bytes = image.to_bytes()
    return gzip.compress(content, compresslevel=6, mtime=0)
