"""Who reads what, in which order: drawn from the charter's seeds (``placement``), stored, and checked
against them later (``plan_check``)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

from django.db import transaction
from django.db.models import Exists, Max, OuterRef

from annotation import audit, charter, qualified
from annotation.charter import Terms
from annotation.models import Assignment, Case, Charter, OfferedSeries, Scan
from annotation.placement import READS_PER_CASE, Load, number, places, readers_of, rereads, share
from cohort import chart_review, flow, scan_pairs
from cohort.models import Patient
from config.accounts.models import Role, User
from config.exceptions import RuleViolation


def open_reading(*, by: User | None, patients: Iterable[Patient] | None = None) -> list[Assignment]:
    """Open every eligible patient that is not open yet to two observers, and return what is new.

    Freezes charter version 1 when there is none. Repeating it adds only patients who became eligible.

    Raises
    ------
    RuleViolation
        With fewer than two active observers (who have passed the qualification, where the charter wants
        it), or if the independent design's gap cannot be kept.
    """
    chosen = flow.eligible() if patients is None else flow.eligible().filter(pk__in=[p.pk for p in patients])
    with transaction.atomic():
        audit.hold(audit.Lock.PLAN)  # one plan at a time
        frozen = charter.current() or charter.freeze(by=by, reason="Reading starts")
        terms = charter.terms_of(frozen)
        observers = list(User.objects.filter(role=Role.OBSERVER, is_active=True).order_by("pk"))
        if terms.qualification_required:
            active, observers = len(observers), qualified.among(observers)
            if len(observers) < READS_PER_CASE:
                raise RuleViolation(
                    f"Reading needs {READS_PER_CASE} active observers who have passed the qualification;"
                    f" {len(observers)} of {active} have.",
                    code="observers_missing",
                )
        if len(observers) < READS_PER_CASE:
            raise RuleViolation(
                f"Reading needs {READS_PER_CASE} active observers; there are {len(observers)}.",
                code="observers_missing",
            )
        batch, load = next_batch(), current_load()
        new: list[Assignment] = []
        for patient in chosen.filter(cases__isnull=True).select_related("scan_pair").order_by("pk"):
            cases = _make_cases(patient, frozen, terms)
            pair = readers_of(patient, observers, load, terms)
            load.add(patient.site, [reader.pk for reader in pair])
            for case in cases:
                for reader in pair:
                    new.append(place(case, reader, Assignment.Kind.READ, terms, batch=batch))
        if new and terms.read_design == "independent":
            _check_gaps({assignment.reader_id for assignment in new}, terms.min_gap_reads)
        new += schedule_rereads(new)
        late = [assignment for case in _without_adjudicator() if (assignment := refer(case, sham=False))]
        chart_review.reading_begins({assignment.case.patient_id for assignment in new})
        if new or late:
            audit.record(
                "open_reading",
                frozen,
                by=by,
                batch=batch,
                observers=[observer.pk for observer in observers],
                cases=sorted({assignment.case_id for assignment in new}),
                assignments=[assignment.pk for assignment in (*new, *late)],
            )
    return new


def _make_cases(patient: Patient, frozen: Charter, terms: Terms) -> list[Case]:
    pair = patient.scan_pair
    pairs = [(Scan.Key.BASELINE, pair.baseline), (Scan.Key.FOLLOW_UP, pair.follow_up)]
    groups = [pairs] if terms.read_design == "paired" else [[one] for one in pairs]
    cases = []
    for group in groups:
        case = Case.objects.create(patient=patient, charter=frozen)
        scans = Scan.objects.bulk_create(Scan(case=case, key=key, series=series) for key, series in group)
        OfferedSeries.objects.bulk_create(
            OfferedSeries(scan=scan, series=other, number=number)
            for scan in scans
            for number, other in enumerate(scan_pairs.adequate_beside(scan.series), start=1)
        )
        cases.append(case)
    return cases


def new_code() -> str:
    """An opaque code: 80 random bits, unrelated to anything."""
    return secrets.token_hex(8)


def place(
    case: Case, reader: User, kind: str, terms: Terms, *, sham: bool = False, batch: int = 0
) -> Assignment:
    """Give a case to a reader, at the first free of the places the seed gives."""
    taken = _taken(reader.pk)
    position = next(place for place in places(case, reader.pk, kind, terms) if place not in taken)
    return _give(case, reader.pk, kind, position, sham=sham, batch=batch)


def _give(
    case: Case, reader_id: int, kind: str, position: int, *, sham: bool = False, batch: int
) -> Assignment:
    return Assignment.objects.create(
        case=case, reader_id=reader_id, kind=kind, code=new_code(), position=position, sham=sham, batch=batch
    )


def _taken(reader_id: int) -> set[int]:
    return set(Assignment.objects.filter(reader=reader_id).values_list("position", flat=True))


def terms_of_batch(rows: Sequence[Assignment]) -> Terms:
    """The newest charter among a batch's cases: a replacement hands over cases of several versions."""
    return charter.terms_of(max((row.case.charter for row in rows), key=lambda frozen: frozen.version))


