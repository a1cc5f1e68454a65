"""Patients ready to be read, as rows, and readers who read them through the real verbs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from annotation import workflow
from annotation.models import Assignment, Case, Reading
from cohort.models import Exam, Instance, Patient, ScanPair, Series
from config.accounts.models import User
from tests.builders import uid_of

#: Grades of one scan by the category they give.
CLEAN = {
    "pannus": 0,
    "vertical_translocation": 0,
    "dens_erosion": 0,
    "facet_c0c1_left": 0,
    "facet_c0c1_right": "not_visible",
    "facet_c1c2_left": 0,
    "facet_c1c2_right": 0,
}
GRADES = {"clean": CLEAN, "intermediate": {**CLEAN, "pannus": 1}, "case": {**CLEAN, "pannus": 2}}


def scores(category: str = "clean", **changes: Any) -> dict[str, Any]:
    """One scan's complete scores."""
    return {
        "grades": GRADES[category],
        "quality": "adequate",
        "exclusion_observation": "none",
        **changes,
    }


def unreadable() -> dict[str, Any]:
    return {"grades": {}, "quality": "unreadable", "exclusion_observation": "none"}


def both(baseline: str = "clean", follow_up: str = "clean") -> dict[str, Any]:
    """A complete paired read."""
    return {"baseline": scores(baseline), "follow_up": scores(follow_up)}


def make_series(exam: Exam, slices: int = 3) -> Series:
    """A series and its instances as rows; no files."""
    name = exam.pseudonym
    series = Series.objects.create(
        exam=exam,
        patient_pseudonym=exam.patient.pseudonym,
        state=Series.State.ACCEPTED,
        study_uid=uid_of(name, "study"),
        series_uid=uid_of(name, "series"),
        frame_of_reference_uid=uid_of(name, "frame"),
        content_hash=f"{exam.pk:064d}",
        path=name,
        rows=8,
        columns=8,
        slices=slices,
        row_spacing=1.0,
        column_spacing=1.0,
        slice_spacing=3.3,
        orientation=[0, 1, 0, 0, 0, -1],
        plane="sagittal",
        weighting="T2",
        sagittal_t2_cervical=True,
        manufacturer="CANARY-MAKER",
    )
    Instance.objects.bulk_create(
        Instance(
            series=series,
            sop_uid=(sop := uid_of(name, k)),
            index=k,
            position=[3.3 * k, 0.0, 0.0],
            file=f"{k}.dcm",
            metadata=_metadata(series, sop, k),
        )
        for k in range(slices)
    )
    return series


def _metadata(series: Series, sop: str, k: int) -> dict[str, Any]:
    """What a careless ingest would leave: every kind of identity beside what the viewer needs."""
    return {
        "00080012": {"vr": "DA", "Value": ["20100301"]},
        "00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.4"]},
        "00080018": {"vr": "UI", "Value": [sop]},
        "00080020": {"vr": "DA", "Value": ["20100301"]},
        "00080050": {"vr": "SH", "Value": ["CANARY-ACCESSION"]},
        "00080070": {"vr": "LO", "Value": ["CANARY-MAKER"]},
        "00080080": {"vr": "LO", "Value": ["CANARY-HOSPITAL"]},
        "00081010": {"vr": "SH", "Value": ["CANARY-STATION"]},
        "00081030": {"vr": "LO", "Value": ["CANARY-STUDY"]},
        "0008103E": {"vr": "LO", "Value": ["CANARY-SERIES"]},
        "00081140": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": [sop]}}]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "CANARY^NAME"}]},
        "00100020": {"vr": "LO", "Value": ["CANARY-ID"]},
        "00100030": {"vr": "DA", "Value": ["19500102"]},
        "00101010": {"vr": "AS", "Value": ["060Y"]},
        "00180050": {"vr": "DS", "Value": [3.0]},
        "00180087": {"vr": "DS", "Value": [1.5]},
        "0020000D": {"vr": "UI", "Value": [series.study_uid]},
        "0020000E": {"vr": "UI", "Value": [series.series_uid]},
        "00200013": {"vr": "IS", "Value": [977 - k]},
        "00200032": {"vr": "DS", "Value": [3.3 * k, 0.0, 0.0]},
        "00200037": {"vr": "DS", "Value": [0, 1, 0, 0, 0, -1]},
        "00200052": {"vr": "UI", "Value": [series.frame_of_reference_uid]},
        "00280002": {"vr": "US", "Value": [1]},
        "00280004": {"vr": "CS", "Value": ["MONOCHROME2"]},
        "00280010": {"vr": "US", "Value": [8]},
        "00280011": {"vr": "US", "Value": [8]},
        "00280030": {"vr": "DS", "Value": [1.0, 1.0]},
        "00280100": {"vr": "US", "Value": [16]},
        "00280101": {"vr": "US", "Value": [12]},
        "00280102": {"vr": "US", "Value": [11]},
        "00280103": {"vr": "US", "Value": [0]},
        # An allowed attribute that hides words.
        "00281050": {"vr": "DS", "Value": ["CANARY-WINDOW"]},
        "00281051": {"vr": "DS", "Value": [400.0]},
        "00281055": {"vr": "LO", "Value": ["CANARY-EXPLANATION"]},
        "00091001": {"vr": "UN", "InlineBinary": "Q0FOQVJZ"},
    }


