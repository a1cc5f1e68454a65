"""What readers measure, and how a value follows from its points (no Django).

The viewer computes the same (frontend/src/viewer/measure.ts); the server does it again, so that a stated
distance is one that the stated points have. Points are patient coordinates, LPS, in mm.

Sources: McRae and Barnum, Am J Roentgenol 1953;70:23 (the line basion–opisthion); reference values as the
phantom uses them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Point = Sequence[float]
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Kind:
    """One kind of measurement: the names of its points in order, and the unit of its value (UCUM)."""

    key: str
    label: str
    points: tuple[str, ...]
    unit: str


KINDS = {
    kind.key: kind
    for kind in (
        Kind("mcrae", "Dens tip above McRae's line", ("basion", "opisthion", "dens tip"), "mm"),
        Kind("atlantodental", "Atlantodental interval", ("arch of the atlas", "front of the dens"), "mm"),
        Kind("retro_odontoid", "Retro-odontoid thickness", ("back of the dens", "back of the tissue"), "mm"),
        Kind("length", "Length", ("start", "end"), "mm"),
        Kind("angle", "Angle", ("first arm", "vertex", "second arm"), "deg"),
        Kind("ellipse", "Area", ("row start", "row end", "column start", "column end"), "mm2"),
        Kind("probe", "Pixel value", ("pixel",), "1"),
    )
}  # fmt: skip
#: Points, by their places in the order, without a distance between which there is no line, arm or area.
_APART = {"mcrae": ((0, 1),), "angle": ((0, 1), (1, 2)), "ellipse": ((0, 1), (2, 3))}
#: The finding that McRae's line proposes a grade for.
PROPOSES = "vertical_translocation"
#: Rounding in the browser's arithmetic and JSON, in the unit of the value; a thousandth of a mm.
TOLERANCE = 1e-3


def value_of(kind: str, points: Sequence[Point]) -> float | None:
    """The value that points give, in the kind's unit; None for a probe, whose value is the pixel's.

    McRae's is the distance of the dens tip from the line basion–opisthion, positive towards the head.
    """
    p = [np.asarray(point, dtype=float) for point in points]
    if kind == "probe":
        return None
    if kind == "mcrae":
        return _above_line(p[0], p[1], p[2])
    if kind == "angle":
        u, v = p[0] - p[1], p[2] - p[1]
        return math.degrees(math.atan2(float(np.linalg.norm(np.cross(u, v))), float(u @ v)))
    if kind == "ellipse":
        return math.pi / 4 * float(np.linalg.norm(p[1] - p[0]) * np.linalg.norm(p[3] - p[2]))
    return float(np.linalg.norm(p[1] - p[0]))


def _above_line(basion: Vector, opisthion: Vector, tip: Vector) -> float:
    along = opisthion - basion
    size = float(np.linalg.norm(along))
    along = along / size if size else along
    off = tip - basion - float((tip - basion) @ along) * along
    return float(np.sign(off[2]) * np.linalg.norm(off))


def proposed_grade(mcrae: float) -> int:
    """Vertical translocation as McRae's line shows it: 1 when the dens tip lies above it."""
    return int(mcrae > 0)


def wrong_with(measurement: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with one measurement, by field; empty when its parts say the same."""
    kind = KINDS.get(measurement.get("kind", ""))
    if kind is None:
        return {"kind": f"{measurement.get('kind')!r} is not one of {', '.join(KINDS)}"}
    points = measurement["points"]
    if len(points) != len(kind.points):
        return {"points": f"{len(points)} points; {kind.label} has {len(kind.points)}"}
    for first, second in _APART.get(kind.key, ()):
        if math.dist(points[first], points[second]) < TOLERANCE:
            names = f"{kind.points[first]} and {kind.points[second]}"
            return {"points": f"{kind.label}: {names} are the same point, so there is nothing to measure"}
    wrong: dict[str, str] = {}
    expected = value_of(kind.key, points)
    stated = measurement["value"]
    if expected is not None and abs(stated - expected) > TOLERANCE * max(1.0, abs(expected)):
        wrong["value"] = f"{stated:g}; the points give {expected:.4g} {kind.unit}"
    proposed = measurement.get("proposed_grade")
    # On the line itself the last bit decides: either grade is what the browser may have seen.
    certain = kind.key == "mcrae" and expected is not None and abs(expected) > TOLERANCE
    if proposed is not None and (kind.key != "mcrae" or (certain and proposed != proposed_grade(stated))):
        wrong["proposed_grade"] = f"{proposed}; not what this measurement proposes"
    if measurement.get("sd") is not None and measurement["sd"] < 0:
        wrong["sd"] = "a standard deviation is not negative"
    return wrong


def proposal(measurements: Sequence[Mapping[str, Any]], scan: str) -> Mapping[str, Any] | None:
    """The McRae measurement whose proposal counts on a scan: the last one made."""
    made = [one for one in measurements if one["kind"] == "mcrae" and one["scan"] == scan]
    return made[-1] if made else None
