"""How a read of a phantom compares with the truth, and what makes a reader pass (no Django).

The measure is exact agreement with the truth, finding by finding over all scans of an attempt: the share a
reader graded as a perfect reader would. No constant answer passes, since the phantoms' mix gives no grade of
a finding more than two scans of three (``cohort.phantom.exercise``); chance correction is built into the
test rather than into the figure, which a few dozen scans would leave too wide to decide on.

Sources: qualification of readers against known truth before the first read – FDA, Clinical Trial Imaging
Endpoint Process Standards, 2018; 80 % as the least acceptable agreement – McHugh, Biochemia Medica
2012;22:276.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from annotation import rubric

Grades = Mapping[str, Any]
#: What has a pass mark → the graded items it counts: the four facet joints are one finding.
FINDINGS: dict[str, tuple[str, ...]] = {
    **{finding.key: (finding.key,) for finding in rubric.FINDINGS if not finding.group},
    "facet_blossoming": rubric.FACETS,
}


class Comparison(NamedTuple):
    """One graded item of one scan beside the truth."""

    finding: str
    yours: int | str | None
    truth: int | str
    #: Steps of the scale from the truth, positive: graded worse. None where one of the two is no step.
    difference: int | None
    #: Whether it counts towards the pass mark: what the slices do not show is nobody's to find.
    scored: bool


def compare(given: Grades, truth: Grades) -> list[Comparison]:
    """Each item of a scan; an unreadable scan has given no grades."""
    rows = []
    for key in rubric.BY_KEY:
        yours, true = given.get(key), truth[key]
        both = isinstance(yours, int) and isinstance(true, int)
        rows.append(Comparison(key, yours, true, yours - true if both else None, true != rubric.NOT_VISIBLE))
    return rows


def results(scans: Iterable[tuple[Grades, Grades]], marks: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Score an attempt's scans.

    Parameters
    ----------
    scans
        Given and true grades of each scan.
    marks
        Finding (of ``FINDINGS``) → least share.

    Returns
    -------
    dict
        Finding → ``k`` right of ``n`` scored items, the ``mark``, and whether it is ``passed``. A finding
        that no scan shows cannot be failed.
    """
    rows = [row for given, truth in scans for row in compare(given, truth) if row.scored]
    found = {}
    for finding, items in FINDINGS.items():
        mine = [row.yours == row.truth for row in rows if row.finding in items]
        k, n, mark = sum(mine), len(mine), marks[finding]
        # As a product of whole numbers would be: 0.8 of 15 is 12, not a little more.
        found[finding] = {"k": k, "n": n, "mark": mark, "passed": k >= mark * n - 1e-9}
    return found
