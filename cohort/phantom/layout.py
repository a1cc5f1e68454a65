"""Where everything lies: vertebrae along the spine's curve, the junction above, the canal behind.

Turns an ``Anatomy`` into positions in its own frame: mm, origin at the centre of C4, midline at x = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from cohort.phantom.anatomy import Anatomy
from cohort.phantom.profiles import Point
from cohort.phantom.shapes import Column

Curve = NDArray[np.float64]
#: Heights at which curves are tabulated.
HEIGHTS: Curve = np.arange(-175.0, 176.0, 0.5)

LEVELS = ("C3", "C4", "C5", "C6", "C7", "T1", "T2", "T3", "T4")


@dataclass(frozen=True, slots=True)
class Piece:
    """A vertebral body or disc: centre, angle of its axis from vertical, size along y and along the axis."""

    name: str
    centre: Point
    lean: float
    depth: float
    height: float

    def at(self, back: float, up: float) -> Point:
        """The point ``back`` mm behind and ``up`` mm above the centre, in the piece's own axes."""
        c, s = float(np.cos(self.lean)), float(np.sin(self.lean))
        return self.centre[0] + back * c - up * s, self.centre[1] + back * s + up * c


@dataclass(frozen=True, slots=True)
class Layout:
    anatomy: Anatomy
    axis: Piece  # C2's body below the dens
    bodies: tuple[Piece, ...]  # C3 … T4
    discs: tuple[Piece, ...]  # C2–3 … T3–4; the first six are the subaxial ones
    dens_base: Point
    dens_tip: Point
    basion: Point
    opisthion: Point
    canal: Column  # dural sac
    cord: Column
    front_of_spine: Curve  # y of the anterior face over HEIGHTS
    behind_arches: Curve  # y just behind the laminae over HEIGHTS

    def dens(self, back: float, up: float) -> Point:
        """A point in the dens' axes, from the centre of its base."""
        c, s = float(np.cos(self.axis.lean)), float(np.sin(self.axis.lean))
        return self.dens_base[0] + back * c - up * s, self.dens_base[1] + back * s + up * c

    def skull(self, back: float, up: float) -> Point:
        """A point in McRae's axes: behind the basion along the line, above it."""
        c, s = float(np.cos(self.anatomy.mcrae_angle)), float(np.sin(self.anatomy.mcrae_angle))
        return self.basion[0] + back * c - up * s, self.basion[1] + back * s + up * c

    @property
    def tip_below_mcrae(self) -> float:
        """Signed distance of the dens tip from McRae's line, positive below; from the points themselves."""
        (by, bz), (oy, oz), (ty, tz) = self.basion, self.opisthion, self.dens_tip
        return float(((by - oy) * (tz - bz) - (bz - oz) * (ty - by)) / np.hypot(oy - by, oz - bz))


def lay_out(anatomy: Anatomy) -> Layout:
    """Positions of all structures of one neck."""
    axis, bodies, discs = _spine(anatomy)
    lean = axis.lean
    up = np.array([-np.sin(lean), np.cos(lean)])
    back = np.array([np.cos(lean), np.sin(lean)])
    base = np.array(axis.at(-1.0, axis.height / 2))
    tip = base + up * anatomy.dens_height

    # The skull sits where the dens tip should be relative to McRae's line; the tip lies a third along it,
    # nearer the basion, and further back when it has risen into the foramen.
    below = anatomy.lesions.tip_below_mcrae
    along = np.array([np.cos(anatomy.mcrae_angle), np.sin(anatomy.mcrae_angle)])
    normal = np.array([-along[1], along[0]])
    basion = tip + normal * below - along * (anatomy.dens_ap / 2 + (1.0 if below > 0 else 2.5))
    opisthion = basion + along * anatomy.mcrae
    canal, cord = _canal(anatomy, axis, bodies, discs, base, tip, back, basion, opisthion)

    order = sorted([(p.at(-p.depth / 2, 0)[::-1]) for p in (axis, *bodies)])
    top = tuple(tip - back * (anatomy.dens_ap / 2 + anatomy.atlantodental + 5.5))[::-1]
    zs, ys = zip(*order, top, strict=True)
    front = np.interp(HEIGHTS, zs, ys)
    arches = np.interp(HEIGHTS, canal.z, canal.posterior) + 7.0
    return Layout(
        anatomy, axis, bodies, discs, _point(base), _point(tip), _point(basion), _point(opisthion),
        canal, cord, front, arches,
    )  # fmt: skip


def _point(v: NDArray[np.float64]) -> Point:
    return float(v[0]), float(v[1])


