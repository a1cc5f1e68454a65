"""The patient flow: why each patient is in or out, as exclusion records that always sum.

Every failing step of a patient is one Exclusion; the first in the order below is the step it leaves
at. Rule and chart-review rows are recomputed here; those of final labels and of the lead stay.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import CharField, Count, QuerySet, Value
from django.utils import timezone

from cohort import bulk_load, criteria, scan_pairs
from cohort.models import ChartReview, Diagnosis, Exam, Exclusion, FlowRules, Patient, Series
from cohort.scan_pairs import Chunk
from config.accounts.models import User

Step, Source = Exclusion.Step, Exclusion.Source
#: In the order in which patients leave; everybody is identified, who is left is included.
ORDER: tuple[str, ...] = (
    Step.IMAGED, Step.INTERVAL, Step.CODED, Step.BASELINE_T2, Step.CHART_REVIEW, Step.BASELINE_DEFORMITY,
)  # fmt: skip
LABELS = {"identified": "Identified", **dict(Step.choices), "included": "Included"}
_COMPUTED = (Source.RULE, Source.CHART)
_RANK = {str(step): rank for rank, step in enumerate(ORDER)}
_CHUNK = 5000


@dataclass(frozen=True, slots=True)
class _Failure:
    reason: str
    source: str
    note: str = ""
    by: int | None = None


# ---- reading


def flow() -> dict[str, Any]:
    """Steps with remaining, left and reasons, over all patients and by site.

    One statement, so that the figures sum even while rows change. Who leaves is counted over the index of
    ways out and who stays is the rest of the site: a join of every patient costs twice as much.
    """
    exits: dict[str, Counter[tuple[str | None, str]]] = defaultdict(Counter)
    nowhere = Value("", output_field=CharField())
    who_left = (
        Exclusion.objects.filter(leaving=True, step__in=ORDER)
        .order_by()
        .values_list("patient__site", "step", "reason")
        .annotate(n=Count("pk"))
    )
    who_came = Patient.objects.order_by().values_list("site", nowhere, nowhere).annotate(n=Count("pk"))
    for site, step, reason, n in who_left.union(who_came, all=True):
        if step:
            exits[site][step, reason] += n
            exits[site][None, ""] -= n
        else:
            exits[site][None, ""] += n
    everybody = sum(exits.values(), Counter())
    sites = [{"site": site, "steps": _steps(exits[site])} for site in sorted(exits)]
    return {"steps": _steps(everybody), "sites": sites}


def steps_of(found: dict[str, Any], site: str | None) -> list[dict[str, Any]] | None:
    """The steps of one site, of everybody when None; None when there is no such site."""
    if site is None:
        everybody: list[dict[str, Any]] = found["steps"]
        return everybody
    return next((one["steps"] for one in found["sites"] if one["site"] == site), None)


ROW_FIELDS = ("site", "step", "label", "reason", "remaining", "left")


def rows(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The flow as a table: one row a step and one a reason, for everybody and then by site."""
    whole = found.get("site", "all sites")
    for site, steps in [(whole, found["steps"]), *((s["site"], s["steps"]) for s in found["sites"])]:
        for step in steps:
            row = {"site": site, "step": step["key"], "label": step["label"], "reason": ""}
            yield {**row, "remaining": step["remaining"], "left": step["left"]}
            for reason, n in step["reasons"].items():
                yield {**row, "reason": reason, "remaining": "", "left": n}


def _steps(exits: Counter[tuple[str | None, str]]) -> list[dict[str, Any]]:
    remaining = exits.total()
    steps = [_step("identified", remaining, {})]
    for key in ORDER:
        reasons = {reason: n for (step, reason), n in sorted(exits.items(), key=str) if step == key}
        remaining -= sum(reasons.values())
        steps.append(_step(key, remaining, reasons))
    steps.append(_step("included", remaining, {}))
    return steps


