"""The study's inclusion rules as data and pure functions: codes, intervals, what series must show.

No Django. What a series shows is decided in :mod:`cohort.recognition`, from the tables here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import inf
from typing import Any

#: Days between baseline and follow-up. The paper's text says three years; its filter was this.
MIN_INTERVAL_DAYS = 1000
#: Fewer slices are a localizer or a fragment; the network reads the six middle ones.
MIN_SLICES = 6
#: |cos| of the angle between slice normal and an axis below which a stack is called oblique: 37°.
OBLIQUE_COSINE = 0.8
PLANE, WEIGHTING, REGION = "sagittal", "t2", "cervical"

# ---- diagnoses


@dataclass(frozen=True)
class CodeList:
    """Codes of one system, dots as usual. A listed subcategory counts with every deeper character."""

    #: Count as they stand, and open nothing below: M06 does not make M06.1 (adult-onset Still) count.
    alone: tuple[str, ...]
    #: Count with whatever follows: M05.7 as M05.79, M06.0 as M06.0A of ICD-10-CM.
    with_deeper: tuple[str, ...]
    #: What the further characters may be.
    deeper: str

    def holds(self, code: str) -> bool:
        if code in map(normal_code, self.alone):
            return True
        return any(
            code.startswith(stem) and not code[len(stem) :].strip(self.deeper)
            for stem in map(normal_code, self.with_deeper)
        )


#: The paper's list of rheumatoid arthritis.
RA_CODES: Mapping[str, CodeList] = {
    "ICD9": CodeList((), ("714.0", "714.2"), "0123456789"),
    "ICD10": CodeList(
        ("M05", "M06"), (*(f"M05.{k}" for k in range(10)), "M06.0", "M06.8", "M06.9"), "0123456789A"
    ),
}


def code_system(text: str) -> str | None:
    """``ICD9`` or ``ICD10`` for the usual spellings (ICD-10, icd10cm); None for any other."""
    plain = re.sub(r"[^A-Z0-9]", "", text.upper()).removesuffix("CM")
    return plain if plain in RA_CODES else None


def normal_code(code: str) -> str:
    """Upper case, without dot and spaces: ``m05.79`` → ``M0579``."""
    return re.sub(r"[.\s]", "", code.upper())


def is_rheumatoid(system: str, code: str) -> bool:
    """Whether a code says rheumatoid arthritis: the paper's list of ICD-9 714 and ICD-10 M05, M06."""
    listed = RA_CODES.get(code_system(system) or "")
    return bool(listed and listed.holds(normal_code(code)))


# ---- scans


def long_enough(first: date, last: date, min_days: int = MIN_INTERVAL_DAYS) -> bool:
    """Whether two scans lie at least ``min_days`` apart."""
    return (last - first).days >= min_days


def is_mr(modality: str) -> bool:
    return modality.strip().upper() in {"MR", "MRI"}


#: What the lead reads → how it is found in upper-case text, underscores as spaces.
CERVICAL: Mapping[str, str] = {
    "cervical, cervico-, RACHIS CERV": r"\bCERV",
    "C-spine, C spine, CSP, CTL-spine": r"(?<![A-Z])C[\s/-]*SP(INE)?\b|(?<![A-Z])C-?T(-?L)?[\s-]*SPINE",
    "HWS, Halswirbelsäule": r"\bHWS\b|HALSWIRBEL",
    "neck": r"\bNECK\b",
    "craniocervical, craniovertebral, CCJ, CVJ": r"\bCRANIO-?\s?(C|V)|\bC[CV]J\b",
    "atlanto-axial, odontoid, dens, C1–C2": r"\bATLANTO|\bODONTOID|\bDENS\b|\bC1\s?[-/]\s?C?2\b",
}
ELSEWHERE: Mapping[str, str] = {
    "head, brain, skull, IAC, orbit, sella": r"\b(HEAD|BRAIN|SKULL|IAC|ORBITS?|SELLA|PITUITARY)\b",
    "thoracic, T-spine, dorsal": r"\b(THORA\w*|T[\s-]*SPINE|BWS|DORSAL|TSPINE)\b",
    "lumbar, L-spine, sacrum": r"\b(LUMB\w*|L[\s-]*SPINE|LWS|SACR\w*|LSPINE|LSSPINE|SIJ)\b",
    "trunk": r"\b(CHEST|ABDOMEN|PELVIS|HEART|BREAST|PROSTATE|LIVER)\b",
    "limbs": r"\b(KNEE|HIP|SHOULDER|WRIST|HAND|FOOT|ANKLE|ELBOW)\b",
}
_CERVICAL = re.compile("|".join(CERVICAL.values()))
_ELSEWHERE = re.compile("|".join(ELSEWHERE.values()))


def _plain(text: str) -> str:
    return text.upper().replace("_", " ")


def is_cervical(text: str) -> bool:
    """Whether a body part or description names the cervical spine or the craniocervical junction."""
    return bool(_CERVICAL.search(_plain(text)))


def is_elsewhere(text: str) -> bool:
    """Whether it names another region."""
    return bool(_ELSEWHERE.search(_plain(text)))


# ---- weighting


