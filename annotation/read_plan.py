"""Who reads what, in which order: drawn from the charter's seeds, stored, and regenerated to verify.

Every place in a list is HMAC-SHA256(seed, reader, patient), so an order is a uniformly random
permutation that knows neither date nor severity, and cases added later fall anywhere in it without
moving the others.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Iterator
from itertools import pairwise

from django.db import transaction

from annotation import audit, charter
from annotation.charter import Terms
from annotation.models import Assignment, Case, Charter, FinalLabel, Scan
from cohort import chart_review, flow
from cohort.models import Patient
from config.accounts.models import Role, User
from config.exceptions import RuleViolation

READS_PER_CASE = 2
#: Places are 30 bits, plus the half of the list in the independent design: a positive 32-bit integer.
_PLACE_BITS = 30
_PLACES = 1 << _PLACE_BITS
#: How far, in shares of a half, a patient's second scan may fall from the place of the first.
_JITTER = 0.25


def open_reading(*, by: User | None, patients: Iterable[Patient] | None = None) -> list[Assignment]:
    """Open every eligible patient that is not open yet to two observers, and return what is new.

    Freezes charter version 1 when there is none. Repeating it adds only patients who became eligible.

    Raises
    ------
    RuleViolation
        With fewer than two active observers, or if the independent design's gap cannot be kept.
    """
    chosen = flow.eligible() if patients is None else flow.eligible().filter(pk__in=[p.pk for p in patients])
    with transaction.atomic():
        audit.hold(audit.Lock.PLAN)  # one plan at a time
        frozen = charter.current() or charter.freeze(by=by, reason="Reading starts")
        terms = charter.terms_of(frozen)
        observers = list(User.objects.filter(role=Role.OBSERVER, is_active=True).order_by("pk"))
        if len(observers) < READS_PER_CASE:
            raise RuleViolation(
                f"Reading needs {READS_PER_CASE} active observers; there are {len(observers)}.",
                code="observers_missing",
            )
        new: list[Assignment] = []
        for patient in chosen.filter(cases__isnull=True).select_related("scan_pair").order_by("pk"):
            for case in _make_cases(patient, frozen, terms):
                for reader in readers_of(patient, observers, terms):
                    new.append(_assign(case, reader, terms))
        if new and terms.read_design == "independent":
            _check_gaps({assignment.reader_id for assignment in new}, terms.min_gap_reads)
        late = [assignment for case in _without_adjudicator() if (assignment := refer(case, sham=False))]
        chart_review.reading_begins({assignment.case.patient_id for assignment in new})
        if new or late:
            audit.record(
                "open_reading",
                frozen,
                by=by,
                cases=sorted({assignment.case_id for assignment in new}),
                assignments=[assignment.pk for assignment in (*new, *late)],
            )
    return new


def _make_cases(patient: Patient, frozen: Charter, terms: Terms) -> list[Case]:
    pair = patient.scan_pair
    scans = [(Scan.Key.BASELINE, pair.baseline), (Scan.Key.FOLLOW_UP, pair.follow_up)]
    groups = [scans] if terms.read_design == "paired" else [[scan] for scan in scans]
    cases = []
    for group in groups:
        case = Case.objects.create(patient=patient, charter=frozen)
        Scan.objects.bulk_create(Scan(case=case, key=key, series=series) for key, series in group)
        cases.append(case)
    return cases


def _number(seed: int | None, *parts: object) -> int:
    """A uniform 64-bit number that a seed and some names always give."""
    message = "\x1f".join(str(part) for part in parts).encode()
    return int.from_bytes(hmac.digest(str(seed).encode(), message, hashlib.sha256)[:8], "big")


def _share(seed: int | None, *parts: object) -> float:
    return _number(seed, *parts) / 2**64


def readers_of(patient: Patient, observers: list[User], terms: Terms) -> list[User]:
    """The observers who read this patient: all when there are two, else a seeded choice of two."""
    return sorted(
        observers, key=lambda user: _number(terms.plan_seed, "readers", user.pk, patient.pseudonym)
    )[:READS_PER_CASE]


def places(case: Case, reader_id: int, kind: str, terms: Terms) -> Iterator[int]:
    """The places of a case in a reader's list, in order of preference (the next if one is taken)."""
    name = case.patient.pseudonym
    scan_keys = [scan.key for scan in case.scans.all()]
    attempt = 0
    while True:
        if len(scan_keys) > 1 or kind == Assignment.Kind.ADJUDICATION:
            # An adjudicator's cases come one by one, so theirs need no halves to keep scans apart.
            yield _number(terms.plan_seed, kind, reader_id, name, *scan_keys, attempt) % _PLACES
        else:
            # One of a patient's two scans is read in each half of the list, at about the same place:
            # far apart, and which of them comes first is a coin.
            first = _share(terms.plan_seed, kind, reader_id, name, "place", attempt)
            coin = _number(terms.plan_seed, kind, reader_id, name, "coin") % 2
            second_half = coin == (scan_keys[0] == Scan.Key.BASELINE)
            if second_half:
                jitter = _share(terms.plan_seed, kind, reader_id, name, "jitter") * 2 - 1
                first = abs(first + _JITTER * jitter)
                first = 2 - first if first >= 1 else first
            yield second_half * _PLACES + min(int(first * _PLACES), _PLACES - 1)
        attempt += 1


