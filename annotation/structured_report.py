"""A signed read of one scan as a DICOM Structured Report, TID 1500 (no Django).

One measurement group per finding – grade, comment, key slice – and one per measurement, with its points in
patient space (SCOORD3D). Findings and grades are codes of the scheme 99ODONTOID: SNOMED CT has no terms for
this rubric's grades. Lengths, angles and areas have theirs.

Sources: DICOM PS3.16 TID 1500 and TID 1501; PS3.3 A.35.13 (Comprehensive 3D SR), C.18.9 (SCOORD3D;
C.18.9.1.2 for the order of an ellipse's points).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from annotation import measurements, rubric

SCHEME = "99ODONTOID"
MANUFACTURER = "Odontoid"
#: Code values hold sixteen characters at most (SH).
_FINDING_CODES = {
    "pannus": "PANNUS", "vertical_translocation": "VT", "dens_erosion": "EROSION",
    "facet_c0c1_left": "FACET-C01-L", "facet_c0c1_right": "FACET-C01-R",
    "facet_c1c2_left": "FACET-C12-L", "facet_c1c2_right": "FACET-C12-R",
    "quality": "QUALITY", "exclusion_observation": "EXCLUSION",
}  # fmt: skip
_GRADE_CODES = {"not_visible": "NV", "junction_surgery": "SURGERY", "odontoid_fracture": "FRACTURE"}
_NAMES = {
    "mcrae": Code("MCRAE", SCHEME, measurements.KINDS["mcrae"].label),
    "atlantodental": Code("ADI", SCHEME, measurements.KINDS["atlantodental"].label),
    "retro_odontoid": Code("ROT", SCHEME, measurements.KINDS["retro_odontoid"].label),
    "length": Code("410668003", "SCT", "Length"),
    "angle": Code("1483009", "SCT", "Angle"),
    "ellipse": Code("42798000", "SCT", "Area"),
    "probe": Code("PIXEL", SCHEME, "Pixel value"),
}
_UNITS = {
    "mm": codes.UCUM.Millimeter,
    "mm2": codes.UCUM.SquareMillimeter,
    "deg": Code("deg", "UCUM", "degrees of plane angle"),
    "1": codes.UCUM.NoUnits,
}
_SHAPES = {"probe": "POINT", "ellipse": "ELLIPSE"}
_FINDINGS_SITE = Code("1287001", "SCT", "Structure of atlanto-axial region")
_PROCEDURE = Code("241646009", "SCT", "MRI of cervical spine")


@dataclass(frozen=True)
class SignedRead:
    """One scan of a signed read.

    Parameters
    ----------
    scan
        Key of the scan, such as ``baseline``.
    instances
        Headers of the scan's slices in slice order, with the tags an SR refers by; a list for each
        series, by number.
    scores
        The scan's part of the reading's content: grades, comments, key slices, quality.
    made
        Its measurements, in the shape that is stored.
    """

    scan: str
    instances: Sequence[Sequence[Dataset]]
    scores: Mapping[str, Any]
    made: Sequence[Mapping[str, Any]]
    category: str | None
    reader: str
    signed_at: datetime
    meaning: str
    content_hash: str


def structured_report(read: SignedRead) -> sr.Comprehensive3DSR:
    """The report. UIDs follow from the signature's hash: the same read gives the same instance."""
    groups = [_category(read), *(_finding(read, item) for item in _items(read))]
    groups += [_measurement(read, one) for one in read.made]
    person = sr.ObserverContext(
        observer_type=codes.DCM.Person,
        observer_identifying_attributes=sr.PersonObserverIdentifyingAttributes(name=f"{read.reader}^"),
    )
    report = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_person_context=person),
        procedure_reported=_PROCEDURE,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    first = read.instances[0][0]
    document = sr.Comprehensive3DSR(
        evidence=[header for number in sorted(_referred(read)) for header in read.instances[number]],
        content=report[0],
        series_instance_uid=generate_uid(entropy_srcs=["reads", str(first.SeriesInstanceUID)]),
        series_number=9000,
        sop_instance_uid=generate_uid(entropy_srcs=["read", read.content_hash, read.scan]),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        is_final=True,
        is_verified=True,
        verifying_observer_name=f"{read.reader}^",
        verifying_organization=MANUFACTURER,
    )
    _date(document, read)
    scheme = Dataset()
    scheme.CodingSchemeDesignator, scheme.CodingSchemeName = SCHEME, "Odontoid rubric"
    scheme.CodingSchemeVersion = str(rubric.VERSION)
    document.CodingSchemeIdentificationSequence = [scheme]
    return document


def _date(document: Dataset, read: SignedRead) -> None:
    """Put the signature's time where the library wrote the time of writing."""
    at = read.signed_at.astimezone(UTC)
    day, time = at.strftime("%Y%m%d"), at.strftime("%H%M%S.%f")
    document.ContentDate = document.SeriesDate = document.InstanceCreationDate = day
    document.ContentTime = document.SeriesTime = document.InstanceCreationTime = time
    document.TimezoneOffsetFromUTC = "+0000"
    document.VerifyingObserverSequence[0].VerificationDateTime = day + time
    document.SeriesDescription = "Odontoid read"
    document.ManufacturerModelName, document.SoftwareVersions = MANUFACTURER, f"rubric {rubric.VERSION}"


