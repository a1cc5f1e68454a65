"""Table 1 of the included patients, by the outcome that the final labels give, or by site."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from annotation import charter, rubric
from annotation.descriptive import CATEGORY, Characteristic, table, yes_no
from annotation.models import FinalLabel, Scan
from cohort import characteristics

BY = ("outcome", "site", "none")
ROWS = (
    Characteristic("age", "Age at baseline", unit="years"),
    Characteristic("sex", "Sex", CATEGORY, levels=(("F", "Female"), ("M", "Male"), ("O", "Other"))),
    Characteristic("age_at_diagnosis", "Age at RA diagnosis", unit="years"),
    Characteristic("disease_years", "Disease duration at baseline", unit="years"),
    yes_no("rf", "Rheumatoid factor positive"),
    yes_no("anti_ccp", "Anti-CCP positive"),
    yes_no("infliximab", "Infliximab used"),
    yes_no("other_biologic", "Other biologic used"),
    yes_no("never_biologic", "Never used a biologic"),
    Characteristic("interval_years", "Baseline to follow-up", unit="years"),
    Characteristic("cervical_mris", "Cervical MRIs"),
    Characteristic("site", "Site", CATEGORY),
    Characteristic("field_strength", "Field strength at baseline", CATEGORY),
    Characteristic("manufacturer", "Scanner at baseline", CATEGORY),
)
DOUBTFUL = Characteristic(
    "baseline_category",
    "Baseline category",
    CATEGORY,
    levels=((rubric.CLEAN, "Clean"), (rubric.INTERMEDIATE, "Doubtful")),
)
OUTCOMES = ((0, "No deformity at follow-up"), (1, "Deformity at follow-up"))


def table_one(by: str = "outcome") -> dict[str, Any]:
    """The table (shape in :func:`annotation.descriptive.table`) with ``by`` and ``ungrouped``.

    ``ungrouped`` counts who is in the overall column only: no final label of both scans yet, or an
    intermediate follow-up that the charter leaves out.
    """
    if by not in BY:
        raise ValueError(f"by: {by!r} is none of {', '.join(BY)}")
    people = list(characteristics.included())
    labels = _categories()
    for person in people:
        person["baseline_category"] = labels.get(person["patient"], {}).get(Scan.Key.BASELINE)
    rows = [*ROWS, *([DOUBTFUL] if labels else [])]
    groups: list[tuple[Any, str]] = []
    membership: list[Any] = [None] * len(people)
    if by == "site":
        membership = [person["site"] for person in people]
        groups = [(site, site) for site in sorted({site for site in membership if site})]
        rows = [row for row in rows if row.key != "site"]
    elif by == "outcome" and labels:
        membership = [_outcome(labels.get(person["patient"], {})) for person in people]
        groups = list(OUTCOMES)
    found = table(rows, people, groups, membership)
    grouped = {value for value, _ in groups}
    ungrouped = sum(own not in grouped for own in membership) if groups else 0
    return {"by": by if groups else "none", "ungrouped": ungrouped, **found}


def _categories() -> dict[int, dict[str, str]]:
    """Patient's key → scan's key → category, of the series that stand for the patient now."""
    found: dict[int, dict[str, str]] = {}
    rows = FinalLabel.objects.filter(scan__case__patient__scan_pair__isnull=False).values_list(
        "scan__case__patient", "scan__key", "scan__series", "category",
        "scan__case__patient__scan_pair__baseline", "scan__case__patient__scan_pair__follow_up",
    )  # fmt: skip
    for patient, key, series, category, baseline, follow_up in rows:
        if series == (baseline if key == Scan.Key.BASELINE else follow_up):
            found.setdefault(patient, {})[key] = category
    return found


def _outcome(categories: dict[str, str]) -> int | None:
    """1 for a *case* at follow-up; an intermediate one as the charter says; None without both labels."""
    follow_up = categories.get(Scan.Key.FOLLOW_UP)
    if follow_up is None or Scan.Key.BASELINE not in categories:
        return None
    if follow_up == rubric.INTERMEDIATE:
        frozen = charter.current()
        policy = (charter.terms_of(frozen) if frozen else charter.Terms()).intermediate_policy
        return {"negative": 0, "exclude": None, "positive": 1}[policy]
    return int(follow_up == rubric.CASE)


# ---- as text


def lines(found: dict[str, Any]) -> Iterator[list[str]]:
    """The table as rows of text, header first: characteristic, a column a group, p, test, difference."""
    yield [
        "Characteristic", *(f"{one['label']} (n = {one['n']})" for one in found["groups"]), "p", "Test", "SMD"
    ]  # fmt: skip
    for row in found["rows"]:
        tested = [_p(row["p"]), row["test"] if row["p"] is not None else "", _figure(row["smd"], 2)]
        label = f"{row['label']}, {row['unit']}" if row["unit"] else row["label"]
        if row["kind"] == CATEGORY:
            one_line = len(row["levels"]) == 1
            cells = [_count(cell) for cell in row["levels"][0]["cells"]] if one_line else []
            yield [f"{label}, n (%)", *(cells or [""] * len(found["groups"])), *tested]
            for level in [] if one_line else row["levels"]:
                yield [f"  {level['label']}", *map(_count, level["cells"]), "", "", ""]
        else:
            yield [f"{label}, median (IQR)", *map(_median, row["cells"]), *tested]
        if any(row["missing"]):
            yield ["  not known, n", *map(str, row["missing"]), "", "", ""]


def as_csv(found: dict[str, Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines(found))
    return text.getvalue()


def _count(cell: dict[str, Any]) -> str:
    return f"{cell['n']} ({100 * cell['share']:.0f} %)" if cell["of"] else "–"


def _median(cell: dict[str, Any] | None) -> str:
    if cell is None:
        return "–"
    return f"{_figure(cell['median'], 1)} ({_figure(cell['q1'], 1)} to {_figure(cell['q3'], 1)})"


def _figure(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}".replace("-", "−")


def _p(p: float | None) -> str:
    return "" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"
