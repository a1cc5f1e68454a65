"""The study's inclusion rules as pure functions: codes, intervals, and what a series shows. No Django."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

#: Days between baseline and follow-up. The paper's text says three years; its filter was this.
MIN_INTERVAL_DAYS = 1000
#: Fewer slices are a localizer or a fragment; the network reads the six middle ones.
MIN_SLICES = 6
#: |cos| of the angle between slice normal and an axis below which a stack is called oblique: 37°.
OBLIQUE_COSINE = 0.8

# Listed four-character codes count with any deeper character (M05.79, M06.0A of ICD-10-CM); M05 and
# M06 count alone, but M06 opens neither M06.1 (adult-onset Still) nor M06.4 (polyarthropathy).
_RA_CODES = {
    "ICD9": re.compile(r"714[02][0-9]*"),
    "ICD10": re.compile(r"M05|M05[0-9][0-9A]*|M06|M06[089][0-9A]*"),
}


def code_system(text: str) -> str | None:
    """``ICD9`` or ``ICD10`` for the usual spellings (ICD-10, icd10cm); None for any other."""
    plain = re.sub(r"[^A-Z0-9]", "", text.upper()).removesuffix("CM")
    return plain if plain in _RA_CODES else None


def normal_code(code: str) -> str:
    """Upper case, without dot and spaces: ``m05.79`` → ``M0579``."""
    return re.sub(r"[.\s]", "", code.upper())


def is_rheumatoid(system: str, code: str) -> bool:
    """Whether a code says rheumatoid arthritis: the paper's list of ICD-9 714 and ICD-10 M05, M06."""
    pattern = _RA_CODES.get(code_system(system) or "")
    return bool(pattern and pattern.fullmatch(normal_code(code)))


def long_enough(first: date, last: date, min_days: int = MIN_INTERVAL_DAYS) -> bool:
    """Whether two scans lie at least ``min_days`` apart."""
    return (last - first).days >= min_days


def is_mr(modality: str) -> bool:
    return modality.strip().upper() in {"MR", "MRI"}


_CERVICAL = re.compile(
    r"\bCERV|(?<![A-Z])C[\s_/-]*SP(INE)?\b|(?<![A-Z])C-?T[\s_-]*SPINE|\bHWS\b|\bNECK\b|\bCRANIO-?C"
)
_ELSEWHERE = re.compile(
    r"\b(HEAD|BRAIN|SKULL|LUMBAR|L[\s_-]*SPINE|LWS|THORA\w*|T[\s_-]*SPINE|BWS|DORSAL|SACR\w*|CHEST|ABDOMEN|PELVIS"
    r"|KNEE|HIP|SHOULDER|WRIST|HAND|FOOT|ANKLE|ELBOW|HEART|BREAST|PROSTATE|LIVER|TSPINE|LSPINE)\b"
)


def is_cervical(body_part: str) -> bool:
    """Whether a body part or description names the cervical spine or the craniocervical junction."""
    return bool(_CERVICAL.search(body_part.upper()))


@dataclass(frozen=True)
class Recognition:
    """What a series was taken for; each ``*_because`` is a sentence for the lead."""

    plane: str  # sagittal, coronal, axial, oblique, unknown
    weighting: str  # t1, t2, t2*, pd, stir, flair, dwi, unknown
    region: str  # cervical, elsewhere, unknown
    slices: int
    plane_because: str
    weighting_because: str
    region_because: str

    @property
    def sagittal_t2_cervical(self) -> bool:
        return (
            self.plane == "sagittal"
            and self.weighting == "t2"
            and self.region == "cervical"
            and self.slices >= MIN_SLICES
        )

    def of_exam(self, body_part: str) -> Recognition:
        """The same, with the export's word on the exam where the images do not tell the region."""
        if self.region != "unknown" or not is_cervical(body_part):
            return self
        because = "the export says so of the exam; the images do not tell"
        return replace(self, region="cervical", region_because=because)

    @classmethod
    def explained(cls, lines: Mapping[str, str], slices: int) -> Recognition:
        """Back from what ``explain`` gave."""
        (plane, p), (weighting, w), (region, r) = (
            lines[key].split(": ", 1) for key in ("plane", "weighting", "region")
        )
        return cls(plane, weighting, region, slices, p, w, r)

    def explain(self) -> dict[str, str]:
        """The decision as JSON: one sentence each."""
        enough = self.slices >= MIN_SLICES
        lines = {
            "plane": f"{self.plane}: {self.plane_because}",
            "weighting": f"{self.weighting}: {self.weighting_because}",
            "region": f"{self.region}: {self.region_because}",
            "slices": f"{self.slices}, {'enough' if enough else f'fewer than {MIN_SLICES}'}",
        }
        missing = [
            name
            for name, wrong in (
                ("plane is not sagittal", self.plane != "sagittal"),
                ("weighting is not T2", self.weighting != "t2"),
                ("region is not cervical", self.region != "cervical"),
                ("too few slices", not enough),
            )
            if wrong
        ]
        verdict = "no: " + ", ".join(missing) if missing else "yes"
        return {**lines, "sagittal_t2_cervical": verdict}


def recognise(series: Mapping[str, Any], *, slices: int) -> Recognition:
    """Say plane, weighting and region of a series, and why.

    Parameters
    ----------
    series
        DICOM attributes by keyword, as found in any of its files; absent ones may be missing or None.
        Used: ImageOrientationPatient, EchoTime and RepetitionTime and InversionTime (ms),
        ScanningSequence, SeriesDescription, ProtocolName, StudyDescription, BodyPartExamined.
    slices
        Number of slices in the stack.
    """
    plane, plane_because = plane_of(series.get("ImageOrientationPatient"))
    weighting, weighting_because = _weighting(series)
    region, region_because = _region(series)
    return Recognition(plane, weighting, region, slices, plane_because, weighting_because, region_because)


