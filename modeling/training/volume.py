"""One DICOM series as a float volume in patient space (pydicom; no torch, no Django).

Slices are ordered by ImagePositionPatient along the normal, never by InstanceNumber, and the volume is
turned so that its axes run right to left, head to foot and front to back whatever the scanner's choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.errors import InvalidDicomError

from modeling.manifest import SeriesRef

Floats = npt.NDArray[np.float64]
Voxels = npt.NDArray[np.float32]

#: Directions of the canonical axes in DICOM patient coordinates (LPS): left, foot, back.
CANONICAL = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
#: Greatest angle between the slice normal and the left–right axis, as a cosine: 45°.
SAGITTAL_COSINE = 0.707
#: A gap this many times the median one is a missing slice.
GAP_FACTOR = 1.5
#: Gaps that differ less than this share of the median are rounding.
ORIENTATION_TOLERANCE = 1e-3


class ImageError(ValueError):
    """A series that cannot be used; the message names the file and the reason."""


@dataclass(frozen=True)
class Volume:
    """A sagittal series in patient space.

    Attributes
    ----------
    voxels
        float32, (slices, rows, columns), after rescale, MONOCHROME2 sense.
    positions
        Millimetres of each slice along ``axes[0]``, rising from 0.
    spacing
        Millimetres between rows and between columns.
    axes
        (3, 3): unit vectors of slice, row and column index in LPS.
    origin
        LPS position, mm, of the centre of voxel (0, 0, 0).
    """

    voxels: Voxels
    positions: Floats
    spacing: tuple[float, float]
    axes: Floats
    origin: Floats

    @property
    def affine(self) -> Floats:
        """4×4, (slice, row, column, 1) to LPS mm, exact where slices are evenly spaced."""
        matrix = np.eye(4)
        count = len(self.positions)
        step = float((self.positions[-1] - self.positions[0]) / (count - 1)) if count > 1 else 1.0
        matrix[:3, 0] = self.axes[0] * step
        matrix[:3, 1] = self.axes[1] * self.spacing[0]
        matrix[:3, 2] = self.axes[2] * self.spacing[1]
        matrix[:3, 3] = self.origin
        return matrix


@dataclass(frozen=True)
class Frame:
    """One image plane before it is stacked; the seam where multi-frame objects join."""

    name: str
    pixels: Voxels
    position: Floats
    row_direction: Floats  # along which the column index grows
    column_direction: Floats  # along which the row index grows
    spacing: tuple[float, float]
    frame_of_reference: str


def load_series(root: Path, series: SeriesRef) -> Volume:
    """Read a series' files below ``root`` and stack them.

    Raises
    ------
    ImageError
        If a file is missing or unreadable, has no geometry or values that are not finite, or the files
        are not one evenly covered sagittal stack.
    """
    return stack([read_frame(root / series.path / name) for name in series.files])


def read_frame(path: Path) -> Frame:
    """Read and decode one single-frame file."""
    try:
        dataset = pydicom.dcmread(path)
    except FileNotFoundError as error:
        raise ImageError(f"{path}: the file is missing") from error
    except (InvalidDicomError, OSError, EOFError, AttributeError, ValueError) as error:
        raise ImageError(f"{path}: cannot be read as DICOM ({error})") from error
    if int(dataset.get("NumberOfFrames") or 1) != 1:
        raise ImageError(f"{path}: multi-frame objects are not read; store one file per slice")
    if int(dataset.get("SamplesPerPixel") or 1) != 1:
        raise ImageError(f"{path}: a colour image is no MR slice")
    position = _vector(dataset, "ImagePositionPatient", 3, path)
    orientation = _vector(dataset, "ImageOrientationPatient", 6, path)
    spacing = _vector(dataset, "PixelSpacing", 2, path)
    if spacing.min() <= 0:
        raise ImageError(f"{path}: PixelSpacing {spacing.tolist()} is not positive")
    row, column = orientation[:3], orientation[3:]
    if abs(row @ row - 1) > 0.01 or abs(column @ column - 1) > 0.01 or abs(row @ column) > 0.01:
        raise ImageError(f"{path}: ImageOrientationPatient is not two perpendicular unit vectors")
    return Frame(
        name=path.name,
        pixels=_pixels(dataset, path),
        position=position,
        row_direction=row / np.linalg.norm(row),
        column_direction=column / np.linalg.norm(column),
        spacing=(float(spacing[0]), float(spacing[1])),
        frame_of_reference=str(dataset.get("FrameOfReferenceUID") or ""),
    )


def _vector(dataset: pydicom.Dataset, keyword: str, length: int, path: Path) -> Floats:
    value: Any = dataset.get(keyword)
    if value is None or len(value) != length:
        raise ImageError(f"{path}: {keyword} is missing")
    vector = np.array([float(part) for part in value])
    if not np.isfinite(vector).all():
        raise ImageError(f"{path}: {keyword} is not finite")
    return vector


def _pixels(dataset: pydicom.Dataset, path: Path) -> Voxels:
    try:
        stored = np.asarray(dataset.pixel_array)
    except Exception as error:  # decoders raise whatever they like
        raise ImageError(f"{path}: the pixels cannot be decoded ({error})") from error
    slope = float(dataset.get("RescaleSlope", 1) or 1)
    intercept = float(dataset.get("RescaleIntercept", 0) or 0)
    pixels = stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    if not np.isfinite(pixels).all():
        raise ImageError(f"{path}: the image holds values that are not finite numbers")
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        # Inverted within the stored range, the same for every slice of the series.
        bits = int(dataset.get("BitsStored") or 16)
        signed = int(dataset.get("PixelRepresentation") or 0) == 1
        top, bottom = (2 ** (bits - 1) - 1, -(2 ** (bits - 1))) if signed else (2**bits - 1, 0)
        pixels = np.float32((top + bottom) * slope + 2 * intercept) - pixels
    return cast(Voxels, pixels)


def stack(frames: list[Frame]) -> Volume:
    """Order frames along their common normal and turn the stack to the canonical axes."""
    first = frames[0]
    for frame in frames[1:]:
        same = (
            np.abs(frame.row_direction - first.row_direction).max() < ORIENTATION_TOLERANCE
            and np.abs(frame.column_direction - first.column_direction).max() < ORIENTATION_TOLERANCE
        )
        if not same or frame.frame_of_reference != first.frame_of_reference:
            raise ImageError(
                f"{frame.name} and {first.name} do not share one orientation and frame of reference"
            )
        if frame.pixels.shape != first.pixels.shape or not np.allclose(
            frame.spacing, first.spacing, rtol=1e-4
        ):
            raise ImageError(f"{frame.name} and {first.name} differ in rows, columns or pixel spacing")
    normal = np.cross(first.row_direction, first.column_direction)
    along = np.array([frame.position @ normal for frame in frames])
    order = np.argsort(along, kind="stable")
    _refuse_gaps(along[order], [frames[i].name for i in order])
    voxels = np.stack([frames[i].pixels for i in order])
    if np.ptp(voxels) == 0:
        raise ImageError("every voxel has the same value: there is no image")
    return _canonical(
        voxels,
        np.array([normal, first.column_direction, first.row_direction]),
        along[order] - along[order][0],
        first.spacing,
        frames[order[0]].position,
    )


def _refuse_gaps(along: Floats, names: list[str]) -> None:
    gaps = np.diff(along)
    if gaps.size == 0:
        return
    typical = float(np.median(gaps))
    for index, gap in enumerate(gaps):
        if gap < 0.01 or gap < 0.1 * typical:
            raise ImageError(f"{names[index]} and {names[index + 1]} lie at the same position")
        if gap > GAP_FACTOR * typical:
            raise ImageError(
                f"a slice is missing between {names[index]} and {names[index + 1]}: "
                f"{gap:.2f} mm apart, {typical:.2f} mm elsewhere"
            )


def _canonical(
    voxels: Voxels, axes: Floats, positions: Floats, spacing: tuple[float, float], origin: Floats
) -> Volume:
    """Transpose and mirror so that each axis runs along its canonical direction; no resampling."""
    if abs(axes[0] @ CANONICAL[0]) < SAGITTAL_COSINE:
        raise ImageError("the slices are not sagittal")
    if abs(axes[1] @ CANONICAL[1]) < abs(axes[2] @ CANONICAL[1]):
        voxels, axes, spacing = voxels.swapaxes(1, 2), axes[[0, 2, 1]], (spacing[1], spacing[0])
    axes, origin = axes.copy(), origin.copy()
    for axis in range(3):
        if axes[axis] @ CANONICAL[axis] >= 0:
            continue
        extent = positions[-1] if axis == 0 else (voxels.shape[axis] - 1) * spacing[axis - 1]
        origin += axes[axis] * extent
        axes[axis] = -axes[axis]
        voxels = np.flip(voxels, axis)
        if axis == 0:
            positions = (positions[-1] - positions)[::-1]
    return Volume(np.ascontiguousarray(voxels), positions, spacing, axes, origin)