def _step(key: str, remaining: int, reasons: dict[str, int]) -> dict[str, Any]:
    left = sum(reasons.values())
    return {
        "key": str(key),
        "label": str(LABELS[key]),
        "remaining": remaining,
        "left": left,
        "reasons": reasons,
    }


def steps_up_to(key: str) -> tuple[str, ...]:
    """The steps at which somebody who reached ``key`` cannot have left; unknown keys bar nobody."""
    if key == "included":
        return ORDER
    return ORDER[: ORDER.index(key) + 1] if key in ORDER else ()


def eligible() -> QuerySet[Patient]:
    """Patients to read and to train on: none of the steps excludes them, and both scans are there."""
    return Patient.objects.exclude(exclusions__leaving=True).filter(scan_pair__isnull=False).order_by("pk")


def current_interval() -> int:
    """Days between two scans that the flow asks for."""
    newest = FlowRules.objects.first()
    return newest.min_interval_days if newest else criteria.MIN_INTERVAL_DAYS


# ---- writing


@transaction.atomic
def exclude(
    *,
    patient: Patient,
    step: str,
    reason: str,
    source: str,
    by: User | None = None,
    note: str = "",
) -> Exclusion:
    """Record that a patient fails a step by a final label or the lead's decision; repeatable.

    Such a row stands in place of a rule's at the same step, and ``refresh`` leaves it alone.
    """
    if step not in Step.values or source not in Source.values:
        raise ValueError(f"unknown step {step!r} or source {source!r}")
    if not reason:
        raise ValueError("an exclusion needs a reason")
    wanted = {"reason": reason, "source": source, "excluded_by": by, "note": note}
    row, new = Exclusion.objects.get_or_create(patient=patient, step=step, defaults=wanted)
    if not new and any(getattr(row, name) != value for name, value in wanted.items()):
        # Another decision takes the row over: its time is now, not the rule's.
        for name, value in {**wanted, "excluded_at": timezone.now()}.items():
            setattr(row, name, value)
        row.save(update_fields=[*wanted, "excluded_at"])
    _mark_leaving([patient.pk])
    row.refresh_from_db()
    return row


def refresh(
    patients: Iterable[Patient | int] | Iterator[int] | None = None,
    *,
    min_interval_days: int | None = None,
) -> None:
    """Recompute rule and chart exclusions, scan pairs and leaving steps from the records.

    A fixed number of queries for every 5000 patients.

    Parameters
    ----------
    patients
        All when None; an iterator holds primary keys in ascending order, and is read as it goes.
    min_interval_days
        A new setting, recorded and applied to everybody; by default the one recorded last, or the paper's.
    """
    if min_interval_days is None:
        min_interval_days = current_interval()
    elif min_interval_days != current_interval():
        FlowRules.objects.create(min_interval_days=min_interval_days)
        patients = None
    if patients is None:
        keys: Iterable[int] = Patient.objects.order_by("pk").values_list("pk", flat=True).iterator(_CHUNK)
    elif isinstance(patients, Iterator):
        keys = patients
    else:
        keys = sorted({p if isinstance(p, int) else p.pk for p in patients})
    for chunk in _chunks(keys):
        with transaction.atomic():
            exams = _exams(chunk)
            _save(chunk, _failures(chunk, exams, min_interval_days))
            scan_pairs.refresh(chunk, exams, min_interval_days)


def _chunks(keys: Iterable[int]) -> Iterator[Chunk]:
    for part in _parts(keys):
        if part[-1] - part[0] < 2 * len(part):
            # Neighbours may come along. A range as a subquery spares every query its 5000 parameters.
            yield (
                Patient.objects.filter(pk__range=(part[0], part[-1])).order_by().values_list("pk", flat=True)
            )
        else:
            yield part


def _parts(keys: Iterable[int]) -> Iterator[list[int]]:
    waiting = iter(keys)
    while part := list(islice(waiting, _CHUNK)):
        yield part


