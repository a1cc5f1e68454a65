"""The scoring rubric, version 1: data, and the one function that makes a category of grades (no Django).

Score panel, API schema, exports and agreement tables are all made from ``FINDINGS``. Only the upper cervical
spine counts; myelopathy and subaxial subluxation play no part.

Source: Lebouille-Veldman et al., Brain and Spine 2025;5:104328, the deformity definition of its methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

VERSION = 1

Grade = int | str
CASE, INTERMEDIATE, CLEAN = "case", "intermediate", "clean"
#: Best to worst.
CATEGORIES = (CLEAN, INTERMEDIATE, CASE)
NOT_VISIBLE = "not_visible"
UNREADABLE = "unreadable"
NO_OBSERVATION = "none"
#: Names no scan: in the independent design readers do not know which one they have.
NO_SUCH_SCAN = "this case has no such scan"


@dataclass(frozen=True)
class GradeChoice:
    """One grade: its stored value, what readers see, and the key that sets it."""

    value: Grade
    label: str
    description: str
    shortcut: str


@dataclass(frozen=True)
class Finding:
    """One scored item. ``ordered`` grades may be weighted by distance; ``group`` ties the facet joints."""

    key: str
    label: str
    help: str
    grades: tuple[GradeChoice, ...]
    group: str | None = None
    group_label: str | None = None
    ordered: bool = False

    @property
    def values(self) -> tuple[Grade, ...]:
        return tuple(choice.value for choice in self.grades)


def _facet(key: str, label: str) -> Finding:
    return Finding(
        key=key,
        label=label,
        help="Widened, bright or irregular joint: effusion or synovial overgrowth. The joints lie"
        " 9–25 mm from the midline, so look at the lateral slices.",
        grades=(
            GradeChoice(0, "Absent", "Narrow joint space with smooth margins.", "0"),
            GradeChoice(1, "Present", "The joint blossoms: fluid or soft tissue widens it.", "1"),
            GradeChoice(NOT_VISIBLE, "Not visible", "These slices do not show the joint.", "-"),
        ),
        group="facet_blossoming",
        group_label="Facet blossoming",
    )


FINDINGS: tuple[Finding, ...] = (
    Finding(
        key="pannus",
        label="Pannus",
        help="Soft tissue around the dens, best seen behind it on the midline slices.",
        grades=(
            GradeChoice(0, "None", "No soft tissue beyond the normal ligaments.", "0"),
            GradeChoice(1, "Doubtful", "Slight hyperintensity between clivus and dens.", "1"),
            GradeChoice(2, "Visible", "A pannus can be outlined.", "2"),
        ),
        ordered=True,
    ),
    Finding(
        key="vertical_translocation",
        label="Vertical translocation",
        help="McRae's line runs from basion to opisthion.",
        grades=(
            GradeChoice(0, "No", "The dens tip lies at or below McRae's line.", "0"),
            GradeChoice(1, "Yes", "The dens tip lies above McRae's line.", "1"),
        ),
        ordered=True,
    ),
    Finding(
        key="dens_erosion",
        label="Dens erosion",
        help="Cortical defects of the odontoid process.",
        grades=(
            GradeChoice(0, "None", "The cortex is intact all around.", "0"),
            GradeChoice(1, "Minimal", "Minimal or doubtful cortical irregularity.", "1"),
            GradeChoice(2, "Severe", "Bone is lost.", "2"),
        ),
        ordered=True,
    ),
    _facet("facet_c0c1_left", "C0–C1 left"),
    _facet("facet_c0c1_right", "C0–C1 right"),
    _facet("facet_c1c2_left", "C1–C2 left"),
    _facet("facet_c1c2_right", "C1–C2 right"),
)
BY_KEY = {finding.key: finding for finding in FINDINGS}
FACETS = tuple(finding.key for finding in FINDINGS if finding.group)

QUALITY = Finding(
    key="quality",
    label="Image quality",
    help="An unreadable scan carries no grades; it goes to the study lead.",
    grades=(
        GradeChoice("adequate", "Adequate", "Every finding can be judged.", "1"),
        GradeChoice("limited", "Limited", "Judged with less confidence.", "2"),
        GradeChoice(UNREADABLE, "Unreadable", "Cannot be judged: the study lead decides.", "3"),
    ),
)
EXCLUSION_OBSERVATION = Finding(
    key="exclusion_observation",
    label="Reason to exclude",
    help="Proposes to the study lead to exclude the patient; it excludes nobody by itself.",
    grades=(
        GradeChoice(NO_OBSERVATION, "None", "Nothing seen that would exclude the patient.", "0"),
        GradeChoice("junction_surgery", "Surgery", "Surgery at the craniocervical junction.", "1"),
        GradeChoice("odontoid_fracture", "Fracture", "Fracture of the odontoid process.", "2"),
        GradeChoice("other", "Other", "Another reason; say which.", "3"),
    ),
)


def as_json() -> dict[str, Any]:
    """The rubric as the API gives it to the score panel."""
    return {
        "version": VERSION,
        "findings": [asdict(finding) for finding in FINDINGS],
        "quality": asdict(QUALITY),
        "exclusion_observation": asdict(EXCLUSION_OBSERVATION),
    }


def _is_grade(finding: Finding, grade: object) -> bool:
    # True == 1 in Python; a tick box must not pass for a grade.
    return not isinstance(grade, bool) and any(
        type(grade) is type(value) and grade == value for value in finding.values
    )


def _flat(grades: Mapping[str, Any]) -> dict[str, Any]:
    """Undo the nesting of the facet joints, ``{"facet_blossoming": {"c0c1_left": 0, …}}``."""
    flat = dict(grades)
    nested = flat.pop("facet_blossoming", None)
    if nested is None:
        return flat
    if not isinstance(nested, Mapping):
        raise ValueError("facet_blossoming: not a mapping of joint to grade")
    for joint, grade in nested.items():
        key = f"facet_{joint}"
        if key in flat:
            raise ValueError(f"{key}: graded twice")
        flat[key] = grade
    return flat


def classify(grades: Mapping[str, Any]) -> str:
    """The category of one scan: ``"case"``, ``"intermediate"`` or ``"clean"``.

    Parameters
    ----------
    grades
        A grade for each of the seven findings, flat or with the joints under ``facet_blossoming``.

    Raises
    ------
    ValueError
        If a finding is missing, unknown, or has a grade that the rubric does not know.
    """
    flat = _flat(grades)
    unknown = sorted(set(flat) - set(BY_KEY))
    if unknown:
        raise ValueError(f"unknown finding: {', '.join(map(str, unknown))}")
    for finding in FINDINGS:
        if finding.key not in flat:
            raise ValueError(f"{finding.key}: not graded")
        if not _is_grade(finding, flat[finding.key]):
            raise ValueError(f"{finding.key}: {flat[finding.key]!r} is not one of {finding.values}")
    if (
        flat["pannus"] == 2
        or flat["vertical_translocation"] == 1
        or flat["dens_erosion"] == 2
        or any(flat[facet] == 1 for facet in FACETS)
    ):
        return CASE
    if flat["pannus"] == 1 or flat["dens_erosion"] == 1:
        return INTERMEDIATE
    return CLEAN


def check_draft(content: Mapping[str, Any], scans: tuple[str, ...]) -> dict[str, str]:
    """What is wrong with a draft, by place ("baseline.grades.pannus"); empty when nothing is.

    A draft may be incomplete; what it holds must be of this rubric and of these ``scans``.
    """
    wrong: dict[str, str] = {}
    for scan, scores in content.items():
        if scan not in scans:
            wrong[str(scan)] = NO_SUCH_SCAN
            continue
        for key, grade in scores.get("grades", {}).items():
            finding = BY_KEY.get(key)
            if finding is None:
                wrong[f"{scan}.grades.{key}"] = "unknown finding"
            elif grade is not None and not _is_grade(finding, grade):
                wrong[f"{scan}.grades.{key}"] = f"{grade!r} is not one of {finding.values}"
        for item in (QUALITY, EXCLUSION_OBSERVATION):
            value = scores.get(item.key)
            if value not in (None, "", *item.values):
                wrong[f"{scan}.{item.key}"] = f"{value!r} is not one of {item.values}"
        for part in ("comments", "key_slices", "key_series"):
            for key in sorted(set(scores.get(part, {})) - set(BY_KEY)):
                wrong[f"{scan}.{part}.{key}"] = "unknown finding"
    return wrong


def is_unreadable(scores: Mapping[str, Any]) -> bool:
    return scores.get("quality") == UNREADABLE


def missing(content: Mapping[str, Any], scans: tuple[str, ...]) -> list[dict[str, str]]:
    """What still stands between a draft and a signature, as ``[{"scan", "finding"}]``.

    An unreadable scan needs no grades and may have none: each grade it carries is listed.
    """
    gaps: list[dict[str, str]] = []
    for scan in scans:
        scores = content.get(scan, {})
        grades = scores.get("grades", {})
        if is_unreadable(scores):
            wanted = [key for key in BY_KEY if grades.get(key) is not None]
        else:
            wanted = [key for key in BY_KEY if grades.get(key) is None]
        if not scores.get("quality"):
            wanted.append("quality")
        if scores.get("exclusion_observation") == "other" and not scores.get("exclusion_text", "").strip():
            wanted.append("exclusion_text")
        gaps += [{"scan": scan, "finding": key} for key in wanted]
    return gaps


def categories(content: Mapping[str, Any], scans: tuple[str, ...]) -> dict[str, str | None]:
    """Category by scan; None while grades are missing or the scan is unreadable."""
    result: dict[str, str | None] = {}
    for scan in scans:
        scores = content.get(scan, {})
        grades = {key: grade for key, grade in scores.get("grades", {}).items() if grade is not None}
        complete = not is_unreadable(scores) and set(grades) == set(BY_KEY)
        result[scan] = classify(grades) if complete else None
    return result
