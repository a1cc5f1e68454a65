"""Whatever happens to a cohort, in whatever order: the flow sums, and rests on the records alone."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cohort import chart_review, criteria, flow, flow_diagram
from cohort.models import ChartReview, Exam, Exclusion, Patient

pytestmark = pytest.mark.django_db
FIRST = date(2005, 1, 1)
PATIENTS = 4
DECISIONS = [d for d in ChartReview.Decision.values if d != "other"]

patients = st.integers(0, PATIENTS - 1)
events = st.one_of(
    st.tuples(
        st.just("exam"), patients, st.sampled_from([0, 400, 999, 1000, 2500]),
        st.sampled_from(["CSPINE", "LSPINE"]), st.sampled_from([True, False, None]),
    ),
    st.tuples(st.just("code"), patients, st.sampled_from(["M05.9", "M06.4", "M06"])),
    st.tuples(st.just("export"), patients, st.sampled_from(DECISIONS), st.integers(0, 3)),
    st.tuples(st.just("label"), patients),
    st.tuples(st.just("interval"), st.sampled_from([500, 999, 1000, 1001])),
    st.tuples(st.just("decide"), patients, st.sampled_from(DECISIONS)),
    st.tuples(st.just("undo"), patients),
)  # fmt: skip


class World:
    """A cohort of the database to which things happen one by one."""

    def __init__(self, lead: Any) -> None:
        self.lead = lead
        self.people = [
            Patient.objects.create(pseudonym=f"p{k}", site=["A", "A", "B", ""][k]) for k in range(PATIENTS)
        ]
        flow.refresh()

    def happen(self, event: tuple[Any, ...]) -> None:
        kind, *rest = event
        if kind == "interval":
            flow.refresh(min_interval_days=rest[0])
            return
        patient = self.people[rest[0]]
        if kind == "exam":
            Exam.objects.create(
                patient=patient, pseudonym=f"e{Exam.objects.count()}", date=FIRST + timedelta(days=rest[1]),
                modality="MR", body_part=rest[2], sagittal_t2=rest[3],
            )  # fmt: skip
        elif kind == "code":
            patient.diagnoses.get_or_create(system="ICD10", code=rest[1], date=None)
        elif kind == "export":
            ChartReview.objects.create(
                patient=patient, decision=rest[1], date=FIRST + timedelta(days=rest[2])
            )
        elif kind == "label":
            flow.exclude(
                patient=patient, step="baseline_deformity", reason="baseline_deformity", source="label"
            )
        else:
            standing = chart_review.in_force(Patient.objects.get(pk=patient.pk))
            if kind == "decide":
                seen = standing.pk if standing else None
                chart_review.decide(patient=patient, decision=rest[1], by=self.lead, seen=seen)
            elif standing and standing.decided_by_id:
                chart_review.take_back(review=standing, by=self.lead)
            return
        flow.refresh([patient])


def expected(patient: Patient) -> tuple[str, str] | None:
    """The step and reason at which the records say that a patient leaves: the rules written out again."""
    interval = flow.current_interval()
    scans = [e for e in patient.exams.order_by("date", "pk") if e.body_part == "CSPINE"]
    if not scans:
        return "imaged", "no_cervical_mri" if patient.exams.exists() else "no_imaging"
    if len(scans) == 1:
        return "interval", "single_mri"
    if (scans[-1].date - scans[0].date).days < interval:
        return "interval", "short_interval"
    if not any(criteria.is_rheumatoid(d.system, d.code) for d in patient.diagnoses.all()):
        return "coded", "no_ra_code"
    if scans[0].sagittal_t2 is not True:
        return "baseline_t2", "no_sagittal_t2" if scans[0].sagittal_t2 is False else "sagittal_t2_unknown"
    standing = patient.chart_reviews.filter(taken_back_at=None)
    here = standing.exclude(decided_by=None).order_by("-pk").first()
    newest = here or standing.order_by("-date", "-pk").first()
    if newest and newest.decision != "confirmed":
        return "chart_review", newest.decision
    if patient.exclusions.filter(source="label").exists():
        return "baseline_deformity", "baseline_deformity"
    return None


def check() -> None:
    found = flow.flow()
    assert flow_diagram.sums(found["steps"], found["sites"])["contradictions"] == []
    assert found["steps"][0]["remaining"] == PATIENTS
    left = {e.patient_id: (e.step, e.reason) for e in Exclusion.objects.filter(leaving=True)}
    assert len(left) == Exclusion.objects.filter(leaving=True).count()
    for patient in Patient.objects.all():
        assert left.get(patient.pk) == expected(patient)
    assert found["steps"][-1]["remaining"] == PATIENTS - len(left)
    assert flow_diagram.svg(found["steps"], title="Flow").count("<rect") >= len(found["steps"])


def clear() -> None:
    Patient.objects.all().delete()
    flow.FlowRules.objects.all().delete()


SUPPRESSED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(
    max_examples=30, deadline=None, suppress_health_check=SUPPRESSED
)  # fmt: skip
@given(st.lists(events, max_size=14))
def test_the_flow_sums_after_every_event(lead: Any, history: list[tuple[Any, ...]]) -> None:
    clear()
    world = World(lead)
    for event in history:
        world.happen(event)
        check()


RECORDS = {"exam", "code", "export", "label"}


@settings(
    max_examples=20, deadline=None, suppress_health_check=SUPPRESSED
)  # fmt: skip
@given(st.lists(events.filter(lambda e: e[0] in RECORDS), max_size=14), st.integers(0, 2**32))
def test_the_order_of_deliveries_does_not_matter(history: list[tuple[Any, ...]], seed: int) -> None:
    """Of chart reviews of one date the later row counts, so each gets a date of its own."""
    dated = [(*e[:3], k) if e[0] == "export" else e for k, e in enumerate(history)]
    # Two exams of one day are told apart by their row: one a day and patient.
    exams = {(e[1], e[2]): e for e in dated if e[0] == "exam"}
    dated = [e for e in dated if e[0] != "exam" or exams[e[1], e[2]] is e]
    answers = []
    for order in (dated, random.Random(seed).sample(dated, len(dated))):
        clear()
        world = World(None)
        for event in order:
            world.happen(event)
        check()
        answers.append(flow.flow())
        flow.refresh()
        assert flow.flow() == answers[-1]
    assert answers[0] == answers[1]
