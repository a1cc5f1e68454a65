"""What a DICOM series is taken for – plane, weighting, region, kind – each with its reason. No Django.

Timing decides where it can, the name where timing is missing or ambiguous; a series counts when every
decision is the study's. The tables are in :mod:`cohort.criteria`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cohort import criteria

#: Attributes that tell, by keyword. AnatomicRegion is the meaning of the code in AnatomicRegionSequence.
KEYWORDS = (
    "ImageOrientationPatient", "EchoTime", "RepetitionTime", "InversionTime", "ScanningSequence",
    "ScanOptions", "ImageType", "SeriesDescription", "ProtocolName", "StudyDescription", "BodyPartExamined",
    "AcquisitionContrast", "SequenceName",
)  # fmt: skip
ACQUIRED = "acquired"


@dataclass(frozen=True)
class Recognition:
    """What a series was taken for; each ``*_because`` is a sentence for the lead."""

    plane: str  # sagittal, coronal, axial, oblique, unknown
    weighting: str  # t1, t2, t2 fs, t2*, pd, stir, flair, dwi, bssfp, epi, unknown
    region: str  # cervical, elsewhere, unknown
    slices: int
    plane_because: str
    weighting_because: str
    region_because: str
    kind: str = ACQUIRED  # or localizer, reformat, computed
    kind_because: str = "not looked at when this series came in"

    @property
    def sagittal_t2_cervical(self) -> bool:
        return not self._missing()

    def _missing(self) -> list[str]:
        checks = (
            (f"plane is not {criteria.PLANE}", self.plane == criteria.PLANE),
            ("weighting is not T2", self.weighting == criteria.WEIGHTING),
            (f"region is not {criteria.REGION}", self.region == criteria.REGION),
            (f"it is a {self.kind} series", self.kind == ACQUIRED),
            ("too few slices", self.slices >= criteria.MIN_SLICES),
        )
        return [name for name, right in checks if not right]

    def of_exam(self, body_part: str) -> Recognition:
        """The same, with the export's word on the exam where the images do not tell the region."""
        if self.region != "unknown" or not criteria.is_cervical(body_part):
            return self
        because = "the export says so of the exam; the images do not tell"
        return replace(self, region="cervical", region_because=because)

    @classmethod
    def explained(cls, lines: Mapping[str, str], slices: int) -> Recognition:
        """Back from what ``explain`` gave."""
        (plane, p), (weighting, w), (region, r) = (
            lines[key].split(": ", 1) for key in ("plane", "weighting", "region")
        )
        kind = lines.get("kind", "").split(": ", 1)
        return cls(plane, weighting, region, slices, p, w, r, *(kind if len(kind) > 1 else ()))

    def explain(self) -> dict[str, str]:
        """The decision as JSON: one sentence each."""
        enough = self.slices >= criteria.MIN_SLICES
        missing = self._missing()
        return {
            "plane": f"{self.plane}: {self.plane_because}",
            "weighting": f"{self.weighting}: {self.weighting_because}",
            "region": f"{self.region}: {self.region_because}",
            "kind": f"{self.kind}: {self.kind_because}",
            "slices": f"{self.slices}, {'enough' if enough else f'fewer than {criteria.MIN_SLICES}'}",
            "sagittal_t2_cervical": "no: " + ", ".join(missing) if missing else "yes",
        }


def recognise(series: Mapping[str, Any], *, slices: int) -> Recognition:
    """Say plane, weighting, region and kind of a series, and why.

    Parameters
    ----------
    series
        DICOM attributes of ``KEYWORDS`` and AnatomicRegion, as found in any of its files; absent ones may be
        missing or None. Times in ms.
    slices
        Number of slices in the stack.
    """
    plane, plane_because = plane_of(series.get("ImageOrientationPatient"))
    weighting, weighting_because = _weighting(series)
    region, region_because = _region(series)
    kind, kind_because = _kind(series)
    return Recognition(
        plane, weighting, region, slices, plane_because, weighting_because, region_because, kind, kind_because
    )


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
    return (name, because) if share >= criteria.OBLIQUE_COSINE else ("oblique", because)


# ---- weighting

_NAMES = tuple((weighting, re.compile(pattern)) for weighting, pattern in criteria.NAMES)
_FAT_SUPPRESSED = re.compile(criteria.FAT_SUPPRESSED)


def _weighting(series: Mapping[str, Any]) -> tuple[str, str]:
    weighting, because = _plain_weighting(series)
    suppressed = _fat_suppression(series) if weighting == "t2" else None
    return (f"{weighting} fs", f"{because}; {suppressed}") if suppressed else (weighting, because)


