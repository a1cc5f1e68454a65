"""Signed-distance shapes: a profile in the sagittal plane that changes with the lateral offset.

Coordinates are millimetres in the anatomy's own frame, which has the directions of the DICOM patient
frame: ``x`` to the patient's left (midline at 0), ``y`` to posterior, ``z`` to superior. Every
``distance(x, y, z)`` takes broadcastable float32 arrays and is negative inside. The formulas are the
usual exact or first-order planar distances (ellipse: gradient-normalised implicit function; rounded
box; round cone chain); the lateral dimension enters as an inset of the profile, so that a section far
from the shape's centre is smaller, and the solid ends at its half-width.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Point = tuple[float, float]

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


class Profile(Protocol):
    """A planar shape; ``reach`` is (y low, y high, z low, z high), ``half_thickness`` its inner radius."""

    @property
    def reach(self) -> tuple[float, float, float, float]: ...

    @property
    def half_thickness(self) -> float: ...

    def distance(self, y: Array, z: Array) -> Array: ...


@dataclass(frozen=True, slots=True)
class Ellipse:
    centre: Point
    radii: Point
    angle: float = 0.0  # radians, from +y towards +z

    @property
    def half_thickness(self) -> float:
        return min(self.radii)

    @property
    def reach(self) -> tuple[float, float, float, float]:
        c, s = np.cos(self.angle), np.sin(self.angle)
        a, b = self.radii
        ry, rz = float(np.hypot(a * c, b * s)), float(np.hypot(a * s, b * c))
        return self.centre[0] - ry, self.centre[0] + ry, self.centre[1] - rz, self.centre[1] + rz

    def distance(self, y: Array, z: Array) -> Array:
        u, v = _local(y, z, self.centre, self.angle)
        u /= np.float32(self.radii[0])
        v /= np.float32(self.radii[1])
        level = u * u
        level += v * v
        np.sqrt(level, out=level)
        u /= np.float32(self.radii[0])
        v /= np.float32(self.radii[1])
        u *= u
        v *= v
        u += v
        np.sqrt(u, out=u)
        u += np.float32(1e-6)
        return level * (level - np.float32(1)) / u


@dataclass(frozen=True, slots=True)
class Box:
    """A rounded box; ``waist`` > 0 hollows its upper and lower faces (vertebral end plates), < 0 swells them."""

    centre: Point
    half: Point
    angle: float = 0.0
    radius: float = 1.0
    waist: float = 0.0
    taper: float = 0.0  # relative narrowing in y from bottom (−) to top (+)

    @property
    def half_thickness(self) -> float:
        return min(self.half)

    @property
    def reach(self) -> tuple[float, float, float, float]:
        c, s = abs(np.cos(self.angle)), abs(np.sin(self.angle))
        a, b = self.half[0] * (1 + abs(self.taper)), self.half[1] + max(0.0, -self.waist)
        ry, rz = float(a * c + b * s), float(a * s + b * c)
        return self.centre[0] - ry, self.centre[0] + ry, self.centre[1] - rz, self.centre[1] + rz

    def distance(self, y: Array, z: Array) -> Array:
        u, v = _local(y, z, self.centre, self.angle)
        half_u: Array | np.float32 = np.float32(self.half[0] - self.radius)
        half_v: Array | np.float32 = np.float32(self.half[1] - self.radius)
        if self.waist:
            bend = u * np.float32(1 / self.half[0])
            bend *= bend
            np.minimum(bend, np.float32(1), out=bend)
            half_v = half_v - np.float32(self.waist) * (np.float32(1) - bend)
        if self.taper:
            half_u = half_u * (np.float32(1) - np.float32(self.taper / self.half[1]) * v)
        u = np.abs(u) - half_u
        v = np.abs(v) - half_v
        inner = np.minimum(np.maximum(u, v), np.float32(0))
        np.maximum(u, np.float32(0), out=u)
        np.maximum(v, np.float32(0), out=v)
        u *= u
        v *= v
        u += v
        np.sqrt(u, out=u)
        u += inner
        u -= np.float32(self.radius)
        return u


@dataclass(frozen=True, slots=True)
class Chain:
    """A polyline whose thickness runs linearly between its points: ((y, z), radius), …"""

    points: tuple[tuple[Point, float], ...]

    @property
    def half_thickness(self) -> float:
        return min(radius for _, radius in self.points)

    @property
    def reach(self) -> tuple[float, float, float, float]:
        ys = [p[0] + s * r for p, r in self.points for s in (-1, 1)]
        zs = [p[1] + s * r for p, r in self.points for s in (-1, 1)]
        return min(ys), max(ys), min(zs), max(zs)

    def distance(self, y: Array, z: Array) -> Array:
        nearest: Array | None = None
        for ((y0, z0), r0), ((y1, z1), r1) in zip(self.points, self.points[1:], strict=False):
            dy, dz = y1 - y0, z1 - z0
            inverse = 1 / (dy * dy + dz * dz)
            u, v = y - np.float32(y0), z - np.float32(z0)
            t = u * np.float32(dy * inverse) + v * np.float32(dz * inverse)
            np.clip(t, 0, 1, out=t)
            u = u - t * np.float32(dy)
            v = v - t * np.float32(dz)
            d = np.sqrt(u * u + v * v)
            d -= np.float32(r0)
            d -= t * np.float32(r1 - r0)
            nearest = d if nearest is None else np.minimum(nearest, d)
        assert nearest is not None
        return nearest


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
    cuts: tuple[Shape, ...] = field(default=())

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
        d = self.profile.distance(y, z)
        if self.round:
            t = side * np.float32(1 / self.half_width)
            t = np.float32(1) - t * t
            beyond = t <= 0
            np.maximum(t, np.float32(0), out=t)
            inset = np.float32(self.profile.half_thickness) * (np.float32(1) - np.sqrt(t))
            d = d + np.where(beyond, FAR, inset)
        else:
            d = np.maximum(d, np.abs(side) - np.float32(self.half_width))
        for cut in self.cuts:
            d = np.maximum(d, -cut.distance(x, y, z))
        return d


@dataclass(frozen=True, slots=True)
class Column:
    """What lies between two curves y(z): the spinal canal, the cord, the airway, a blood vessel."""

    z: NDArray[np.float64]
    anterior: NDArray[np.float64]
    posterior: NDArray[np.float64]
    half_width: float
    x: float = 0.0
    round: bool = True

    @property
    def bounds(self) -> Bounds:
        return Bounds(
            (self.x - self.half_width, self.x + self.half_width),
            (float(self.anterior.min()), float(self.posterior.max())),
            (float(self.z[0]), float(self.z[-1])),
        )

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        middle = (self.anterior + self.posterior) / 2
        # Curves are measured along y; across a leaning column the distance is shorter by the cosine.
        lean = 1 / np.hypot(1, np.gradient(middle, self.z))
        centre = np.interp(z, self.z, middle).astype(np.float32)
        radius = np.interp(z, self.z, (self.posterior - self.anterior) / 2).astype(np.float32)
        cosine = np.interp(z, self.z, lean).astype(np.float32)
        side = np.abs(x - np.float32(self.x)) * np.float32(1 / self.half_width)
        d = np.abs(y - centre)
        if self.round:
            t = np.float32(1) - side * side
            d = d - radius * np.sqrt(np.maximum(t, np.float32(0)))
            d = np.where(t <= 0, FAR, d)
        else:
            d = np.maximum(d - radius, (side - np.float32(1)) * np.float32(self.half_width))
        d = d * cosine
        ends = np.maximum(np.float32(self.z[0]) - z, z - np.float32(self.z[-1]))
        return np.maximum(d, ends)


def _local(y: Array, z: Array, centre: Point, angle: float) -> tuple[Array, Array]:
    y = y - np.float32(centre[0])
    z = z - np.float32(centre[1])
    if not angle:
        shape = np.broadcast_shapes(y.shape, z.shape)
        return np.broadcast_to(y, shape).copy(), np.broadcast_to(z, shape).copy()
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return y * c + z * s, z * c - y * s
