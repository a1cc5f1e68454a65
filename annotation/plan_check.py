"""Whether the stored read plan is the one that the charters' seeds give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from annotation import charter, placement, read_plan
from annotation.models import Assignment, AuditEvent, Case, Charter, FinalLabel
from config.accounts.models import Role, User

_READ, _REREAD = Assignment.Kind.READ, Assignment.Kind.REREAD


def deviations() -> Iterator[str]:
    """Regenerate the plan from the charters' seeds and name each stored row that differs."""
    for frozen in Charter.objects.order_by("version"):
        if not charter.is_intact(frozen):
            yield f"annotation.charter {frozen.pk}: terms of version {frozen.version} are not what was hashed"
    rows = list(
        Assignment.objects.order_by("pk")
        .select_related("case__charter", "case__patient", "reader")
        .prefetch_related("case__scans")
    )
    yield from _places(rows)
    yield from _readers(rows)
    yield from _rereads(rows)
    yield from _incomplete_cases()


def _places(rows: Sequence[Assignment]) -> Iterator[str]:
    taken: dict[int, set[int]] = {}
    for row in rows:
        before = taken.setdefault(row.reader_id, set())
        terms = charter.terms_of(row.case.charter)
        if row.kind != _REREAD:
            given = placement.places(row.case, row.reader_id, row.kind, terms)
            expected = next(place for place in given if place not in before)
            if row.position != expected:
                yield f"annotation.assignment {row.pk}: position {row.position}, the seed gives {expected}"
        before.add(row.position)
        if row.sham and not read_plan.is_sham(row.case, terms):
            yield f"annotation.assignment {row.pk}: a sham that the seed did not draw"


def _readers(rows: Sequence[Assignment]) -> Iterator[str]:
    """Who reads a patient, given who could when the batch was opened and how much each had by then."""
    could: dict[int, list[int]] = {
        event.detail["batch"]: event.detail["observers"]
        for event in AuditEvent.objects.filter(verb="open_reading", detail__has_key="batch")
    }
    people = User.objects.in_bulk()
    load = placement.Load()
    reads = sorted((row for row in rows if row.kind == _READ), key=lambda row: (row.batch, row.pk))
    patients = [
        (batch, list(group))
        for (batch, _), group in groupby(reads, key=lambda row: (row.batch, row.case.patient_id))
    ]
    for batch, given in patients:
        patient, readers = given[0].case.patient, sorted({row.reader_id for row in given})
        if batch in could:
            observers = [people[pk] for pk in could[batch]]
            terms = charter.terms_of(given[0].case.charter)
            expected = sorted(user.pk for user in placement.readers_of(patient, observers, load, terms))
            if readers != expected:
                yield (
                    f"annotation.case {given[0].case_id}: read by users {readers}, the seed gives {expected}"
                )
        load.add(patient.site, readers)


def _rereads(rows: Sequence[Assignment]) -> Iterator[str]:
    """Which cases come back to whom, and where, regenerated batch by batch."""
    drawn = sorted((row for row in rows if row.batch), key=lambda row: (row.batch, row.reader_id, row.pk))
    for (_, reader_id), group in groupby(drawn, key=lambda row: (row.batch, row.reader_id)):
        batch = list(group)
        reads = [row for row in batch if row.kind == _READ]
        stored = {row.case_id: row for row in batch if row.kind == _REREAD}
        expected: dict[int, int] = {}
        if reads:
            taken = {row.position for row in rows if row.reader_id == reader_id and row.pk <= reads[-1].pk}
            terms = read_plan.terms_of_batch(reads)
            expected = {row.case_id: place for row, place in placement.rereads(reads, taken, terms)}
        for case_id in sorted(expected.keys() - stored.keys()):
            yield f"annotation.case {case_id}: a re-read by user {reader_id} that the seed drew is not there"
        for case_id, row in stored.items():
            if case_id not in expected:
                yield f"annotation.assignment {row.pk}: a re-read that the seed did not draw"
            elif row.position != expected[case_id]:
                yield (
                    f"annotation.assignment {row.pk}: position {row.position}, the seed gives"
                    f" {expected[case_id]}"
                )


def _incomplete_cases() -> Iterator[str]:
    cases = Case.objects.select_related("charter").prefetch_related("assignments", "scans__final_label")
    adjudicators = User.objects.filter(role=Role.ADJUDICATOR).exists()
    for case in cases.order_by("pk"):
        assignments = list(case.assignments.all())
        assignments = [a for a in assignments if a.withdrawn_at is None]
        reads = [a for a in assignments if a.kind == _READ]
        if len(reads) != placement.READS_PER_CASE:
            yield f"annotation.case {case.pk}: {len(reads)} reads are planned, not {placement.READS_PER_CASE}"
        referred = [a for a in assignments if a.kind == Assignment.Kind.ADJUDICATION]
        label = next((s.final_label for s in case.scans.all() if hasattr(s, "final_label")), None)
        concordant = label is not None and label.how == FinalLabel.How.CONCORDANT
        if any(a.sham for a in referred) and not concordant:
            yield f"annotation.case {case.pk}: a sham referral of a case that is not concordant"
        if concordant and any(not a.sham for a in referred):
            yield f"annotation.case {case.pk}: concordant, and referred as a conflict"
        if (
            concordant
            and not referred
            and read_plan.is_sham(case, charter.terms_of(case.charter))
            and adjudicators
        ):
            yield f"annotation.case {case.pk}: the seed drew a sham that is not in the queue"
