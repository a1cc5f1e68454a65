"""The lead's monitoring: disputes, each reader's disagreement index, the tie-breaker, drift, time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.db.models import Q

from annotation import monitoring, rubric
from annotation.lead_agreement import repeats
from annotation.lead_queries import both_signed
from annotation.models import Assignment, Case, FinalLabel, QualificationRead, Reading
from annotation.monitoring import Verdict

_SIGNED = Reading.State.SIGNED
_OBSERVERS_READ = (Assignment.Kind.READ, Assignment.Kind.REREAD)


def monitoring_page() -> dict[str, Any]:
    """Everything the lead watches, as plain numbers; null where nothing can be computed yet."""
    return {
        "adjudication_rate": _rate(adjudication_rate()),
        "disagreement": _disagreement(),
        "tie_breaker": _tie_breaker(),
        "drift": _drift(),
        "times": _times(),
    }


def adjudication_rate() -> monitoring.Rate:
    """Cases sent to the adjudicator for a dispute ÷ cases that both observers have read."""
    conflicts = Assignment.objects.filter(kind=Assignment.Kind.ADJUDICATION, sham=False)
    referred = both_signed().filter(Q(assignments__in=conflicts) | Q(state=Case.State.ADJUDICATION))
    return monitoring.rate(referred.values("pk").distinct().count(), both_signed().count())


def _observers_reads() -> dict[int, dict[str, dict[str, str]]]:
    """Case → user name → signed categories, of cases that both observers have read."""
    readings = Reading.objects.filter(
        state=_SIGNED, assignment__kind=Assignment.Kind.READ, assignment__case__in=both_signed()
    )
    found: dict[int, dict[str, dict[str, str]]] = {}
    for case_id, name, categories in readings.values_list(
        "assignment__case_id", "assignment__reader__username", "categories"
    ):
        found.setdefault(case_id, {})[name] = categories
    return found


def _adjudicators_reads(*, sham: bool) -> list[tuple[int, int, dict[str, str]]]:
    readings = Reading.objects.filter(
        state=_SIGNED, assignment__kind=Assignment.Kind.ADJUDICATION, assignment__sham=sham
    ).order_by("pk")
    return list(readings.values_list("assignment__case_id", "assignment__case__patient_id", "categories"))


def _disagreement() -> list[dict[str, Any]]:
    reads = _observers_reads()
    verdicts = [
        Verdict({name: given != categories for name, given in reads[case_id].items()})
        for case_id, _, categories in _adjudicators_reads(sham=False)
        if case_id in reads
    ]
    read = Counter(name for given in reads.values() for name in given)
    return [
        {"reader": row.reader, "index": _rate(row.index), "adjudicated": row.adjudicated, "p": row.p}
        for row in monitoring.disagreement(verdicts, dict(read))
    ]


def _tie_breaker() -> dict[str, Any]:
    labels = {
        (label.scan.case_id, label.scan.key): label.category
        for label in FinalLabel.objects.filter(how=FinalLabel.How.CONCORDANT).select_related("scan")
    }
    severity = {category: step for step, category in enumerate(rubric.CATEGORIES)}
    agreed, given, patients = [], [], []
    for case_id, patient_id, categories in _adjudicators_reads(sham=True):
        for scan, category in categories.items():
            if category in severity and (case_id, scan) in labels:
                agreed.append(severity[labels[case_id, scan]])
                given.append(severity[category])
                patients.append(patient_id)
    bias = monitoring.tie_breaker_bias(agreed, given, patients)
    value, low, high = (_number(part) for part in bias.shift)
    return {
        "changed": _rate(bias.changed),
        "more_severe": bias.more_severe,
        "less_severe": bias.less_severe,
        "shift": {"value": value, "low": low, "high": high},
        "p": bias.p,
    }


def _drift() -> list[dict[str, Any]]:
    """Each reader's checked reads in the order of signing: re-reads against their own first read, and scored
    phantom cases against the truth; wrong where a scan's category differs."""
    by_reader: dict[str, list[dict[str, Any]]] = {}
    for one in repeats():
        checked = {
            "at": one.again.signed_at, "kind": "reread", "between": one.between, "wrong": one.changed
        }  # fmt: skip
        by_reader.setdefault(one.again.assignment.reader.username, []).append(checked)
    for name, checked in _phantoms():
        by_reader.setdefault(name, []).append(checked)
    rows = []
    for name, seen in sorted(by_reader.items()):
        seen.sort(key=lambda checked: checked["at"])
        steps = monitoring.cusum(checked["wrong"] for checked in seen)
        rows.append(
            {
                "reader": name,
                "threshold": monitoring.threshold(),
                "expected": monitoring.EXPECTED,
                "unacceptable": monitoring.UNACCEPTABLE,
                "points": [{**checked, **step._asdict()} for checked, step in zip(seen, steps, strict=True)],
            }
        )
    return rows


def _phantoms() -> Iterator[tuple[str, dict[str, Any]]]:
    """User name and result of each scored read of a phantom; training is for learning and left out."""
    reads = (
        QualificationRead.objects.filter(state=QualificationRead.State.SIGNED, attempt__isnull=False)
        .select_related("reader")
        .prefetch_related("case__scans")
        .order_by("signed_at", "pk")
    )
    for read in reads:
        truth = {scan.key: rubric.classify(scan.truth) for scan in read.case.scans.all()}
        checked = {"at": read.signed_at, "kind": "phantom", "between": None}
        yield read.reader.username, {**checked, "wrong": read.categories != truth}


def _times() -> list[dict[str, Any]]:
    readings = Reading.objects.filter(state=_SIGNED).order_by("signed_at", "pk")
    by_reader: dict[str, list[dict[str, Any]]] = {}
    for name, kind, at, seconds in readings.values_list(
        "assignment__reader__username", "assignment__kind", "signed_at", "active_seconds"
    ):
        again = kind == Assignment.Kind.REREAD
        by_reader.setdefault(name, []).append({"at": at, "seconds": seconds, "again": again})
    rows = []
    for name, points in sorted(by_reader.items()):
        times = monitoring.reading_times([point["seconds"] for point in points])
        numbers = {key: _number(value) for key, value in times._asdict().items() if key != "n"}
        rows.append({"reader": name, "n": times.n, **numbers, "points": points})
    return rows


def _rate(found: monitoring.Rate) -> dict[str, Any]:
    return {
        "k": found.k,
        "n": found.n,
        "value": _number(found.value),
        "low": _number(found.low),
        "high": _number(found.high),
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
