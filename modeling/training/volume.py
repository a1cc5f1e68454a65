"""One DICOM series as a float volume in patient space (pydicom; no torch, no Django).

Slices are ordered by ImagePositionPatient along the normal, never by InstanceNumber, and the volume is
turned so that its axes run right to left, head to foot and front to back whatever the scanner's choice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.encaps import generate_frames
from pydicom.errors import InvalidDicomError

from modeling.manifest import SeriesRef

Floats = npt.NDArray[np.float64]
Voxels = npt.NDArray[np.float32]

#: Directions of the canonical axes in DICOM patient coordinates (LPS): left, foot, back.
CANONICAL = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
#: Greatest angle between the slice normal and the left–right axis, as a cosine: 45°.
SAGITTAL_COSINE = 0.707
#: Lossless, lossless with RPCL, lossy (PS3.5 A.4.9): what the image store itself writes is the first.
HTJ2K = frozenset(f"1.2.840.10008.1.2.4.{tail}" for tail in (201, 202, 203))
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
    """One image plane before it is stacked, its pixels still as stored."""

    name: str
    path: Path
    dataset: pydicom.Dataset
    shape: tuple[int, int]
    position: Floats
    row_direction: Floats  # along which the column index grows
    column_direction: Floats  # along which the row index grows
    spacing: tuple[float, float]
    frame_of_reference: str


@dataclass(frozen=True)
class Stack:
    """A sagittal series whose geometry is checked and whose pixels wait to be decoded.

    Geometry as in :class:`Volume`; ``frames`` lie in the order of its slices. ``transposed`` and
    ``flipped`` turn a stored frame to the canonical rows and columns.
    """

    frames: tuple[Frame, ...]
    positions: Floats
    spacing: tuple[float, float]
    axes: Floats
    origin: Floats
    transposed: bool
    flipped: tuple[bool, bool]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a canonical slice."""
        rows, columns = self.frames[0].shape
        return (columns, rows) if self.transposed else (rows, columns)

    def voxels(self, first: int = 0, end: int | None = None) -> Voxels:
        """Decode slices ``first`` to ``end``; float32, (end − first, rows, columns).

        Raises
        ------
        ImageError
            If a frame cannot be decoded or holds values that are not finite, or all values are equal.
        """
        frames = self.frames[first:end]
        voxels = np.empty((len(frames), *self.shape), dtype=np.float32)
        step = [slice(None, None, -1) if flip else slice(None) for flip in self.flipped]
        for target, frame in zip(voxels, frames, strict=True):
            pixels = decode(frame)
            target[:] = (pixels.T if self.transposed else pixels)[step[0], step[1]]
        if voxels.min() == voxels.max():
            raise ImageError("every voxel has the same value: there is no image")
        return voxels


#: All that is read of a file; the rest of its header is skipped.
TAGS = [
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "FrameOfReferenceUID",
    "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "RescaleSlope", "RescaleIntercept",
    "PixelData", "FloatPixelData", "DoubleFloatPixelData",
]  # fmt: skip


def open_series(root: Path, series: SeriesRef) -> Stack:
    """Read a series' files below ``root`` and check their geometry; pixels are decoded on demand.

    Raises
    ------
    ImageError
        If a file is missing or unreadable or has no geometry, or the files are not one evenly covered
        sagittal stack.
    """
    return stack([read_frame(root / series.path / name) for name in series.files])


def load_series(root: Path, series: SeriesRef) -> Volume:
    """The whole of :func:`open_series`, decoded."""
    opened = open_series(root, series)
    return Volume(opened.voxels(), opened.positions, opened.spacing, opened.axes, opened.origin)


def read_frame(path: Path) -> Frame:
    """Read one single-frame file."""
    try:
        dataset = pydicom.dcmread(path, specific_tags=TAGS)
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
        path=path,
        dataset=dataset,
        shape=(int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)),
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