def _exams(chunk: Chunk) -> dict[int, list[scan_pairs.ExamFacts]]:
    """Each patient's exams by date, with the accepted series found in them."""
    found: dict[int, list[scan_pairs.ExamFacts]] = defaultdict(list)
    by_exam: dict[int, scan_pairs.ExamFacts] = {}
    rows = Exam.objects.filter(patient__in=chunk).order_by("date", "pk")
    for pk, patient, day, modality, body_part, flag in rows.values_list(
        "pk", "patient_id", "date", "modality", "body_part", "sagittal_t2"
    ):
        exam = scan_pairs.ExamFacts(
            pk, day, criteria.is_mr(modality) and criteria.is_cervical(body_part), flag
        )
        by_exam[pk] = exam
        found[patient].append(exam)
    series = Series.objects.filter(exam__patient__in=chunk, state=Series.State.ACCEPTED).order_by("pk")
    for pk, exam_pk, adequate, slices, spacing in series.values_list(
        "pk", "exam_id", "sagittal_t2_cervical", "slices", "row_spacing"
    ):
        exam = by_exam[exam_pk]
        exam.imaged = True
        if adequate:
            exam.cervical_mr = True  # the images outweigh what the export says of the exam
            exam.adequate.append((-slices, spacing, pk))
    return found


def _failures(
    chunk: Chunk, exams: dict[int, list[scan_pairs.ExamFacts]], min_days: int
) -> dict[tuple[int, str], _Failure]:
    failures: dict[tuple[int, str], _Failure] = {}
    coded = {
        patient
        for patient, system, code in Diagnosis.objects.filter(patient__in=chunk).values_list(
            "patient_id", "system", "code"
        )
        if _rheumatoid(system, code)
    }
    chosen = scan_pairs.chosen_exams(chunk)
    for patient in chunk:
        pair = chosen.get(patient)
        for step, reason in _rules(exams.get(patient, []), pair, patient in coded, min_days):
            failures[patient, step] = _Failure(reason, Source.RULE)
    for patient, (decision, note, by) in _chart_decisions(chunk).items():
        if decision != ChartReview.Decision.CONFIRMED:
            failures[patient, Step.CHART_REVIEW] = _Failure(decision, Source.CHART, note, by)
    return failures


_rheumatoid = lru_cache(maxsize=4096)(criteria.is_rheumatoid)


def _rules(
    exams: list[scan_pairs.ExamFacts], chosen: tuple[int, int] | None, coded: bool, min_days: int
) -> Iterator[tuple[str, str]]:
    """The steps that the rules fail, with reasons. What needs an MRI is not asked of those without one.

    ``chosen`` are the exams of a pair that the lead chose. They stand for the patient, and the lead has
    answered for their series; only the interval is asked of them.
    """
    if chosen:
        first, last = (next(exam for exam in exams if exam.pk == pk) for pk in chosen)
        if not criteria.long_enough(first.date, last.date, min_days):
            yield Step.INTERVAL, "short_interval"
        if not coded:
            yield Step.CODED, "no_ra_code"
        return
    mri = [exam for exam in exams if exam.cervical_mr]
    if not mri:
        yield Step.IMAGED, "no_cervical_mri" if exams else "no_imaging"
    elif len(mri) == 1:
        yield Step.INTERVAL, "single_mri"
    elif not criteria.long_enough(mri[0].date, mri[-1].date, min_days):
        yield Step.INTERVAL, "short_interval"
    if not coded:
        yield Step.CODED, "no_ra_code"
    if mri and not mri[0].adequate:
        if mri[0].imaged or mri[0].flag is False:
            yield Step.BASELINE_T2, "no_sagittal_t2"
        elif mri[0].flag is None:
            yield Step.BASELINE_T2, "sagittal_t2_unknown"
    late = [exam for exam in mri[1:] if criteria.long_enough(mri[0].date, exam.date, min_days)]
    if late and all(exam.imaged and not exam.adequate for exam in late):
        yield Step.CHART_REVIEW, ChartReview.Decision.NO_ADEQUATE_FOLLOW_UP.value


