"""Order the slices of a series along their normal, and refuse what is not one even stack. No Django.

InstanceNumber is never used to order; it only gives away that a slice at an end may be missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.valuerep import format_number_as_ds

from cohort import vocabulary
from cohort.dicom_file import Frame, read_frames

Floats = npt.NDArray[np.float64]

#: Largest difference between direction cosines of slices that count as parallel: 0.06°.
ORIENTATION_TOLERANCE = 1e-3
#: Slices closer than this lie at the same place, mm.
SAME_PLACE = 0.01
#: A distance of this many times the usual one means a slice is missing.
GAP = 1.5
#: Other deviations from the usual distance, as a share of it.
UNEVEN = 0.1
#: How far neighbours may be moved sideways, mm: beyond it the slices do not stand behind each other.
SIDEWAYS = 1.0


class StackError(ValueError):
    """The slices do not make one volume; the message says which and why."""


@dataclass
class Stack:
    """Frames ascending along the normal, without repeats."""

    frames: list[Frame]
    #: ImageOrientationPatient; empty for secondary captures without geometry.
    orientation: list[float]
    positions: list[list[float]]
    #: mm between rows, between columns, between slices.
    spacing: tuple[float, float, float]
    #: InstanceNumbers that are absent between the lowest and the highest.
    absent_numbers: list[int] = field(default_factory=list)

    @property
    def content_hash(self) -> str:
        """sha256 over geometry and stored pixels in slice order; the files in the store give it again."""
        digest = hashlib.sha256()
        shape = self.frames[0].values.shape
        digest.update(repr((shape, self.orientation, self.spacing)).encode())
        for frame, position in zip(self.frames, self.positions, strict=True):
            rescale = tuple(
                _as_stored(_number(frame, keyword, default))
                for keyword, default in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0))
            )
            digest.update(repr((position, rescale, str(frame.header.PhotometricInterpretation))).encode())
            digest.update(frame.values.astype("<i4").tobytes())
        return digest.hexdigest()


def build(frames: Sequence[Frame]) -> Stack:
    """Order and check the frames of one series.

    Raises
    ------
    StackError
        For slices that differ in size, spacing or orientation, two at one place, a gap, uneven distances, or
        slices that do not stand behind each other.
    """
    frames = _without_repeats(frames)
    first = frames[0]
    for frame in frames[1:]:
        if frame.values.shape != first.values.shape:
            raise StackError(
                f"slices differ in size: {_size(first)} in {first.name}, {_size(frame)} in {frame.name}"
            )
        if frame.values.dtype != first.values.dtype:
            raise StackError(f"slices differ in pixel type: {first.name} and {frame.name}")
    orientations = [_vector(frame, "ImageOrientationPatient", 6) for frame in frames]
    spacings = [_vector(frame, "PixelSpacing", 2) for frame in frames]
    for frame, orientation, spacing in zip(frames, orientations, spacings, strict=True):
        if np.abs(orientation - orientations[0]).max() > ORIENTATION_TOLERANCE:
            raise StackError(f"mixed orientations: {first.name} and {frame.name} are not parallel")
        if not np.allclose(spacing, spacings[0], rtol=1e-4):
            raise StackError(f"slices differ in pixel spacing: {first.name} and {frame.name}")
    row, column = orientations[0][:3], orientations[0][3:]
    if abs(row @ row - 1) > 0.01 or abs(column @ column - 1) > 0.01 or abs(row @ column) > 0.01:
        raise StackError("ImageOrientationPatient is not two perpendicular unit vectors")
    if spacings[0].min() <= 0:
        raise StackError("PixelSpacing is not positive")
    positions = np.array([_vector(frame, "ImagePositionPatient", 3) for frame in frames])
    normal = np.cross(row, column)
    order = np.argsort(positions @ normal, kind="stable")
    frames, positions = [frames[k] for k in order], positions[order]
    between = _distance(frames, positions, normal)
    return Stack(
        frames=frames,
        orientation=[float(v) for v in orientations[0]],
        positions=[[float(v) for v in p] for p in positions],
        spacing=(float(spacings[0][0]), float(spacings[0][1]), between),
        absent_numbers=_absent_numbers(frames),
    )


def stored_content_hash(paths: Sequence[Path]) -> str:
    """:attr:`Stack.content_hash` of a series that is in the store, made anew from its files.

    Raises
    ------
    FileError, StackError
        If a file cannot be read, or they are no longer one series.
    """
    return build([frame for path in paths for frame in read_frames(path.name, path)]).content_hash


def loose(frames: Sequence[Frame]) -> Stack:
    """Captures as delivered, for quarantine: their geometry, if any, is not to be trusted."""
    frames = _without_repeats(frames)
    if len({frame.values.shape for frame in frames}) > 1:
        raise StackError("the captures differ in size")
    return Stack(list(frames), [], [[0.0, 0.0, float(k)] for k in range(len(frames))], (1.0, 1.0, 1.0))


def _without_repeats(frames: Sequence[Frame]) -> list[Frame]:
    """The same image delivered twice counts once; two images under one UID are a contradiction."""
    by_uid: dict[tuple[str, int | None], Frame] = {}
    for frame in frames:
        key = str(frame.header.SOPInstanceUID), frame.number
        other = by_uid.setdefault(key, frame)
        if other is not frame and not np.array_equal(other.values, frame.values):
            raise StackError(f"{other.name} and {frame.name} have one SOPInstanceUID and different pixels")
    return list(by_uid.values())


def _distance(frames: Sequence[Frame], positions: Floats, normal: Floats) -> float:
    """Millimetres between neighbouring slices, all being as far apart."""
    stated = abs(_number(frames[0], "SpacingBetweenSlices", 0.0))
    if len(frames) == 1:
        # As it will be stored, so that the stored file gives the same.
        return round(stated or _number(frames[0], "SliceThickness", 0.0) or 1.0, 6)
    steps = np.diff(positions @ normal)
    for k, step in enumerate(steps):
        if step < SAME_PLACE:
            raise StackError(
                f"{frames[k].name} and {frames[k + 1].name} lie at the same place: "
                + _why_twice(frames[k], frames[k + 1])
            )
    usual = float(np.median(steps))
    if len(steps) <= 2 and stated:
        usual = min(usual, stated)  # of two or three slices the median may itself be the gap
    for k, step in enumerate(steps):
        if step > GAP * usual:
            raise StackError(
                f"a slice is missing between {frames[k].name} and {frames[k + 1].name}: {step:.1f} mm apart, "
                f"the others {usual:.1f} mm"
            )
        if abs(step - usual) > UNEVEN * usual + SAME_PLACE:
            raise StackError(
                f"uneven slices: {frames[k].name} and {frames[k + 1].name} are {step:.2f} mm apart, the "
                f"others {usual:.2f} mm"
            )
    sideways = np.diff(positions, axis=0) - np.outer(steps, normal)
    worst = int(np.argmax(np.linalg.norm(sideways, axis=1)))
    if np.linalg.norm(sideways[worst]) > SIDEWAYS:
        raise StackError(f"{frames[worst].name} and {frames[worst + 1].name} do not stand behind each other")
    return float(np.mean(steps))


#: What tells the volumes of one series apart: echoes, time points, diffusion, magnitude and phase.
_VOLUME_KEYS = (
    "EchoTime", "TemporalPositionIndex", "TemporalPositionIdentifier", "DiffusionBValue", "InversionTime",
    "AcquisitionNumber", "ImageType", "StackID", "TriggerTime",
)  # fmt: skip


def _why_twice(one: Frame, other: Frame) -> str:
    """Whether two slices at one place belong to different volumes, and by what."""
    for keyword in _VOLUME_KEYS:
        values = [_plain(frame, keyword) for frame in (one, other)]
        if values[0] != values[1] and all(values):
            return (
                f"the series holds several volumes, which differ in {keyword} "
                f"({', '.join(sorted(values))}); deliver each as a series of its own"
            )
    return "a repeated slice, or several volumes in one series"


def _plain(frame: Frame, keyword: str) -> str:
    """Numbers and code words only: a message must not carry text that somebody typed."""
    try:
        value = frame.header[keyword].value
        values = [value] if isinstance(value, str | int | float) else list(value)
        if keyword == "ImageType":
            return "\\".join(v for v in map(str, values) if v in vocabulary.CODES["ImageType"])
        return ", ".join(f"{float(v):g}" for v in values)
    except Exception:  # as in _vector
        return ""


def _absent_numbers(frames: Sequence[Frame]) -> list[int]:
    """Holes in an otherwise consecutive numbering; numbering of another kind (steps, repeats) has none."""
    try:
        numbers = {int(frame.header.InstanceNumber) for frame in frames}
    except (AttributeError, TypeError, ValueError):
        return []
    span = max(numbers) - min(numbers) + 1
    if len(numbers) != len(frames) or span > 1.5 * len(frames):
        return []
    return sorted(set(range(min(numbers), max(numbers) + 1)) - numbers)


def _vector(frame: Frame, keyword: str, length: int) -> Floats:
    try:
        vector = np.array([_as_stored(float(v)) for v in frame.header[keyword].value], dtype=np.float64)
    except Exception:  # absent, empty, or text where numbers should be: pydicom raises many kinds
        raise StackError(f"{frame.name} has no usable {keyword}") from None
    if vector.shape != (length,) or not np.isfinite(vector).all():
        raise StackError(f"{frame.name} has no usable {keyword}")
    return vector


def _as_stored(value: float) -> float:
    """A number as a decimal string of 16 characters holds it: enhanced MR gives more digits."""
    return float(format_number_as_ds(value)) if np.isfinite(value) else value


def _number(frame: Frame, keyword: str, default: float) -> float:
    try:
        value = float(frame.header[keyword].value)
    except Exception:  # as in _vector
        return default
    return value if np.isfinite(value) else default


def _size(frame: Frame) -> str:
    rows, columns = frame.values.shape
    return f"{rows}×{columns}"