def _plain_weighting(series: Mapping[str, Any]) -> tuple[str, str]:
    named, phrase = _named_weighting(series)
    timed, timing = _timed_weighting(series)
    if timed and named and timed != named:
        if named in criteria.STRONG_NAMES:
            return named, f"{phrase}, though {timing}"
        return timed, f"{timing}, though {phrase}"
    if timed:
        return timed, f"{timing}, and {phrase}" if named else timing
    if named:
        return named, f"{phrase}; {timing}"
    return "unknown", f"the names do not say; {timing}"


def _named_weighting(series: Mapping[str, Any]) -> tuple[str | None, str]:
    for keyword in ("AcquisitionContrast", "SeriesDescription", "ProtocolName", "SequenceName"):
        text = _text(series, keyword)
        for weighting, pattern in _NAMES:
            if pattern.search(text):
                return weighting, f"{keyword} names {weighting.upper()}"
    return None, ""


def _timed_weighting(series: Mapping[str, Any]) -> tuple[str | None, str]:
    te, tr, ti = (_number(series.get(k)) for k in ("EchoTime", "RepetitionTime", "InversionTime"))
    kinds = _words(series.get("ScanningSequence"))
    if "EP" in kinds:
        # Diffusion and perfusion: their TE and TR are those of T2, their contrast is not.
        return "epi", "ScanningSequence says echo-planar"
    if te is None or tr is None:
        return None, "EchoTime or RepetitionTime is missing"
    family = "GR" if "GR" in kinds and "SE" not in kinds else "IR" if "IR" in kinds else "SE"
    said = f"TE {te:g} ms, TR {tr:g} ms"
    if family == "IR":
        if ti is None:
            return None, f"{said} of an inversion recovery without InversionTime do not tell"
        said = f"inversion recovery with TI {ti:g} ms, {said}"
    elif family == "GR":
        said = f"gradient echo with {said}"
    for rule in criteria.TIMINGS:
        if rule.fits(family, te, tr, ti):
            return rule.weighting, said
    return None, f"{said} do not tell"


def _fat_suppression(series: Mapping[str, Any]) -> str | None:
    if "FS" in _words(series.get("ScanOptions")):
        return "ScanOptions says fat saturation"
    if _words(series.get("ImageType")) & {"W", "WATER"}:
        return "ImageType says a water image"
    for keyword in ("SeriesDescription", "ProtocolName"):
        if _FAT_SUPPRESSED.search(_text(series, keyword)):
            return f"{keyword} names fat suppression"
    return None


# ---- region, kind


def _region(series: Mapping[str, Any]) -> tuple[str, str]:
    # A description was typed for this patient's scan; BodyPartExamined often names the coil's default.
    for keyword in (
        "SeriesDescription", "ProtocolName", "StudyDescription", "AnatomicRegion", "BodyPartExamined",
    ):  # fmt: skip
        text = _text(series, keyword)
        if criteria.is_cervical(text):
            return "cervical", f"{keyword} names the cervical spine"
        if criteria.is_elsewhere(text):
            return "elsewhere", f"{keyword} names another region"
    return "unknown", "no description or body part tells"


_LOCALIZER, _REFORMAT = re.compile(criteria.LOCALIZER), re.compile(criteria.REFORMAT)


def _kind(series: Mapping[str, Any]) -> tuple[str, str]:
    types = {word.replace("_", " ") for word in _words(series.get("ImageType"))}
    if "LOCALIZER" in types:
        return "localizer", "ImageType says so"
    for keyword in ("SeriesDescription", "ProtocolName"):
        if _LOCALIZER.search(_text(series, keyword)):
            return "localizer", f"{keyword} names one"
    if "DERIVED" in types and types & criteria.REFORMAT_TYPES:
        return "reformat", f"ImageType says derived, {', '.join(sorted(types & criteria.REFORMAT_TYPES))}"
    if "DERIVED" in types and types & criteria.COMPUTED_TYPES:
        return "computed", f"ImageType says derived, {', '.join(sorted(types & criteria.COMPUTED_TYPES))}"
    if _REFORMAT.search(_text(series, "SeriesDescription")):
        return "reformat", "SeriesDescription names one"
    if "DERIVED" in types:
        return ACQUIRED, "ImageType says derived, and nothing says a reformat or a map"
    return ACQUIRED, "ImageType says original" if "ORIGINAL" in types else "nothing says otherwise"


def _text(series: Mapping[str, Any], keyword: str) -> str:
    return str(series.get(keyword) or "").upper().replace("_", " ")


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
