"""The scanner: field of view, slices, tilt, partial volume, coil, bias field, Rician noise, gain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cohort.phantom.anatomy import Anatomy, Rng
from cohort.phantom.paint import Planes, masks, paint
from cohort.phantom.profiles import Array
from cohort.phantom.scene import Scene, build_scene
from cohort.phantom.textures import Textures

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Acquisition:
    """How one series is taken. Lengths in mm, angles in degrees."""

    matrix: int = 512
    fov: float = 240.0
    slices: int = 15
    spacing: float = 3.3
    thickness: float = 3.0
    subslices: int = 2
    yaw: float = 0.0  # of the slice stack about the long axis
    roll: float = 0.0  # about the row direction
    #: Where the patient lies: added to anatomy coordinates to give patient coordinates. The stack is centred
    #: on x = 0, so the first component is the midline offset.
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    #: Centre of the field of view in patient coordinates (y, z).
    centre: tuple[float, float] = (-15.0, 12.0)
    bias: float = 0.25  # SD of the log bias field
    coil: float = 0.006  # fall-off of the spine coil towards anterior, 1/mm
    noise: float = 0.03  # Rician sigma relative to CSF
    gain: float = 900.0  # stored value of CSF

    def __post_init__(self) -> None:
        for name in ("matrix", "slices", "subslices"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("fov", "spacing", "thickness", "gain"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")


def draw_acquisition(rng: Rng, *, matrix: int | None = None, slices: int | None = None) -> Acquisition:
    """An acquisition as clinical series vary: FOV 200–260, matrix 256–512, 13–17 slices, tilt up to 8°."""

    def normal(sd: float, limit: float) -> float:
        return float(np.clip(sd * rng.standard_normal(), -limit, limit))

    drawn_matrix, drawn_slices = int(rng.choice([256, 320, 384, 448, 512])), int(rng.choice([13, 15, 17]))
    return Acquisition(
        matrix=matrix or drawn_matrix,
        fov=float(np.round(rng.uniform(200, 260))),
        slices=slices or drawn_slices,
        yaw=normal(2.5, 8),
        roll=normal(1.8, 5),
        shift=(normal(1.5, 3), normal(6, 12), normal(8, 15)),
        centre=(-15.0 + normal(4, 8), 12.0 + normal(6, 12)),
        noise=float(rng.uniform(0.02, 0.05)),
        gain=float(rng.uniform(600, 1400)),
    )


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where the pixels of a series are, in patient coordinates (LPS, mm)."""

    positions: Vector  # (slices, 3), centre of each slice's first pixel, ascending along the normal
    row: Vector  # unit vector along a row, to posterior (columns increase)
    column: Vector  # unit vector down a column, to inferior (rows increase)
    spacing: tuple[float, float]  # between rows, between columns
    shape: tuple[int, int]
    slice_spacing: float
    thickness: float
    shift: tuple[float, float, float]

    @property
    def normal(self) -> Vector:
        return np.asarray(np.cross(self.row, self.column), dtype=np.float64)

    def to_patient(self, point: ArrayLike) -> Vector:
        """Patient coordinates of a point (x, y, z) of the anatomy's frame."""
        moved: Vector = np.asarray(point, dtype=float) + np.asarray(self.shift)
        return moved

    def to_voxel(self, point: ArrayLike) -> Vector:
        """Fractional (slice, row, column) of a point in patient coordinates."""
        v = np.asarray(point, dtype=float) - self.positions[0]
        return np.array(
            [
                v @ self.normal / self.slice_spacing,
                v @ self.column / self.spacing[0],
                v @ self.row / self.spacing[1],
            ]
        )


def geometry_of(acq: Acquisition) -> Geometry:
    """The slice stack of an acquisition."""
    yaw, roll = np.deg2rad(acq.yaw), np.deg2rad(acq.roll)
    row = np.array([np.sin(yaw), np.cos(yaw), 0.0])
    side = np.array([np.cos(yaw), -np.sin(yaw), 0.0])  # to the patient's left
    column = np.array([0.0, 0.0, -np.cos(roll)]) + side * np.sin(roll)
    normal = np.cross(row, column)
    pixel = acq.fov / acq.matrix
    centre = np.array([0.0, *acq.centre])
    corner = centre - (row + column) * pixel * (acq.matrix - 1) / 2
    steps = (np.arange(acq.slices) - (acq.slices - 1) / 2) * acq.spacing
    return Geometry(
        corner + steps[:, None] * normal, row, column, (pixel, pixel), (acq.matrix, acq.matrix), acq.spacing,
        acq.thickness, acq.shift,
    )  # fmt: skip


def _planes(geometry: Geometry, offsets: Vector) -> Planes:
    origins = geometry.positions - np.asarray(geometry.shift)
    origins = (origins[:, None, :] + offsets[None, :, None] * geometry.normal).reshape(-1, 3)
    return Planes.through(origins, geometry.row, geometry.column, geometry.shape, geometry.spacing)


