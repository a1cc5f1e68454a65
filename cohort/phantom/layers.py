"""One painted structure."""

from __future__ import annotations

from dataclasses import dataclass

from cohort.phantom.shapes import Shape


@dataclass(frozen=True, slots=True)
class Layer:
    """A shape with a T2 signal.

    ``rim`` (signal, mm) is painted along the inside of the border (cortical bone, membranes);
    ``texture`` (name, amount) modulates the signal; ``soft`` is the width in mm of the border over and
    above one pixel; ``opacity`` below 1 lets what lies beneath show, 0 paints nothing and only masks.
    ``mask`` names the structure in the exact masks; layers of one name are united, and ``hides`` says
    which masks this one removes where it lies.
    """

    shape: Shape
    signal: float
    rim: tuple[float, float] | None = None
    texture: tuple[str, float] | None = None
    soft: float = 0.45
    opacity: float = 1.0
    mask: str = ""
    hides: tuple[str, ...] = ()