def _spine(a: Anatomy) -> tuple[Piece, tuple[Piece, ...], tuple[Piece, ...]]:
    """C2's body, C3–T4 and the discs, stacked downwards along a lean that changes at every level."""
    leans = np.concatenate([np.linspace(a.lean_c2, a.lean_c7, 6), a.lean_c7 + np.deg2rad([4, 7, 8, 8])])
    axis_height = a.body_height * 1.45
    position = np.array([0.0, 0.0])  # middle of C2's lower end plate

    def step(lean: float, length: float) -> NDArray[np.float64]:
        return np.array([np.sin(lean), -np.cos(lean)]) * length

    axis = Piece(
        "C2", _point(position - step(leans[0], axis_height / 2)), float(leans[0]), a.body_depth, axis_height
    )
    bodies, discs = [], []
    for i, name in enumerate(LEVELS):
        thoracic = max(0, i - 4)
        degeneration = a.disc_degeneration(i) if i < 6 else 0.0
        # A narrowed disc is the most visible part of degeneration: at d = 1 it has lost 55 %.
        disc_height = a.disc_height * (1 - 0.55 * degeneration)
        lean = float((leans[i] + leans[i + 1]) / 2)
        depth = a.body_depth * (1 + 0.05 * thoracic)
        middle = _point(position + step(lean, disc_height / 2))
        above = "C2" if i == 0 else LEVELS[i - 1]
        discs.append(Piece(f"{above}-{name}", middle, lean, depth, disc_height))
        position = position + step(lean, disc_height)
        height = a.body_height * (1 + 0.12 * thoracic)
        lean = float(leans[i + 1])
        bodies.append(Piece(name, _point(position + step(lean, height / 2)), lean, depth, height))
        position = position + step(lean, height)
    oy, oz = bodies[1].centre

    def moved(p: Piece) -> Piece:
        return Piece(p.name, (p.centre[0] - oy, p.centre[1] - oz), p.lean, p.depth, p.height)

    return moved(axis), tuple(map(moved, bodies)), tuple(map(moved, discs))


def _canal(
    a: Anatomy, axis: Piece, bodies: tuple[Piece, ...], discs: tuple[Piece, ...],
    base: NDArray[np.float64], tip: NDArray[np.float64], back: NDArray[np.float64],
    basion: NDArray[np.float64], opisthion: NDArray[np.float64],
) -> tuple[Column, Column]:  # fmt: skip
    """The dural sac and the cord: front and back walls at every level, joined by monotone cubics."""
    c2, c4, c7 = a.cord_ap
    rows: list[tuple[float, float, float, float]] = []  # z, front wall, back wall, cord AP

    def level(front: Point, width: float, cord: float, pressed: float = 0.0) -> None:
        rows.append((front[1], front[0] + pressed, front[0] + width, cord))

    mass = max(a.retro_odontoid, a.lesions.pannus if a.lesions.pannus >= 4 else a.retro_odontoid)
    dens_back = a.dens_ap / 2 + mass
    # From the medulla in the foramen magnum down to the thoracic cord.
    along, up = (
        (opisthion - basion) / a.mcrae,
        np.array([-(opisthion - basion)[1], (opisthion - basion)[0]]) / a.mcrae,
    )
    foramen = basion + along * 2.5
    top = foramen + up * 14
    rows.append((top[1], top[0] - 3, top[0] + a.mcrae - 6, 12.0))
    tip_back = tip + back * (dens_back - 1.0)
    arch = base + (tip - base) * 0.55 + back * dens_back
    if foramen[1] > tip_back[1] + 3:
        rows.append((foramen[1], max(foramen[0], tip_back[0] - 4), opisthion[0] - 1.5, 11.0))
        rows.append((tip_back[1], tip_back[0], arch[0] + 17.5, 10.0))
    else:  # the dens reaches into the foramen
        rows.append((tip_back[1] + 3, max(foramen[0], tip_back[0] - 1), opisthion[0] - 1.5, 11.0))
    level(_point(arch), 16.5, 9.3)
    level(_point(base + back * (a.dens_ap / 2 + 2.6)), 14.5, c2)
    level(axis.at(axis.depth / 2 + 1.2, -axis.height / 4), 13.0, c2)
    widths = {"C3": 12.2, "C4": 11.6, "C5": a.canal_c5, "C6": a.canal_c5 + 0.2, "C7": 12.0}
    cords = {"C3": (c2 + c4) / 2, "C4": c4, "C5": c4 - 0.2, "C6": (c4 + c7) / 2, "C7": c7}
    for i, (disc, body) in enumerate(zip(discs, bodies, strict=True)):
        width, cord = widths.get(body.name, 13.0), cords.get(body.name, c7 - 0.6)
        bulge = 3.0 * a.disc_degeneration(i) if i < 6 else 0.0
        at_disc = (
            a.canal_c56 if disc.name == "C5-C6" else 0.5 * (width + widths.get(disc.name[:2], 13.0)) - 0.5
        )
        # Below 5 mm the drawing would stop being a canal, so the bulge is held back there.
        level(disc.at(disc.depth / 2 + 0.8, 0), at_disc, cord, min(bulge, at_disc - 5.0))
        level(body.at(body.depth / 2 + 1.0, 0), width, cord)
    table = np.array(sorted(rows))
    z = HEIGHTS[(table[0, 0] < HEIGHTS) & (table[-1, 0] > HEIGHTS)]
    front, rear, ap = scipy.interpolate.PchipInterpolator(table[:, 0], table[:, 1:])(z).T
    ap = np.minimum(ap, rear - front - 0.9)
    # The cord lies a little before the middle in the upper canal and is pushed back by what bulges in front.
    middle = front + (rear - front) * 0.48
    neck = z < foramen[1] + 2  # above, the medulla is part of the brain stem
    inner = Column(z[neck], (middle - ap / 2)[neck], (middle + ap / 2)[neck], a.cord_width[1] / 2)
    return Column(z, front, rear, 12.0), inner