def schedule_rereads(new: Sequence[Assignment]) -> list[Assignment]:
    """Let a share of what one batch gave to each reader come back to them after the wash-out."""
    made = []
    by_reader = sorted(new, key=lambda row: (row.reader_id, row.pk))
    for reader_id, group in groupby(by_reader, key=lambda row: row.reader_id):
        rows = list(group)
        for row, position in rereads(rows, _taken(reader_id), terms_of_batch(rows)):
            made.append(_give(row.case, reader_id, Assignment.Kind.REREAD, position, batch=row.batch))
    return made


def next_batch() -> int:
    """The number of a new opening; the caller holds the plan's lock."""
    return (Assignment.objects.aggregate(last=Max("batch"))["last"] or 0) + 1


def current_load() -> Load:
    """What each observer was given so far, withdrawn reads included."""
    load = Load()
    rows = Assignment.objects.filter(kind=Assignment.Kind.READ).order_by("case__patient_id", "batch", "pk")
    given = rows.values_list("case__patient_id", "batch", "case__patient__site", "reader_id")
    for (_, _, site), group in groupby(given, key=lambda row: row[:3]):
        load.add(site, list(dict.fromkeys(reader_id for *_, reader_id in group)))
    return load


def _check_gaps(reader_ids: Iterable[int], least: int) -> None:
    for reader_id in reader_ids:
        order = Assignment.objects.filter(
            reader=reader_id, kind=Assignment.Kind.READ, withdrawn_at__isnull=True
        ).order_by("position")
        seen: dict[int, list[int]] = {}
        for rank, patient_id in enumerate(order.values_list("case__patient_id", flat=True)):
            seen.setdefault(patient_id, []).append(rank)
        gaps = [later - earlier for ranks in seen.values() for earlier, later in pairwise(ranks)]
        if gaps and min(gaps) < least:
            raise RuleViolation(
                f"Two scans of one patient would lie {min(gaps)} reads apart and the charter wants {least}:"
                " open more patients at once, or lower min_gap_reads.",
                code="gap_too_small",
            )


# --- The adjudicator's list


def is_sham(case: Case, terms: Terms) -> bool:
    """Whether a concordant case goes to the adjudicator too; the seed decides, nothing else."""
    return share(terms.sham_seed, "sham", case.pk) < terms.sham_share


def refer(case: Case, *, sham: bool) -> Assignment | None:
    """Give a case to an adjudicator, at a random place of their list; None while there is none."""
    terms = charter.terms_of(case.charter)
    adjudicators = list(User.objects.filter(role=Role.ADJUDICATOR, is_active=True).order_by("pk"))
    if not adjudicators:
        return None
    reader = adjudicators[number(terms.plan_seed, "adjudicator", case.pk) % len(adjudicators)]
    return place(case, reader, Assignment.Kind.ADJUDICATION, terms, sham=sham)


def _without_adjudicator() -> Iterable[Case]:
    return (
        Case.objects.filter(state=Case.State.ADJUDICATION)
        .exclude(
            Exists(
                Assignment.objects.filter(
                    case=OuterRef("pk"), kind=Assignment.Kind.ADJUDICATION, withdrawn_at__isnull=True
                )
            )
        )
        .select_related("charter", "patient")
    )
