"""Parameters of one synthetic neck, drawn from a seeded generator: sizes in mm, T2 signal with CSF = 1.

Sizes are published means and spreads of adult cervical anatomy. Lesions are independent of each other
and of everything else; ``degeneration`` is the planted prognostic sign.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

Rng = np.random.Generator

FACETS = ("facet_c0c1_left", "facet_c0c1_right", "facet_c1c2_left", "facet_c1c2_right")
FINDINGS = ("pannus", "vertical_translocation", "dens_erosion", *FACETS)
NOT_VISIBLE = "not_visible"
Category = Literal["clean", "intermediate", "case"]

#: Millimetres (or, for facets, a share) from which a lesion has the grade. Draws leave a gap below each.
VISIBLE_PANNUS = 4.0
SEVERE_EROSION = 1.6
BLOSSOMED = 0.5
#: Facet joints lie between these lateral offsets; nothing of them is drawn nearer to the midline.
FACET_LATERAL = (9.0, 25.0)


@dataclass(frozen=True, slots=True)
class Lesions:
    """What a reader should find: each a continuous measure with a grade."""

    pannus: float = 0.0  # mm of tissue behind and above the dens beyond the normal
    pannus_signal: float = 0.55
    erosion: float = 0.0  # mm, radius of the largest defect
    tip_below_mcrae: float = 5.0  # mm, dens tip below McRae's line; negative: above it
    blossoming: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)  # 0–1, in the order of FACETS

    @property
    def grades(self) -> dict[str, int]:
        """Rubric key → true grade."""
        return {
            "pannus": 0 if self.pannus <= 0 else 2 if self.pannus >= VISIBLE_PANNUS else 1,
            "vertical_translocation": int(self.tip_below_mcrae < 0),
            "dens_erosion": 0 if self.erosion <= 0 else 2 if self.erosion >= SEVERE_EROSION else 1,
            **{key: int(share >= BLOSSOMED) for key, share in zip(FACETS, self.blossoming, strict=True)},
        }


@dataclass(frozen=True, slots=True)
class Anatomy:
    """One neck. Angles in radians, lengths in mm, signals relative to CSF."""

    lesions: Lesions
    degeneration: float  # d in [0, 1]
    disc_share: tuple[float, ...]  # how much of d each disc C2–3 … C7–T1 shows

    mcrae: float  # basion to opisthion
    mcrae_angle: float
    dens_ap: float
    dens_transverse: float
    dens_height: float
    atlantodental: float  # anterior atlantodental interval
    retro_odontoid: float  # normal tissue behind the dens
    body_height: float
    body_depth: float
    disc_height: float
    canal_c5: float
    canal_c56: float
    cord_ap: tuple[float, float, float]  # C2, C4, C7
    cord_width: tuple[float, float, float]
    lean_c2: float  # of the spine's axis from vertical; positive runs down and backwards
    lean_c7: float
    neck_back: float  # mid C4 to the skin behind
    neck_front: float
    fat: float  # subcutaneous, behind
    face: float  # scale of what lies before the pharynx

    csf: float = 1.0
    cord: float = 0.42
    brain: float = 0.45
    marrow: float = 0.38
    disc_healthy: float = 0.55
    disc_degenerate: float = 0.12
    ligament: float = 0.08
    cortex: float = 0.06
    muscle: float = 0.22
    fat_signal: float = 0.62
    effusion: float = 0.95
    texture_seed: int = 0

    def disc_degeneration(self, level: int) -> float:
        """Degeneration of one disc (0 is C2–3), in [0, 1]."""
        return min(1.0, self.degeneration * self.disc_share[level])

    def with_lesions(self, lesions: Lesions) -> Anatomy:
        """The same neck at another time."""
        return replace(self, lesions=lesions)


def make_patient(
    seed: int | Rng, *, degeneration: float | None = None, lesions: Lesions | None = None
) -> Anatomy:
    """Draw one neck.

    Parameters
    ----------
    seed : int or numpy Generator
        The same seed gives the same neck.
    degeneration : float, optional
        Subaxial degeneration in [0, 1]; drawn uniformly when absent.
    lesions : Lesions, optional
        A clean junction with a drawn height of the dens when absent.
    """
    rng = np.random.default_rng(seed)

    def normal(mean: float, sd: float) -> float:
        return mean + sd * float(np.clip(rng.standard_normal(), -2, 2))

    size = normal(1.0, 0.04)
    uniform_d, tip = float(rng.uniform()), float(np.clip(normal(5.0, 2.3), 0.6, 10.4))
    if degeneration is not None and not 0 <= degeneration <= 1:
        raise ValueError(f"degeneration must lie in [0, 1], not {degeneration}")
    emphasis = (0.6, 0.85, 1.0, 1.0, 1.0, 0.6)
    return Anatomy(
        lesions=lesions or Lesions(tip_below_mcrae=tip),
        degeneration=uniform_d if degeneration is None else float(degeneration),
        disc_share=tuple(share * float(rng.uniform(0.85, 1.0)) for share in emphasis),
        mcrae=normal(34.4, 2.4),
        mcrae_angle=np.deg2rad(normal(-4, 4)),
        dens_ap=normal(11.5, 0.7),
        dens_transverse=normal(9.9, 0.6),
        dens_height=float(rng.uniform(12.7, 17.6)),
        atlantodental=float(np.clip(normal(2.4, 0.35), 1.4, 2.95)),
        retro_odontoid=normal(2.3, 0.3),
        body_height=size * normal(12.5, 0.6),
        body_depth=size * normal(15.5, 0.8),
        disc_height=size * normal(5.0, 0.3),
        canal_c5=normal(11.2, 1.4),
        canal_c56=max(7.0, normal(9.5, 1.8)),
        cord_ap=(normal(8.8, 0.4), normal(8.7, 0.4), normal(7.4, 0.35)),
        cord_width=(normal(12.4, 0.5), normal(14.0, 0.6), normal(11.4, 0.5)),
        lean_c2=np.deg2rad(normal(-6, 4)),
        lean_c7=np.deg2rad(normal(14, 5)),
        neck_back=size * normal(62, 6),
        neck_front=size * normal(56, 4),
        fat=float(np.clip(normal(7, 3), 2.5, 14)),
        face=normal(1.0, 0.05),
        cord=normal(0.42, 0.02),
        brain=normal(0.45, 0.02),
        marrow=normal(0.38, 0.04),
        disc_healthy=normal(0.55, 0.03),
        muscle=normal(0.22, 0.02),
        fat_signal=normal(0.62, 0.04),
        texture_seed=int(rng.integers(2**31)),
    )


def draw_lesions(rng: Rng, category: Category, *, tip_below_mcrae: float | None = None) -> Lesions:
    """Draw the junction of a scan of the given category, each lesion independently of the others.

    *case* has at least one of visible pannus, translocation, severe erosion or a blossomed facet;
    *intermediate* has only doubtful pannus or erosion; *clean* has neither.
    """
    tip = float(rng.uniform(0.6, 10.4)) if tip_below_mcrae is None else tip_below_mcrae
    signal = float(rng.uniform(0.45, 0.75))
    if category == "clean":
        return Lesions(tip_below_mcrae=tip, pannus_signal=signal)
    slight_pannus, slight_erosion = float(rng.uniform(1.6, 2.6)), float(rng.uniform(0.7, 1.1))
    if category == "intermediate":
        which = int(rng.choice([1, 2, 3], p=[0.5, 0.3, 0.2]))
        return Lesions(
            pannus=slight_pannus if which & 1 else 0.0,
            pannus_signal=signal,
            erosion=slight_erosion if which & 2 else 0.0,
            tip_below_mcrae=tip,
        )
    while True:
        pannus, erosion, translocation = rng.uniform(size=3) < (0.6, 0.35, 0.25)
        facets = rng.uniform(size=4) < 0.22
        if pannus or erosion or translocation or facets.any():
            break
    doubtful = rng.uniform(size=2) < 0.3
    return Lesions(
        pannus=float(rng.uniform(4.5, 9.5)) if pannus else slight_pannus * bool(doubtful[0]),
        pannus_signal=signal,
        erosion=float(rng.uniform(1.9, 3.0)) if erosion else slight_erosion * bool(doubtful[1]),
        tip_below_mcrae=-float(rng.uniform(2.0, 9.0)) if translocation else tip,
        blossoming=tuple(float(rng.uniform(0.65, 1.0)) if f else 0.0 for f in facets),  # type: ignore[arg-type]
    )