def signal(scene: Scene, acq: Acquisition) -> Array:
    """Noise-free signal (slices, rows, columns) with partial volume: the mean over sub-slices, CSF = 1."""
    geometry = geometry_of(acq)
    offsets = ((np.arange(acq.subslices) + 0.5) / acq.subslices - 0.5) * acq.thickness
    textures = Textures(scene.layout.anatomy.texture_seed, geometry.shape, geometry.spacing)
    out = np.empty((acq.slices, *geometry.shape), dtype=np.float32)
    # Few planes at a time keep the working set in the processor's cache.
    step = max(1, 65536 // (acq.matrix * acq.matrix * acq.subslices))
    for start in range(0, acq.slices, step):
        part = replace(geometry, positions=geometry.positions[start : start + step])
        planes = paint(scene, _planes(part, offsets), textures, acq.subslices)
        out[start : start + step] = planes.reshape(-1, acq.subslices, *geometry.shape).mean(axis=1)
    return out


def render(
    anatomy: Anatomy, acquisition: Acquisition, rng: Rng, *, with_masks: bool = True
) -> tuple[NDArray[np.uint16], dict[str, NDArray[np.bool_]], Geometry]:
    """One series as a scanner would store it.

    Returns
    -------
    volume : uint16 (slices, rows, columns)
        Head up, anterior to the left; slices ascend along the normal (from the patient's left to the right).
    masks : dict of bool (slices, rows, columns)
        Exact structures on each slice's centre plane (``paint.MASKS``); empty without ``with_masks``.
    geometry : Geometry
    """
    scene = build_scene(anatomy)
    geometry = geometry_of(acquisition)
    volume = signal(scene, acquisition)
    volume *= bias_field(volume.shape, acquisition, rng)
    add_rician(volume, acquisition.noise, rng)
    volume *= np.float32(acquisition.gain)
    stored = np.clip(np.rint(volume, out=volume), 0, 4095).astype(np.uint16)
    found = masks(scene, _planes(geometry, np.zeros(1))) if with_masks else {}
    return stored, found, geometry


def bias_field(shape: tuple[int, int, int], acq: Acquisition, rng: Rng) -> Array:
    """Receive sensitivity: fall-off before the spine coil times a smooth log-normal field of SD ``bias``."""
    n, rows, columns = shape
    modes = 8
    frequency = rng.uniform(0.1, 0.9, size=(3, modes))
    phase = rng.uniform(0, 2 * np.pi, size=(3, modes))
    weight = rng.standard_normal(modes)
    waves = [
        np.cos(2 * np.pi * f * np.linspace(0, 1, length)[:, None] + p)
        for f, p, length in zip(frequency, phase, (n, rows, columns), strict=True)
    ]
    field: Array = np.matmul((waves[0] * weight)[:, None, :] * waves[1][None], waves[2].T).astype(np.float32)
    field -= field.mean()
    spread = float(field.std())
    if spread > 0:
        field *= np.float32(acq.bias / spread)
    y = acq.centre[0] - acq.shift[1] + (np.arange(columns) - (columns - 1) / 2) * acq.fov / columns
    # The coil lies behind the neck; before the spine its sensitivity falls, behind it rises.
    field += (acq.coil * np.clip(y, -90, 60)).astype(np.float32)
    np.exp(field, out=field)
    return field


def add_rician(volume: Array, sigma: float, rng: Rng) -> None:
    """Replace signal by the magnitude of signal plus complex Gaussian noise, in place (Gudbjartsson 1995)."""
    if sigma <= 0:
        return
    for plane in volume:
        noise = rng.standard_normal((2, *plane.shape), dtype=np.float32)
        noise *= np.float32(sigma)
        noise[0] += plane
        noise *= noise
        np.sqrt(noise[0] + noise[1], out=plane)


def render_midline(
    anatomy: Anatomy, size: int, seed: Sequence[int], *, fov: float = 140.0, planes: int = 6,
    noise: float = 0.03, bias: float = 0.25, spacing: float = 3.3,
) -> tuple[Array, NDArray[np.bool_], Geometry]:  # fmt: skip
    """Midline planes of one neck, the array that the network's self-test trains on, and where they lie.

    Returns
    -------
    image : float32 (planes, size, size), CSF about 1, ascending along the normal
    disc_region : bool, same shape
    geometry : Geometry
    """
    rng = np.random.default_rng(seed)
    acq = Acquisition(
        matrix=size, fov=fov, slices=planes, spacing=spacing, subslices=1, noise=noise, bias=bias,
        shift=(float(rng.normal(0, 1)), float(rng.normal(0, 4)), float(rng.normal(0, 5))),
        centre=(0.0, 8.0),
    )  # fmt: skip
    scene, geometry = build_scene(anatomy), geometry_of(acq)
    image = signal(scene, acq)
    image *= bias_field((planes, size, size), acq, rng)
    add_rician(image, noise, rng)
    region = masks(scene, _planes(geometry, np.zeros(1)), ["disc_region"])["disc_region"]
    return image, region, geometry


def render_planes(
    anatomies: Sequence[Anatomy], size: int = 96, *, seed: int = 0, planes: int = 6, spacing: float = 3.3
) -> tuple[Array, NDArray[np.bool_]]:
    """:func:`render_midline` of many necks, neck k from seed (``seed``, k).

    Returns
    -------
    images : float32 (necks, planes, size, size), CSF about 1
    disc_region : bool, same shape
    """
    images = np.empty((len(anatomies), planes, size, size), dtype=np.float32)
    regions = np.empty(images.shape, dtype=bool)
    for k, anatomy in enumerate(anatomies):
        images[k], regions[k], _ = render_midline(anatomy, size, (seed, k), planes=planes, spacing=spacing)
    return images, regions