def _items(read: SignedRead) -> list[rubric.Finding]:
    asked = [*rubric.FINDINGS, rubric.QUALITY, rubric.EXCLUSION_OBSERVATION]
    return [item for item in asked if _value(read, item) is not None]


def _value(read: SignedRead, item: rubric.Finding) -> Any:
    if item.key in rubric.BY_KEY:
        return read.scores.get("grades", {}).get(item.key)
    return read.scores.get(item.key) or None


def _concept(item: rubric.Finding) -> Code:
    label = f"{item.group_label} {item.label}" if item.group_label else item.label
    return Code(_FINDING_CODES[item.key], SCHEME, label)


def grade_code(item: rubric.Finding, value: Any) -> Code:
    """The code of a grade, such as (PANNUS-2, 99ODONTOID, "Visible")."""
    label = next(choice.label for choice in item.grades if choice.value == value)
    short = str(_GRADE_CODES.get(value, value)).upper()
    return Code(f"{_FINDING_CODES[item.key].removeprefix('FACET-')}-{short}"[:16], SCHEME, label)


def _tracked(read: SignedRead, name: str) -> sr.TrackingIdentifier:
    return sr.TrackingIdentifier(generate_uid(entropy_srcs=[read.content_hash, read.scan, name]), name)


def _referred(read: SignedRead) -> set[int]:
    """Numbers of the series that something was marked or measured on, and the scan's own."""
    marked = read.scores.get("key_slices", {})
    series_of = read.scores.get("key_series", {})
    return {0, *(series_of.get(key, 0) for key in marked), *(one.get("series", 0) for one in read.made)}


def _group(read: SignedRead, name: str, image: Dataset | None = None, **parts: Any) -> Any:
    images = None
    if image is not None:
        images = [sr.SourceImageForMeasurementGroup.from_source_image(image)]
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracked(read, name),
        finding_sites=[sr.FindingSite(_FINDINGS_SITE)],
        source_images=images,
        **parts,
    )


def _text(group: Any, name: Code, text: str) -> None:
    group[0].ContentSequence.append(
        sr.TextContentItem(name=name, value=text, relationship_type=sr.RelationshipTypeValues.CONTAINS)
    )


def _category(read: SignedRead) -> Any:
    word = read.category or rubric.UNREADABLE
    value = Code(f"CAT-{word.upper()}"[:16], SCHEME, word.capitalize())
    concept = Code("CATEGORY", SCHEME, "Category")
    group = _group(read, "category", qualitative_evaluations=[sr.QualitativeEvaluation(concept, value)])
    _text(group, codes.DCM.Comment, f"{read.meaning} Signed content sha256 {read.content_hash}.")
    return group


def _finding(read: SignedRead, item: rubric.Finding) -> Any:
    slice_ = read.scores.get("key_slices", {}).get(item.key)
    number = read.scores.get("key_series", {}).get(item.key, 0)
    image = None if slice_ is None else read.instances[number][slice_]
    value = grade_code(item, _value(read, item))
    group = _group(
        read, item.key, image, qualitative_evaluations=[sr.QualitativeEvaluation(_concept(item), value)]
    )
    if comment := read.scores.get("comments", {}).get(item.key, "").strip():
        _text(group, codes.DCM.Comment, comment)
    if item is rubric.EXCLUSION_OBSERVATION and (text := read.scores.get("exclusion_text", "").strip()):
        _text(group, codes.DCM.Comment, text)
    return group


def _points(one: Mapping[str, Any]) -> np.ndarray:
    points = np.array(one["points"], dtype=float)
    if one["kind"] == "ellipse":
        # Ours: along the image's rows, then along its columns. DICOM's: the major axis, then the minor.
        across, down = points[:2], points[2:]
        if np.linalg.norm(np.ptp(down, axis=0)) > np.linalg.norm(np.ptp(across, axis=0)):
            points = np.concatenate([down, across])
    return points


def _measurement(read: SignedRead, one: Mapping[str, Any]) -> Any:
    kind = measurements.KINDS[one["kind"]]
    image = read.instances[one.get("series", 0)][one["slice"]]
    where = sr.CoordinatesForMeasurement3D(
        graphic_type=_SHAPES.get(kind.key, "POLYLINE"),
        graphic_data=_points(one),
        frame_of_reference_uid=str(image.FrameOfReferenceUID),
    )
    values = [
        sr.Measurement(_NAMES[kind.key], one["value"], _UNITS[kind.unit], referenced_coordinates=[where])
    ]
    for part, derivation in (("mean", codes.SCT.Mean), ("sd", codes.SCT.StandardDeviation)):
        if one.get(part) is not None:
            values.append(sr.Measurement(_NAMES["probe"], one[part], _UNITS["1"], derivation=derivation))
    proposed = None
    if one.get("proposed_grade") is not None:
        item = rubric.BY_KEY[measurements.PROPOSES]
        concept = Code("VT-PROPOSED", SCHEME, f"{item.label}, as McRae's line proposes")
        proposed = [sr.QualitativeEvaluation(concept, grade_code(item, one["proposed_grade"]))]
    return _group(read, one["id"], image, measurements=values, qualitative_evaluations=proposed)