def plane_of(orientation: Sequence[float] | None) -> tuple[str, str]:
    """Plane and reason from ImageOrientationPatient (six direction cosines, LPS)."""
    if orientation is None or len(orientation) != 6:
        return "unknown", "no ImageOrientationPatient"
    r, c = [float(v) for v in orientation[:3]], [float(v) for v in orientation[3:]]
    normal = (r[1] * c[2] - r[2] * c[1], r[2] * c[0] - r[0] * c[2], r[0] * c[1] - r[1] * c[0])
    name, share = max(
        zip(("sagittal", "coronal", "axial"), map(abs, normal), strict=True), key=lambda item: item[1]
    )
    because = f"the slice normal is {share:.2f} along the {name} axis"
    return (name, because) if share >= OBLIQUE_COSINE else ("oblique", because)


# Tried in this order: a name that holds "T2" may go on to say that it is something else.
_NAMED = (
    ("stir", re.compile(r"\bSTIR|\bTIRM\b|\bTIR\b|SHORT TAU")),
    ("flair", re.compile(r"FLAIR|DARK[\s_-]*FLUID")),
    ("dwi", re.compile(r"\bDWI|\bDTI|DIFF|\bADC\b")),
    ("t2*", re.compile(r"T2[\s_-]*(\*|STAR|GRE\b|FFE|ME2D)|\bMEDIC\b|\bMERGE\b|GRE[\s_-]*T2|HEMO|\bSWI\b")),
    ("t2", re.compile(r"(?<![A-Z0-9])T2(?![0-9])")),
    ("pd", re.compile(r"(?<![A-Z0-9])(PD|DP|PROTON)")),
    ("t1", re.compile(r"(?<![A-Z0-9])T1(?![0-9])|MPRAGE|\bSPGR\b|BRAVO|\bTFE\b|\bFLASH\b|\bVIBE\b")),
)  # fmt: skip


def _weighting(series: Mapping[str, Any]) -> tuple[str, str]:
    """Timing decides where it can; the name decides where timing is missing or ambiguous.

    Spin echo: T2 at TE ≥ 70 ms and TR ≥ 1500 ms, T1 at TE < 35 and TR < 1200, proton density at TE < 50 and
    TR ≥ 1500 (common textbook limits). Inversion recovery: TI 80–300 ms nulls fat (STIR), ≥ 1500 ms fluid.
    Gradient echo: T1 below TE 10 ms, also when inversion-prepared; T2* above.
    """
    named, phrase = _named_weighting(series)
    timed, timing = _timed_weighting(series)
    if timed and named and timed != named:
        # Fat-suppressed and inversion-prepared variants keep the TE and TR of what they are made from.
        if named in {"stir", "flair", "dwi", "t2*"}:
            return named, f"{phrase}, though {timing}"
        return timed, f"{timing}, though {phrase}"
    if timed:
        return timed, f"{timing}, and {phrase}" if named else timing
    if named:
        return named, f"{phrase}; {timing}"
    return "unknown", f"the names do not say; {timing}"


def _named_weighting(series: Mapping[str, Any]) -> tuple[str | None, str]:
    for keyword in ("AcquisitionContrast", "SeriesDescription", "ProtocolName", "SequenceName"):
        text = str(series.get(keyword) or "").upper().replace("_", " ")
        for weighting, pattern in _NAMED:
            if pattern.search(text):
                return weighting, f"{keyword} names {weighting.upper()}"
    return None, ""


def _timed_weighting(series: Mapping[str, Any]) -> tuple[str | None, str]:
    te, tr, ti = (_number(series.get(k)) for k in ("EchoTime", "RepetitionTime", "InversionTime"))
    kinds = _words(series.get("ScanningSequence"))
    if te is None or tr is None:
        return None, "EchoTime or RepetitionTime is missing"
    said = f"TE {te:g} ms, TR {tr:g} ms"
    if "EP" in kinds and "SE" not in kinds:
        return None, f"{said} of an echo-planar sequence do not tell"
    if "IR" in kinds and "GR" not in kinds and ti:
        if 80 <= ti <= 300:
            return "stir", f"inversion recovery with TI {ti:g} ms"
        if ti >= 1500 and te >= 70:
            return "flair", f"inversion recovery with TI {ti:g} ms and {said}"
    if "GR" in kinds and "SE" not in kinds:
        if te < 10:
            return "t1", f"gradient echo with {said}"
        return "t2*", f"gradient echo with {said}"
    if te >= 70 and tr >= 1500:
        return "t2", said
    if te < 35 and tr < 1200:
        return "t1", said
    if te < 50 and tr >= 1500:
        return "pd", said
    return None, f"{said} do not tell"


def _region(series: Mapping[str, Any]) -> tuple[str, str]:
    # A description was typed for this patient's scan; BodyPartExamined often names the coil's default.
    for keyword in ("SeriesDescription", "ProtocolName", "StudyDescription", "BodyPartExamined"):
        text = str(series.get(keyword) or "").upper().replace("_", " ")
        if is_cervical(text):
            return "cervical", f"{keyword} names the cervical spine"
        if _ELSEWHERE.search(text):
            return "elsewhere", f"{keyword} names another region"
    return "unknown", "no description or body part tells"


def _words(value: Any) -> set[str]:
    if value is None:
        return set()
    parts: Iterable[Any] = [value] if isinstance(value, str) else value
    return {str(part).strip().upper() for part in parts}


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