@dataclass(frozen=True)
class Timing:
    """A weighting told by times in ms: lower bounds included, upper ones not."""

    weighting: str
    #: SE: spin echo, also fast and turbo. GR: gradient echo, also when prepared by inversion.
    #: IR: spin echo after inversion.
    family: str
    echo: tuple[float, float] = (0, inf)
    repetition: tuple[float, float] = (0, inf)
    inversion: tuple[float, float] | None = None

    def fits(self, family: str, te: float, tr: float, ti: float | None) -> bool:
        within = self.echo[0] <= te < self.echo[1] and self.repetition[0] <= tr < self.repetition[1]
        inverted = self.inversion is None or (ti is not None and self.inversion[0] <= ti < self.inversion[1])
        return family == self.family and within and inverted

    def __str__(self) -> str:
        parts = [{"SE": "spin echo", "GR": "gradient echo", "IR": "inversion recovery"}[self.family]]
        times = {"TE": self.echo, "TR": self.repetition, "TI": self.inversion or (0, inf)}
        for name, (low, high) in times.items():
            if low > 0 and high < inf:
                parts.append(f"{name} {low:g} to {high:g} ms")
            elif low > 0:
                parts.append(f"{name} from {low:g} ms")
            elif high < inf:
                parts.append(f"{name} below {high:g} ms")
        return ", ".join(parts)


#: Common textbook limits; TI of 80–300 ms nulls fat, from 1300 ms fluid (at low field earlier than at 3 T).
TIMINGS: tuple[Timing, ...] = (
    Timing("stir", "IR", inversion=(80, 300)),
    Timing("t1", "IR", echo=(0, 35), inversion=(300, 1300)),
    Timing("flair", "IR", echo=(70, inf), inversion=(1300, inf)),
    Timing("t1", "GR", echo=(0, 10)),
    Timing("t2*", "GR", echo=(10, inf)),
    Timing("t2", "SE", echo=(70, inf), repetition=(1500, inf)),
    Timing("t1", "SE", echo=(0, 35), repetition=(0, 1200)),
    Timing("pd", "SE", echo=(0, 50), repetition=(1500, inf)),
)

#: Weighting → its names, tried in this order: what holds "T2" may go on to say that it is something else.
NAMES: tuple[tuple[str, str], ...] = (
    ("t1", r"(?<![A-Z0-9])T1W?[\s-]*(FLAIR|TIRM)"),
    ("stir", r"\bSTIR|\bTIRM\b|\bTIR\b|SHORT TAU"),
    ("flair", r"FLAIR|DARK[\s-]*FLUID"),
    ("dwi", r"\bDWI|\bDTI|DIFF|\bADC\b|\bTRACEW?\b"),
    ("t2*", r"T2W?[\s-]*(\*|STAR|GRE\b|FFE|ME2D)|\bMEDIC\b|\bMERGE\b|\bMFFE\b|GRE[\s-]*T2|HEMO|\bSWI\b"),
    ("bssfp", r"\bCISS\b|FIESTA|\bTRUFI|TRUE ?FISP|\bB-?FFE\b|BALANCED"),
    ("t2", r"(?<![A-Z0-9])T2(?![0-9])"),
    ("pd", r"(?<![A-Z0-9])(PD|DP|PROTON)"),
    ("t1", r"(?<![A-Z0-9])T1(?![0-9])|MPRAGE|\bSPGR\b|BRAVO|\bTFE\b|\bFLASH\b|\bVIBE\b"),
)  # fmt: skip
#: Names that stand against the timing: these are made with the TE and TR of something else.
STRONG_NAMES = frozenset({"stir", "flair", "dwi", "t2*", "bssfp"})
#: T2 with the fat's signal taken away is another contrast ("t2 fs").
FAT_SUPPRESSED = (
    r"(?<!NO )(?<!NON )(?<!NON-)(?<!W/O )(?<!WITHOUT )"
    r"\b(FS|FATSAT|FAT[\s-]?SAT\w*|SPAIR|SPIR|CHESS|WATER)\b"
)

# ---- what is no acquisition of its own

LOCALIZER = r"\b(LOC|LOCALI[SZ]ERS?|SCOUT|SURVEY|PILOT|3[\s-]?PL(ANE)?|TOPO(GRAM)?)\b"
REFORMAT = r"\b(MPR|REFORMAT\w*|REFORMATION|MIP|CURVED)\b"
#: Values of ImageType, of DERIVED images only: scanners write MPR on originals too.
REFORMAT_TYPES = frozenset({"MPR", "REFORMATTED", "RESAMPLED", "PROJECTION IMAGE", "MIP", "CSA MPR"})
COMPUTED_TYPES = frozenset({"ADC", "FA", "TRACEW", "SUB", "SUBTRACT", "STDDEV", "MEAN", "T2 MAP", "FAT", "F"})


def in_force(min_interval_days: int) -> dict[str, Any]:
    """Everything above that decides, in the order of the flow, as JSON for the lead."""
    return {
        "codes": [
            {"system": system, "alone": list(one.alone), "with_deeper": list(one.with_deeper)}
            for system, one in RA_CODES.items()
        ],
        "min_interval_days": min_interval_days,
        "paper_interval_days": MIN_INTERVAL_DAYS,
        "plane": PLANE,
        "oblique_cosine": OBLIQUE_COSINE,
        "weighting": WEIGHTING,
        "timings": [{"weighting": one.weighting, "rule": str(one)} for one in TIMINGS],
        "strong_names": sorted(STRONG_NAMES),
        "region": REGION,
        "cervical": list(CERVICAL),
        "elsewhere": list(ELSEWHERE),
        "min_slices": MIN_SLICES,
    }
