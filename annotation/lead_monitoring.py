"""The lead's monitoring: disputes, each reader's disagreement index, the tie-breaker, drift, time."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from django.db.models import Q

from annotation import monitoring, rubric
from annotation.lead_agreement import repeats
from annotation.lead_queries import both_signed
from annotation.models import Assignment, Case, FinalLabel, Reading
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
    """Each observer's re-reads in the order of signing, as errors against their own first read."""
    by_reader: dict[str, list[Any]] = {}
    for one in repeats():
        by_reader.setdefault(one.again.assignment.reader.username, []).append(one)
    return [
        {
            "reader": name,
            "threshold": monitoring.threshold(),
            "expected": monitoring.EXPECTED,
            "unacceptable": monitoring.UNACCEPTABLE,
            "points": [
                {"at": one.again.signed_at, "between": one.between, **step._asdict()}
                for one, step in zip(seen, monitoring.cusum(one.changed for one in seen), strict=True)
            ],
        }
        for name, seen in sorted(by_reader.items())
    ]


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
