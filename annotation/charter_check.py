"""What a charter would mean before it is frozen: how many reads, controls and re-reads, and for whom."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from annotation import charter, qualified
from annotation.charter import Terms
from annotation.models import Case
from annotation.placement import READS_PER_CASE
from cohort import flow
from config.accounts.models import Role, User

#: Share of cases that two readers of such scans usually differ on; for a forecast only.
_DISCREPANT = 0.2


def check(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Check proposed settings without keeping anything.

    Returns
    -------
    dict
        ``problems``: why they could not be frozen; ``warnings``: what the lead should know;
        ``differences`` from the version in force; ``implies``: the numbers, or None with a problem.
    """
    last = charter.current()
    base = (charter.terms_of(last) if last else Terms()).as_dict()
    try:
        terms = Terms.of({**base, **changes})
    except (TypeError, ValueError) as error:
        return {"problems": [str(error)], "warnings": [], "differences": [], "implies": None}
    problems = []
    if last and terms.read_design != last.terms["read_design"]:
        problems.append("read_design: cannot change once reading has started")
    differences = [
        {"term": key, "before": base.get(key), "after": value}
        for key, value in terms.as_dict().items()
        if base.get(key) != value
    ]
    if last and not differences:
        problems.append(f"Nothing differs from version {last.version}")
    implied = _implied(terms)
    return {
        "problems": problems,
        "warnings": _warnings(terms, implied, open_cases=Case.objects.count()),
        "differences": differences,
        "implies": implied,
    }


def _implied(terms: Terms) -> dict[str, Any]:
    patients = flow.eligible().filter(cases__isnull=True).count()
    active = User.objects.filter(is_active=True)
    observers = active.filter(role=Role.OBSERVER).count()
    cases = patients * (1 if terms.read_design == "paired" else 2)
    reads = math.ceil(cases * READS_PER_CASE / observers) if observers >= READS_PER_CASE else 0
    rereads = max(0, min(round(terms.reread_share * reads), reads - terms.washout_reads))
    concordant = cases * (1 - _DISCREPANT)
    return {
        "patients": patients,
        "cases": cases,
        "observers": observers,
        "observers_passed": len(qualified.among(active.filter(role=Role.OBSERVER))),
        "adjudicators": active.filter(role=Role.ADJUDICATOR).count(),
        "reads_per_observer": reads,
        "rereads_per_observer": rereads,
        "list_per_observer": reads + rereads,
        "shams": round(terms.sham_share * concordant),
        "conflicts": round(cases * _DISCREPANT),
        "assumed_discrepant": _DISCREPANT,
    }


def _warnings(terms: Terms, implied: Mapping[str, Any], *, open_cases: int) -> list[str]:
    reads, patients = implied["reads_per_observer"], implied["patients"]
    said = [
        (
            open_cases > 0,
            f"The {open_cases} cases that are open keep the version they were opened under; only new ones"
            " follow these terms.",
        ),
        (
            implied["observers"] < READS_PER_CASE,
            f"Reading needs {READS_PER_CASE} active observers; there are {implied['observers']}.",
        ),
        (
            implied["adjudicators"] == 0,
            "There is no active neurosurgeon: disputes wait until there is one.",
        ),
        (
            terms.reread_share > 0 and patients > 0 and implied["rereads_per_observer"] == 0,
            f"Lists of {reads} reads are too short for a wash-out of {terms.washout_reads}: nothing comes"
            " back, and agreement within an observer cannot be told.",
        ),
        (terms.reread_share == 0, "Without re-reads, agreement within an observer cannot be told."),
        (
            terms.sham_share == 0,
            "Without controls the neurosurgeon knows that every case is a dispute, and how they lean cannot"
            " be told.",
        ),
        (
            terms.sham_share > 0 and implied["cases"] > 0 and implied["shams"] == 0,
            "So few concordant cases become controls that there may be none.",
        ),
        (
            terms.qualification_required and implied["observers_passed"] < implied["observers"],
            f"{implied['observers_passed']} of {implied['observers']} active observers have passed the"
            " qualification; only they are given cases when reading is opened.",
        ),
        (
            terms.read_design == "independent" and patients > 0 and reads < 2 * terms.min_gap_reads,
            f"Two scans of one patient cannot lie {terms.min_gap_reads} reads apart in a list of {reads}.",
        ),
    ]
    return [text for holds, text in said if holds]