def new_code() -> str:
    """An opaque code: 80 random bits, unrelated to anything."""
    return secrets.token_hex(8)


def _assign(case: Case, reader: User, terms: Terms) -> Assignment:
    return _place(case, reader, Assignment.Kind.READ, terms, sham=False)


def _place(case: Case, reader: User, kind: str, terms: Terms, *, sham: bool) -> Assignment:
    taken = set(Assignment.objects.filter(reader=reader).values_list("position", flat=True))
    position = next(place for place in places(case, reader.pk, kind, terms) if place not in taken)
    return Assignment.objects.create(
        case=case, reader=reader, kind=kind, code=new_code(), position=position, sham=sham
    )


def _check_gaps(reader_ids: Iterable[int], least: int) -> None:
    for reader_id in reader_ids:
        order = Assignment.objects.filter(reader=reader_id, kind=Assignment.Kind.READ).order_by("position")
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
    return _share(terms.sham_seed, "sham", case.pk) < terms.sham_share


def refer(case: Case, *, sham: bool) -> Assignment | None:
    """Give a case to an adjudicator, at a random place of their list; None while there is none."""
    terms = charter.terms_of(case.charter)
    adjudicators = list(User.objects.filter(role=Role.ADJUDICATOR, is_active=True).order_by("pk"))
    if not adjudicators:
        return None
    reader = adjudicators[_number(terms.plan_seed, "adjudicator", case.pk) % len(adjudicators)]
    return _place(case, reader, Assignment.Kind.ADJUDICATION, terms, sham=sham)


def _without_adjudicator() -> Iterable[Case]:
    return (
        Case.objects.filter(state=Case.State.ADJUDICATION)
        .exclude(assignments__kind=Assignment.Kind.ADJUDICATION)
        .select_related("charter", "patient")
    )


# --- Verification


def deviations() -> Iterator[str]:
    """Regenerate the plan from the charters' seeds and name each stored row that differs."""
    for frozen in Charter.objects.order_by("version"):
        if not charter.is_intact(frozen):
            yield f"annotation.charter {frozen.pk}: terms of version {frozen.version} are not what was hashed"
    taken: dict[int, set[int]] = {}
    rows = Assignment.objects.order_by("pk").select_related("case__charter", "case__patient")
    for row in rows.prefetch_related("case__scans"):
        before = taken.setdefault(row.reader_id, set())
        terms = Terms.of(row.case.charter.terms)
        expected = next(p for p in places(row.case, row.reader_id, row.kind, terms) if p not in before)
        before.add(row.position)
        if row.position != expected:
            yield f"annotation.assignment {row.pk}: position {row.position}, the seed gives {expected}"
        if row.sham and not is_sham(row.case, terms):
            yield f"annotation.assignment {row.pk}: a sham that the seed did not draw"
    yield from _incomplete_cases()


def _incomplete_cases() -> Iterator[str]:
    cases = Case.objects.select_related("charter").prefetch_related("assignments", "scans__final_label")
    adjudicators = User.objects.filter(role=Role.ADJUDICATOR).exists()
    for case in cases.order_by("pk"):
        assignments = list(case.assignments.all())
        reads = [a for a in assignments if a.kind == Assignment.Kind.READ]
        if len(reads) != READS_PER_CASE:
            yield f"annotation.case {case.pk}: {len(reads)} reads are planned, not {READS_PER_CASE}"
        referred = [a for a in assignments if a.kind == Assignment.Kind.ADJUDICATION]
        label = next((s.final_label for s in case.scans.all() if hasattr(s, "final_label")), None)
        concordant = label is not None and label.how == FinalLabel.How.CONCORDANT
        if any(a.sham for a in referred) and not concordant:
            yield f"annotation.case {case.pk}: a sham referral of a case that is not concordant"
        if concordant and any(not a.sham for a in referred):
            yield f"annotation.case {case.pk}: concordant, and referred as a conflict"
        if concordant and not referred and is_sham(case, charter.terms_of(case.charter)) and adjudicators:
            yield f"annotation.case {case.pk}: the seed drew a sham that is not in the queue"