def make_patients(count: int, *, prefix: str = "", phantom: bool = True) -> list[Patient]:
    """Included patients with a scan pair, as rows."""
    patients = []
    for number in range(count):
        name = f"{prefix}{number:0{20 - len(prefix)}x}"
        patient = Patient.objects.create(
            pseudonym=name, site="CANARY-SITE", sex="F", phantom=phantom, birth_date=date(1950, 1, 2)
        )
        scans = [
            make_series(
                Exam.objects.create(
                    patient=patient,
                    pseudonym=f"e{k}{name[2:]}",
                    date=date(2010, 3, 1) + timedelta(days=k * (1100 + number)),
                    modality="MR",
                    body_part="CSPINE",
                    sagittal_t2=True,
                )
            )
            for k in (0, 1)
        ]
        ScanPair.objects.create(patient=patient, baseline=scans[0], follow_up=scans[1])
        patients.append(patient)
    return patients


#: A charter that wants readers to have passed; one block of phantoms is enough here.
QUALIFICATION = {"qualification_required": True, "qualification_cases": 6, "plan_seed": 1, "sham_seed": 1}


@pytest.fixture
def readers(cast: dict[str, User]) -> dict[str, User]:
    """The cast with two observers; the third is away."""
    User.objects.filter(username="observer_c").update(is_active=False)
    return cast


@pytest.fixture
def study(readers: dict[str, User]) -> Callable[..., list[Case]]:
    """``study(3, sham_share=0)``: that many patients opened to observers A and B."""

    def opened(count: int = 1, **terms: Any) -> list[Case]:
        terms = {"plan_seed": 1, "sham_seed": 1, "sham_share": 0.0, "reread_share": 0.0, **terms}
        workflow.freeze_charter(by=readers["lead"], changes=terms)
        make_patients(count)
        workflow.open_reading(by=readers["lead"])
        return list(Case.objects.order_by("pk"))

    return opened


@pytest.fixture
def case(study: Callable[..., list[Case]]) -> Case:
    """One paired case that nobody has read."""
    return study(1)[0]


def assignment(case: Case, reader: User) -> Assignment:
    return case.assignments.exclude(kind="reread").get(reader=reader, withdrawn_at=None)


def draft(case: Case, reader: User, content: dict[str, Any], **more: Any) -> Reading:
    """Save over whatever draft there is."""
    target = assignment(case, reader)
    current = target.readings.filter(state="draft").first()
    return workflow.save_draft(
        assignment=target,
        by=reader,
        revision=current.revision if current else 0,
        content=content,
        **more,
    )


def sign(case: Case, reader: User, content: dict[str, Any] | None = None) -> Reading:
    """Draft and sign a complete read, by default a clean one."""
    saved = draft(case, reader, content or both())
    return workflow.sign_reading(assignment=assignment(case, reader), by=reader, revision=saved.revision)


def disagree(case: Case, readers: dict[str, User]) -> Case:
    """Both observers sign, and differ about the follow-up."""
    sign(case, readers["observer_a"], both("clean", "clean"))
    sign(case, readers["observer_b"], both("clean", "case"))
    case.refresh_from_db()
    return case


def to_adjudicator(case: Case, readers: dict[str, User]) -> Assignment:
    """Both observers differ and find no consensus."""
    disagree(case, readers)
    workflow.decline_consensus(session=case.consensus, by=readers["observer_a"])
    case.refresh_from_db()
    return case.assignments.get(kind="adjudication")


@pytest.fixture
def required(readers: dict[str, User]) -> dict[str, User]:
    """A charter that wants six cases to be passed."""
    workflow.freeze_charter(by=readers["lead"], changes=QUALIFICATION)
    return readers