def _stored(frame: Frame) -> npt.NDArray[Any]:
    dataset = frame.dataset
    if dataset.file_meta.TransferSyntaxUID in HTJ2K:
        # OpenJPH, by imagecodecs: several times as fast as OpenJPEG, which pydicom would take.
        (code,) = generate_frames(dataset.PixelData, number_of_frames=1)
        return np.asarray(imagecodecs.htj2k_decode(code))
    return np.asarray(dataset.pixel_array)


def decode(frame: Frame) -> Voxels:
    """A frame's values as float32, (rows, columns), after rescale, MONOCHROME2 sense."""
    dataset, path = frame.dataset, frame.path
    try:
        stored = _stored(frame)
    except Exception as error:  # decoders raise whatever they like
        raise ImageError(f"{path}: the pixels cannot be decoded ({error})") from error
    if stored.shape != frame.shape:
        raise ImageError(f"{path}: the pixels are {stored.shape}, the header says {frame.shape}")
    slope = float(dataset.get("RescaleSlope", 1) or 1)
    intercept = float(dataset.get("RescaleIntercept", 0) or 0)
    pixels = stored.astype(np.float32)
    if slope != 1 or intercept != 0:
        pixels *= np.float32(slope)
        pixels += np.float32(intercept)
    if (stored.dtype.kind == "f" or not math.isfinite(slope + intercept)) and not np.isfinite(pixels).all():
        raise ImageError(f"{path}: the image holds values that are not finite numbers")
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        # Inverted within the stored range, the same for every slice of the series.
        bits = int(dataset.get("BitsStored") or 16)
        signed = int(dataset.get("PixelRepresentation") or 0) == 1
        top, bottom = (2 ** (bits - 1) - 1, -(2 ** (bits - 1))) if signed else (2**bits - 1, 0)
        pixels = np.float32((top + bottom) * slope + 2 * intercept) - pixels
    return pixels


def stack(frames: list[Frame]) -> Stack:
    """Order frames along their common normal and find the turn to the canonical axes."""
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
        if (
            frame.shape != first.shape
            or max(abs(a - b) / b for a, b in zip(frame.spacing, first.spacing, strict=True)) > 1e-4
        ):
            raise ImageError(f"{frame.name} and {first.name} differ in rows, columns or pixel spacing")
    normal = np.cross(first.row_direction, first.column_direction)
    along = np.array([frame.position @ normal for frame in frames])
    order = np.argsort(along, kind="stable")
    _refuse_gaps(along[order], [frames[i].name for i in order])
    return _canonical(
        [frames[i] for i in order],
        np.array([normal, first.column_direction, first.row_direction]),
        along[order] - along[order][0],
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


def _canonical(frames: list[Frame], axes: Floats, positions: Floats) -> Stack:
    """Which axes to exchange and mirror so that each runs along its canonical direction."""
    if abs(axes[0] @ CANONICAL[0]) < SAGITTAL_COSINE:
        raise ImageError("the slices are not sagittal")
    shape, spacing = frames[0].shape, frames[0].spacing
    transposed = bool(abs(axes[1] @ CANONICAL[1]) < abs(axes[2] @ CANONICAL[1]))
    if transposed:
        axes, spacing, shape = axes[[0, 2, 1]], spacing[::-1], shape[::-1]
    axes, origin = axes.copy(), frames[0].position.copy()
    flips = [bool(axes[axis] @ CANONICAL[axis] < 0) for axis in range(3)]
    extents = (positions[-1], (shape[0] - 1) * spacing[0], (shape[1] - 1) * spacing[1])
    for axis in range(3):
        if flips[axis]:
            origin += axes[axis] * extents[axis]
            axes[axis] = -axes[axis]
    if flips[0]:
        frames, positions = frames[::-1], (positions[-1] - positions)[::-1]
    return Stack(tuple(frames), positions, spacing, axes, origin, transposed, (flips[1], flips[2]))
