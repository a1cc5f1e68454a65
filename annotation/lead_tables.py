"""The lead's tables as CSV: one row per figure, ready for another program."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from annotation import lead_agreement, lead_monitoring, lead_queries, qualification_queries

Row = Mapping[str, Any]
_COEFFICIENTS = (
    "percent_agreement", "kappa", "kappa_linear", "kappa_weighted", "ac1", "ac2", "alpha", "alpha_ordinal",
    "pabak",
)  # fmt: skip


def as_csv(name: str) -> str | None:
    """One table with its header; None for a name that is none."""
    table = TABLES.get(name)
    if table is None:
        return None
    rows = list(table())
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["empty"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _safe(value) for key, value in row.items()} for row in rows)
    return text.getvalue()


def _safe(value: Any) -> Any:
    # A spreadsheet takes a text that starts like this for a formula.
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value


def _spread(name: str, found: Row | None) -> dict[str, Any]:
    found = found or {}
    return {
        name: found.get("value"),
        f"{name}_low": found.get("low"),
        f"{name}_high": found.get("high"),
    }


def _agreement_rows() -> Iterator[tuple[str, dict[str, Any]]]:
    for key in lead_agreement.comparisons():
        page = lead_agreement.agreement_page(key)
        for row in page["by"] if page else ():
            yield key, row


def _agreement() -> Iterator[Row]:
    for comparison, row in _agreement_rows():
        figures: dict[str, Any] = {}
        for name in _COEFFICIENTS:
            figures |= _spread(name, row[name])
        yield {
            "comparison": comparison,
            "scan": row["scan"],
            "finding": row["finding"],
            "n": row["n"],
            **figures,
            "prevalence_warning": row["prevalence_warning"],
        }


def _counts() -> Iterator[Row]:
    for comparison, row in _agreement_rows():
        for first, line in zip(row["table"]["labels"], row["table"]["counts"], strict=True):
            for second, n in zip(row["table"]["labels"], line, strict=True):
                yield {
                    "comparison": comparison,
                    "scan": row["scan"],
                    "finding": row["finding"],
                    "first": first,
                    "second": second,
                    "n": n,
                }


def _grades() -> Iterator[Row]:
    for comparison, row in _agreement_rows():
        for grade in row["grades"]:
            yield {
                "comparison": comparison,
                "scan": row["scan"],
                "finding": row["finding"],
                "grade": grade["grade"],
                "used_by_first": grade["used"][0],
                "used_by_second": grade["used"][1],
                **_spread("specific_agreement", grade["agreement"]),
                **_spread("kappa", grade["kappa"]),
            }


def _disagreement() -> Iterator[Row]:
    for row in lead_monitoring.monitoring_page()["disagreement"]:
        index = row["index"]
        yield {
            "reader": row["reader"],
            "read": index["n"],
            "adjudicated": row["adjudicated"],
            "adjudicator_disagreed": index["k"],
            **_spread("index", index),
            "p_sign_test": row["p"],
        }


def _tie_breaker() -> Iterator[Row]:
    row = lead_monitoring.monitoring_page()["tie_breaker"]
    yield {
        "scans": row["changed"]["n"],
        "changed": row["changed"]["k"],
        **_spread("changed_rate", row["changed"]),
        "more_severe": row["more_severe"],
        "less_severe": row["less_severe"],
        **_spread("shift", row["shift"]),
        "p_sign_test": row["p"],
    }


def _drift() -> Iterator[Row]:
    for row in lead_monitoring.monitoring_page()["drift"]:
        for number, point in enumerate(row["points"], 1):
            yield {
                "reader": row["reader"],
                "number": number,
                "signed_at": point["at"].isoformat(),
                "kind": point["kind"],
                "reads_between": point["between"],
                "wrong": point["wrong"],
                "cusum": point["total"],
                "alarm": point["alarm"],
            }


def _times() -> Iterator[Row]:
    for row in lead_monitoring.monitoring_page()["times"]:
        for number, point in enumerate(row["points"], 1):
            yield {
                "reader": row["reader"],
                "number": number,
                "signed_at": point["at"].isoformat(),
                "active_seconds": point["seconds"],
                "reread": point["again"],
            }


def _readers() -> Iterator[Row]:
    for row in lead_queries.progress()["readers"]:
        yield {key: value for key, value in row.items() if key != "colleagues"}


TABLES: Mapping[str, Callable[[], Iterator[Row]]] = {
    "agreement": _agreement,
    "agreement-counts": _counts,
    "agreement-grades": _grades,
    "disagreement": _disagreement,
    "tie-breaker": _tie_breaker,
    "drift": _drift,
    "reading-times": _times,
    "readers": _readers,
    "qualification": qualification_queries.result_rows,
}
