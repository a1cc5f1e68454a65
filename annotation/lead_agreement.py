"""Agreement as the lead reads it: between observers, and of each observer with their own re-reads."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from annotation import agreement, charter, rubric
from annotation.lead_queries import both_signed
from annotation.models import Assignment, Reading, Scan

_SIGNED = Reading.State.SIGNED
_RESAMPLES = 500
#: All pairs of observers together.
OBSERVERS = "observers"


@dataclass(frozen=True)
class ScoredPair:
    """One scan as it was signed twice; None where it was unreadable to the reader."""

    patient_id: int
    case_id: int
    scan: str
    #: User names: two observers, or one twice.
    readers: tuple[str, str]
    grades: tuple[dict[str, Any], dict[str, Any]]
    categories: tuple[str | None, str | None]


@dataclass(frozen=True)
class Repeat:
    """A case that its observer signed twice."""

    first: Reading
    again: Reading
    #: Other reads that the observer signed in between.
    between: int
    #: Whether these are as many as the charter wants.
    washed_out: bool

    @property
    def changed(self) -> bool:
        return self.first.categories != self.again.categories


def inter_pairs() -> list[ScoredPair]:
    """Every scan that both observers have signed."""
    readings = (
        Reading.objects.filter(
            state=_SIGNED, assignment__kind=Assignment.Kind.READ, assignment__case__in=both_signed()
        )
        .select_related("assignment__case", "assignment__reader")
        # By reader, so that a table's rows are one person and its columns the other.
        .order_by("assignment__case_id", "assignment__reader_id")
    )
    by_case: dict[int, list[Reading]] = {}
    for reading in readings:
        by_case.setdefault(reading.assignment.case_id, []).append(reading)
    return [pair for reads in by_case.values() for pair in _pairs(*reads[:2])]


def repeats() -> list[Repeat]:
    """Every re-read that is signed, beside the same observer's first read, in the order of signing."""
    readings = (
        Reading.objects.filter(
            state=_SIGNED, assignment__kind__in=(Assignment.Kind.READ, Assignment.Kind.REREAD)
        )
        .select_related("assignment__case__charter", "assignment__reader")
        .order_by("signed_at", "pk")
    )
    first: dict[tuple[int, int], Reading] = {}
    signed: Counter[int] = Counter()
    place: dict[int, int] = {}
    again: list[Reading] = []
    for reading in readings:
        row = reading.assignment
        place[reading.pk] = signed[row.reader_id]
        signed[row.reader_id] += 1
        if row.kind == Assignment.Kind.READ:
            first[row.reader_id, row.case_id] = reading
        else:
            again.append(reading)
    found = []
    for reading in again:
        row = reading.assignment
        earlier = first.get((row.reader_id, row.case_id))
        if earlier is None:
            continue  # the first read was opened again
        # Whichever of the two was signed first: a reader may take the list in another order.
        between = abs(place[earlier.pk] - place[reading.pk]) - 1
        least = charter.terms_of(row.case.charter).washout_reads
        found.append(Repeat(earlier, reading, between, between >= least))
    return found


def intra_pairs() -> list[ScoredPair]:
    """Every scan that an observer has signed twice with the wash-out kept."""
    return [pair for one in repeats() if one.washed_out for pair in _pairs(one.first, one.again)]


def _pairs(first: Reading, second: Reading) -> Iterator[ScoredPair]:
    for scan in sorted(first.content):
        yield ScoredPair(
            patient_id=first.assignment.case.patient_id,
            case_id=first.assignment.case_id,
            scan=scan,
            readers=(first.assignment.reader.username, second.assignment.reader.username),
            grades=tuple(read.content[scan].get("grades", {}) for read in (first, second)),
            categories=(first.categories.get(scan), second.categories.get(scan)),
        )


def comparisons() -> dict[str, tuple[str, list[ScoredPair]]]:
    """What can be compared: key → (what it is called, the scans)."""
    inter, intra = inter_pairs(), intra_pairs()
    found = {OBSERVERS: ("Between observers", inter)}
    pairs = sorted({pair.readers for pair in inter})
    if len(pairs) > 1:
        for one, other in pairs:
            chosen = [pair for pair in inter if pair.readers == (one, other)]
            found[f"{one}+{other}"] = (f"{one} and {other}", chosen)
    for name in sorted({pair.readers[0] for pair in intra}):
        chosen = [pair for pair in intra if pair.readers[0] == name]
        found[f"same:{name}"] = (f"{name}: first read and re-read", chosen)
    return found


def agreement_page(comparison: str = OBSERVERS) -> dict[str, Any] | None:
    """Every coefficient for the category and each finding, by scan and over both; None if unknown."""
    offered = comparisons()
    if comparison not in offered:
        return None
    pairs = offered[comparison][1]
    rows = []
    for scan in (*Scan.Key.values, "all"):
        chosen = [pair for pair in pairs if scan in (pair.scan, "all")]
        rows.append(_agreement_row(scan, "category", "Category", rubric.CATEGORIES, True, chosen, _category))
        for finding in rubric.FINDINGS:
            rows.append(
                _agreement_row(
                    scan,
                    finding.key,
                    finding.label,
                    finding.values,
                    finding.ordered,
                    chosen,
                    _grade(finding.key),
                )
            )
    return {
        "comparison": comparison,
        "comparisons": [
            {"key": key, "label": label, "n_cases": len({pair.case_id for pair in scored})}
            for key, (label, scored) in offered.items()
        ],
        "n_cases": len({pair.case_id for pair in pairs}),
        "by": [row for row in rows if row],
    }


def _category(pair: ScoredPair) -> tuple[Any, Any]:
    return pair.categories


def _grade(key: str) -> Any:
    return lambda pair: (pair.grades[0].get(key), pair.grades[1].get(key))


def _agreement_row(
    scan: str,
    finding: str,
    label: str,
    scale: Sequence[Any],
    ordered: bool,
    pairs: list[ScoredPair],
    scores: Any,
) -> dict[str, Any] | None:
    rated = [(pair.patient_id, *scores(pair)) for pair in pairs]
    rated = [row for row in rated if row[1] is not None and row[2] is not None]
    if not rated:
        return None
    patients, a, b = (list(column) for column in zip(*rated, strict=True))

    resampled: dict[str, Any] = {"labels": scale, "clusters": patients, "n_resamples": _RESAMPLES}
    found = agreement.coefficients(a, b, ordered=ordered, **resampled)
    labels, table = agreement.contingency(a, b, scale)
    return {
        "scan": scan,
        "finding": finding,
        "label": label,
        "n": len(rated),
        "kappa_weighted": _interval(found.pop("kappa_quadratic", None)),
        **dict.fromkeys(("kappa_linear", "ac2", "alpha_ordinal")),
        **{name: _interval(interval) for name, interval in found.items()},
        "grades": [
            {**row, "agreement": _interval(row["agreement"]), "kappa": _interval(row["kappa"])}
            for row in agreement.by_grade(a, b, **resampled)
        ],
        "table": {"labels": labels, "counts": table.astype(int).tolist()},
        "prevalence_warning": agreement.prevalence_warning(a, b, scale),
    }


def _interval(found: agreement.Interval | None) -> dict[str, float | None] | None:
    if found is None:
        return None
    return {name: value if math.isfinite(value) else None for name, value in found._asdict().items()}