def chart_rank(pk: int, day: date | None, by: int | None) -> tuple[bool, date, int]:
    """Of a patient's decisions the one that ranks highest counts.

    One made here before those of the export, whose shifted dates no clock here compares with; then the
    newer by its own date, undated ones being oldest; then as entered.
    """
    return by is not None, day or date.min, pk


def _chart_decisions(chunk: Chunk) -> dict[int, tuple[str, str, int | None]]:
    """The decision of each patient that counts: see ``chart_rank``."""
    newest: dict[int, tuple[tuple[bool, date, int], tuple[str, str, int | None]]] = {}
    rows = ChartReview.objects.filter(patient__in=chunk, taken_back_at__isnull=True)
    for pk, patient, decision, note, day, by in rows.values_list(
        "pk", "patient_id", "decision", "note", "date", "decided_by_id"
    ):
        rank = chart_rank(pk, day, by)
        if patient not in newest or rank > newest[patient][0]:
            newest[patient] = rank, (decision, note, by)
    return {patient: decision for patient, (_, decision) in newest.items()}


def _save(chunk: Chunk, failures: dict[tuple[int, str], _Failure]) -> None:
    """Make the exclusions of these patients what ``failures`` says, each with its leaving step marked."""
    stale: list[int] = []
    unmarked: list[int] = []
    marked: list[int] = []
    changed: list[Exclusion] = []
    leaves: dict[int, str] = {}  # patient → first failing step
    for patient, step in failures:
        _earliest(leaves, patient, step)
    rows = list(Exclusion.objects.filter(patient__in=chunk))
    kept = []
    for row in rows:
        key = (row.patient_id, row.step)
        failure = failures.pop(key, None)
        if row.source not in _COMPUTED:
            _earliest(leaves, *key)
        elif failure is None:
            stale.append(row.pk)
            continue
        elif failure != _Failure(row.reason, row.source, row.note, row.excluded_by_id):
            row.reason, row.source, row.note = failure.reason, failure.source, failure.note
            row.excluded_by_id, row.excluded_at = failure.by, timezone.now()
            changed.append(row)
        kept.append(row)
    for row in kept:
        leaving = leaves[row.patient_id] == row.step
        if leaving != row.leaving:
            (marked if leaving else unmarked).append(row.pk)
    # Off before on: a patient has at most one leaving step at any moment, the database insists.
    for part in _parts(stale):
        Exclusion.objects.filter(pk__in=part).delete()
    for part in _parts(unmarked):
        Exclusion.objects.filter(pk__in=part).update(leaving=False)
    fields = ["reason", "source", "note", "excluded_by", "excluded_at"]
    Exclusion.objects.bulk_update(changed, fields, batch_size=150)
    for part in _parts(marked):
        Exclusion.objects.filter(pk__in=part).update(leaving=True)
    bulk_load.insert(
        Exclusion,
        ("patient_id", "step", "reason", "source", "note", "excluded_by_id", "leaving"),
        [
            (patient, str(step), f.reason, str(f.source), f.note, f.by, leaves[patient] == step)
            for (patient, step), f in failures.items()
        ],
    )


def _earliest(leaves: dict[int, str], patient: int, step: str) -> None:
    known = leaves.get(patient)
    if known is None or _RANK[step] < _RANK[known]:
        leaves[patient] = step


def _mark_leaving(chunk: Chunk) -> None:
    first: dict[int, tuple[int, int]] = {}
    marked: set[int] = set()
    for pk, patient, step, leaving in Exclusion.objects.filter(patient__in=chunk).values_list(
        "pk", "patient_id", "step", "leaving"
    ):
        first[patient] = min(first.get(patient, (len(ORDER), 0)), (ORDER.index(step), pk))
        if leaving:
            marked.add(pk)
    wanted = {pk for _, pk in first.values()}
    # Off before on: a patient has at most one leaving step at any moment, the database insists.
    Exclusion.objects.filter(pk__in=marked - wanted).update(leaving=False)
    Exclusion.objects.filter(pk__in=wanted - marked).update(leaving=True)
