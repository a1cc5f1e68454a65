"""What the lead reads: progress, agreement, labels with their provenance. Readers never get any of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet

from annotation.models import Assignment, Case, Consensus, FinalLabel, Reading
from config.accounts.models import User

_SIGNED = Reading.State.SIGNED
_PAIR = 2


def progress() -> dict[str, Any]:
    """Cases by state, reads by reader, and how much is in dispute."""
    states = Counter(Case.objects.values_list("state", flat=True))
    compared = both_signed().count()
    conflicts = Assignment.objects.filter(kind=Assignment.Kind.ADJUDICATION, sham=False)
    # A case in dispute has a consensus session, or went to the adjudicator without one.
    discrepant = Case.objects.filter(
        Q(consensus__isnull=False) | Q(assignments__in=conflicts) | Q(state=Case.State.ADJUDICATION)
    ).distinct()
    referred = Case.objects.filter(Q(assignments__in=conflicts) | Q(state=Case.State.ADJUDICATION)).distinct()
    return {
        "cases": {state: states.get(state, 0) for state in Case.State.values},
        "readers": list(_readers()),
        "discrepant": discrepant.count(),
        "consensus_open": Consensus.objects.filter(
            outcome=Consensus.Outcome.OPEN, case__state=Case.State.CONSENSUS
        ).count(),
        "adjudication_open": states.get(Case.State.ADJUDICATION, 0),
        "adjudication_rate": referred.count() / compared if compared else None,
    }


def _readers() -> Iterator[dict[str, Any]]:
    users = User.objects.filter(assignments__isnull=False).annotate(
        assigned=Count("assignments", distinct=True),
        draft=Count("assignments", distinct=True, filter=Q(assignments__readings__state="draft")),
        signed=Count("assignments", distinct=True, filter=Q(assignments__readings__state="signed")),
    )
    active: dict[str, list[str]] = {}
    for role, name in (
        User.objects.filter(is_active=True).order_by("username").values_list("role", "username")
    ):
        active.setdefault(role, []).append(name)
    for user in users.order_by("role", "username"):
        yield {
            "username": user.username,
            "role": user.role,
            "assigned": user.assigned,
            "draft": user.draft,
            "signed": user.signed,
            "colleagues": [name for name in active.get(user.role, ()) if name != user.username],
        }


def both_signed() -> QuerySet[Case]:
    """Cases whose two observers have a signed read in force."""
    return Case.objects.annotate(
        signed=Count(
            "assignments",
            distinct=True,
            filter=Q(assignments__kind=Assignment.Kind.READ, assignments__readings__state=_SIGNED),
        )
    ).filter(signed__gte=_PAIR)


# --- Labels


def labels() -> QuerySet[FinalLabel]:
    """All final labels with what their provenance needs."""
    return FinalLabel.objects.select_related(
        "scan__case__patient", "scan__series", "scan__case__consensus", "charter"
    ).prefetch_related(
        Prefetch("readings", Reading.objects.select_related("assignment__reader").order_by("pk"))
    )


def label_out(label: FinalLabel) -> dict[str, Any]:
    return {
        "id": label.pk,
        "patient": label.scan.case.patient.pseudonym,
        "scan": label.scan.key,
        "series_uid": label.scan.series.series_uid,
        "category": label.category,
        "how": label.how,
        "grades": label.grades,
        "decided_at": label.decided_at,
        "case": label.scan.case_id,
        "charter": label.charter.version,
        "readings": [
            {
                "id": reading.pk,
                "reader": reading.assignment.reader.username,
                "kind": reading.assignment.kind,
                "version": reading.version,
                "categories": reading.categories,
                "content_hash": reading.content_hash,
                "signed_at": reading.signed_at,
            }
            for reading in label.readings.all()
        ],
    }


def label_detail(label: FinalLabel) -> dict[str, Any]:
    """One label down to the grades, comments and measurements it rests on, on the real slices."""
    scan = label.scan
    slices = list(scan.series.instances.order_by("index").values_list("sop_uid", flat=True))
    page = label_out(label)
    for row, reading in zip(page["readings"], label.readings.all(), strict=True):
        scores = reading.content.get(scan.key, {})
        row |= {
            "meaning": reading.meaning,
            "rubric_version": reading.rubric_version,
            "grades": scores.get("grades", {}),
            "comments": scores.get("comments", {}),
            "key_slices": scores.get("key_slices", {}),
            "measurements": [
                {**one, "sop_uid": slices[one["slice"]]}
                for one in reading.measurements
                if one["scan"] == scan.key
            ],
        }
    session = getattr(scan.case, "consensus", None)
    page["consensus"] = session and {
        "outcome": session.outcome,
        "proposed_by": session.proposed_by and session.proposed_by.username,
        "proposed_at": session.proposed_at,
        "proposed_meaning": session.proposed_meaning,
        "closed_by": session.closed_by and session.closed_by.username,
        "closed_at": session.closed_at,
        "closed_meaning": session.closed_meaning,
        "content_hash": session.content_hash,
    }
    return page
