"""Signed-distance solids: a profile in the sagittal plane that changes with the lateral offset.

Coordinates are millimetres in the anatomy's own frame, which has the directions of the DICOM patient
frame: ``x`` to the patient's left (midline at 0), ``y`` to posterior, ``z`` to superior. Every
``distance(x, y, z)`` takes broadcastable float32 arrays and is negative inside. The lateral dimension
enters as an inset of the profile: a section far from the shape's centre is smaller, and the solid ends
at its half-width.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cohort.phantom.profiles import Array, Point, Profile

FAR = np.float32(1e3)


@dataclass(frozen=True, slots=True)
class Bounds:
    """An axis-aligned box in mm that holds every point with a negative distance."""

    x: Point
    y: Point
    z: Point


class Shape(Protocol):
    @property
    def bounds(self) -> Bounds: ...

    def distance(self, x: Array, y: Array, z: Array) -> Array: ...


@dataclass(frozen=True, slots=True)
class Solid:
    """A profile given lateral extent.

    ``x`` is the lateral centre and ``half_width`` the reach to either side. ``round`` shrinks the
    profile elliptically towards the sides, otherwise it is extruded. ``bow`` moves the section to
    posterior by ``bow · (x − centre)²`` (arches, laminae, the face). ``cuts`` are removed.
    """

    profile: Profile
    half_width: float
    x: float = 0.0
    round: bool = True
    bow: float = 0.0
    cuts: tuple[Shape, ...] = ()

    @property
    def bounds(self) -> Bounds:
        y0, y1, z0, z1 = self.profile.reach
        shift = self.bow * self.half_width**2
        return Bounds(
            (self.x - self.half_width, self.x + self.half_width),
            (y0 + min(0.0, shift), y1 + max(0.0, shift)),
            (z0, z1),
        )

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        side = x - np.float32(self.x)
        if self.bow:
            y = y - np.float32(self.bow) * side * side
        d: Array = self.profile.distance(y, z)
        if self.round:
            t = side * np.float32(1 / self.half_width)
            t = np.float32(1) - t * t
            inset = np.float32(1) - np.sqrt(np.maximum(t, np.float32(0)))
            inset *= np.float32(self.profile.half_thickness)
            inset[t <= 0] = FAR
            d = d + inset
        else:
            d = np.maximum(d, np.abs(side) - np.float32(self.half_width))
        for cut in self.cuts:
            d = np.maximum(d, -cut.distance(x, y, z))
        return d


@dataclass(frozen=True, slots=True)
class Union:
    """Several shapes as one, their joints rounded over ``blend`` mm (quadratic smooth minimum)."""

    parts: tuple[Shape, ...]
    blend: float = 0.0

    @property
    def bounds(self) -> Bounds:
        return _around([part.bounds for part in self.parts])

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        d = self.parts[0].distance(x, y, z)
        for part in self.parts[1:]:
            other = part.distance(x, y, z)
            low = np.minimum(d, other)
            if self.blend:
                near = np.maximum(np.float32(self.blend) - np.abs(d - other), np.float32(0))
                low -= near * near * np.float32(0.25 / self.blend)
            d = low
        return d


@dataclass(frozen=True, slots=True)
class Within:
    """The part of a shape that lies inside another."""

    shape: Shape
    limit: Shape

    @property
    def bounds(self) -> Bounds:
        return self.shape.bounds

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        d: Array = np.maximum(self.shape.distance(x, y, z), self.limit.distance(x, y, z))
        return d


@dataclass(frozen=True)
class Column:
    """What lies between two curves y(z): the spinal canal, the cord, the airway, a blood vessel."""

    z: NDArray[np.float64]
    anterior: NDArray[np.float64]
    posterior: NDArray[np.float64]
    half_width: float
    x: float = 0.0
    round: bool = True

    @cached_property
    def bounds(self) -> Bounds:
        return Bounds(
            (self.x - self.half_width, self.x + self.half_width),
            (float(self.anterior.min()), float(self.posterior.max())),
            (float(self.z[0]), float(self.z[-1])),
        )

    @cached_property
    def _tables(self) -> tuple[NDArray[np.float64], ...]:
        middle = (self.anterior + self.posterior) / 2
        # Curves are measured along y; across a leaning column the distance is shorter by the cosine.
        lean = 1 / np.hypot(1, np.gradient(middle, self.z))
        return middle, (self.posterior - self.anterior) / 2, lean

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        centre, radius, cosine = (np.interp(z, self.z, t).astype(np.float32) for t in self._tables)
        side = np.abs(x - np.float32(self.x)) * np.float32(1 / self.half_width)
        d: Array = np.abs(y - centre)
        if self.round:
            t = np.float32(1) - side * side
            beyond = t <= 0
            d = d - radius * np.sqrt(np.maximum(t, np.float32(0)))
            if beyond.any():
                d = np.where(beyond, FAR, d)
        else:
            d = np.maximum(d - radius, (side - np.float32(1)) * np.float32(self.half_width))
        d *= cosine
        ends = np.maximum(np.float32(self.z[0]) - z, z - np.float32(self.z[-1]))
        np.maximum(d, ends, out=d)
        return d


def _around(boxes: list[Bounds]) -> Bounds:
    def span(axis: str) -> Point:
        spans = [getattr(b, axis) for b in boxes]
        return min(s[0] for s in spans), max(s[1] for s in spans)

    return Bounds(span("x"), span("y"), span("z"))
