"""Pictures of each grade, drawn from one phantom neck: what the score panel shows on demand.

``python -m cohort.phantom.examples DIR`` (or ``make examples``) writes one WebP per finding and grade, named
``<finding>-<grade>.webp``. The same neck in every picture, so that the finding is what differs; an arrow, or
McRae's line, says where to look. No patient's image is ever among them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from cohort.phantom.acquire import Acquisition, render
from cohort.phantom.anatomy import FACET_LATERAL, FACETS, NOT_VISIBLE, Lesions, make_patient
from cohort.phantom.junction import facet_joints
from cohort.phantom.layout import Layout, lay_out
from cohort.phantom.profiles import Point

#: The neck of all pictures, and their size: pixels, and mm in the patient.
NECK = 4
SIZE = 240
FIELD = 58.0
NOISE = 0.03
_INK = (255, 212, 121)
_SCALE = 4  # drawn this much larger, then reduced: smooth lines
_FACET = sum(FACET_LATERAL) / 2


@dataclass(frozen=True)
class Example:
    """One picture: the neck's lesions, where it is cut (mm left of the midline), and what is pointed at."""

    finding: str
    grade: int | str
    lesions: Lesions
    lateral: float = 0.0
    noise: float = NOISE
    #: Place and direction (y, z) from which the arrow comes; None: no arrow.
    arrow: tuple[Point, Point] | None = None
    mcrae: bool = False
    #: Centre of the picture; None: the dens tip.
    centre: Point | None = None

    @property
    def name(self) -> str:
        return f"{self.finding}-{self.grade}"


def _layout(lesions: Lesions) -> Layout:
    return lay_out(make_patient(NECK, degeneration=0.3, lesions=lesions))


def all_examples() -> list[Example]:
    """One for each grade of each finding, and for the three grades of image quality."""
    usual = Lesions(tip_below_mcrae=5.0)
    clean = _layout(usual)
    high = clean.anatomy.dens_height
    half = clean.anatomy.dens_ap / 2
    behind, below_right = clean.dens(half + 2.0, high * 0.75), (1.0, -0.9)
    back_of_dens = clean.dens(half - 0.5, high * 0.6)
    found = [
        Example("pannus", grade, Lesions(tip_below_mcrae=5.0, pannus=size), arrow=(at, below_right))
        for grade, size, at in (
            (0, 0.0, behind),
            (1, 2.4, clean.dens(half * 0.6, high + 1.0)),
            (2, 7.0, clean.dens(half + 5.0, high * 0.6)),
        )
    ]
    found += [
        Example("vertical_translocation", grade, Lesions(tip_below_mcrae=below), mcrae=True)
        for grade, below in ((0, 5.0), (1, -5.0))
    ]
    found += [
        Example("dens_erosion", grade, Lesions(tip_below_mcrae=5.0, erosion=size), arrow=(at, (1.0, -0.9)))
        for grade, size, at in ((0, 0.0, back_of_dens), (1, 1.1, back_of_dens), (2, 2.8, back_of_dens))
    ]
    for index, (key, (side, y, z)) in enumerate(zip(FACETS, facet_joints(clean), strict=True)):
        blossomed = Lesions(
            tip_below_mcrae=5.0,
            blossoming=tuple(float(k == index) for k in range(4)),  # type: ignore[arg-type]
        )
        arrow = ((y - 12.5, z), (-1.0, 0.0))
        found += [
            Example(key, 0, usual, side * _FACET, arrow=arrow, centre=(y, z)),
            Example(key, 1, blossomed, side * _FACET, arrow=arrow, centre=(y, z)),
            # Slices that end here show bone and muscle, and nothing of the joint.
            Example(key, NOT_VISIBLE, usual, side * (FACET_LATERAL[0] - 3.5), centre=(y, z)),
        ]
    found += [
        Example("quality", grade, usual, noise=noise)
        for grade, noise in (("adequate", NOISE), ("limited", 0.16), ("unreadable", 0.4))
    ]
    return found


def draw(example: Example) -> NDArray[np.uint8]:
    """The picture, uint8 (SIZE, SIZE, 3): anterior to the left, head up, always the same window."""
    anatomy = make_patient(NECK, degeneration=0.3, lesions=example.lesions)
    layout = lay_out(anatomy)
    tip = _layout(Lesions(tip_below_mcrae=5.0)).dens_tip
    centre = example.centre or (tip[0] + 4.0, tip[1] - 1.0)
    acquisition = Acquisition(
        matrix=SIZE, fov=FIELD, slices=1, shift=(-example.lateral, 0.0, 0.0), centre=centre, bias=0.0,
        coil=0.0, noise=example.noise,
    )  # fmt: skip
    volume, _, _ = render(anatomy, acquisition, np.random.default_rng(NECK), with_masks=False)
    grey = np.clip(volume[0] / acquisition.gain, 0, 1) ** 0.9 * 255
    picture = Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    picture = picture.resize((SIZE * _SCALE, SIZE * _SCALE), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)

    def place(point: Point) -> tuple[float, float]:
        scale = SIZE * _SCALE / FIELD
        middle = SIZE * _SCALE / 2
        return middle + (point[0] - centre[0]) * scale, middle - (point[1] - centre[1]) * scale

    if example.mcrae:
        pen.line([place(layout.basion), place(layout.opisthion)], fill=_INK, width=2 * _SCALE)
        x, y = place(layout.dens_tip)
        r = 3 * _SCALE
        pen.ellipse([x - r, y - r, x + r, y + r], outline=_INK, width=2 * _SCALE)
    if example.arrow:
        _arrow(pen, place(example.arrow[0]), example.arrow[1])
    return np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS))


def _arrow(pen: ImageDraw.ImageDraw, tip: tuple[float, float], towards: Point) -> None:
    """An arrow that comes from direction ``towards`` (y, z) and ends just before ``tip``."""
    away = np.array([towards[0], -towards[1]]) / np.hypot(*towards)
    across = np.array([-away[1], away[0]])
    point = np.array(tip) + away * 5 * _SCALE
    neck, end = point + away * 9 * _SCALE, point + away * 26 * _SCALE
    pen.line([tuple(neck), tuple(end)], fill=_INK, width=3 * _SCALE)
    head = [point, neck + across * 5 * _SCALE, neck - across * 5 * _SCALE]
    pen.polygon([tuple(corner) for corner in head], fill=_INK)


def write_examples(directory: Path) -> Iterator[Path]:
    directory.mkdir(parents=True, exist_ok=True)
    for example in all_examples():
        path = directory / f"{example.name}.webp"
        Image.fromarray(draw(example)).save(path, "WEBP", quality=72, method=6)
        yield path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    for written in write_examples(parser.parse_args().directory):
        print(written)
