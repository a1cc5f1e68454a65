"""Can the figures of a published 2×2 table and patient flow be true together? (standard library, numpy)

The paper this project re-implements prints a Table 2 that mixes two matrices and a patient flow that does
not add up (:data:`modeling.paper.PAPER`). The checker takes any publication's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import comb
from typing import Any

import numpy as np

from modeling.published_figure import Stated, check_proportions, parse_stated
from modeling.published_flow import check_flow
from modeling.published_input import COUNTS, FIGURES, parse_figures, plain_table

__all__ = ["COUNTS", "FIGURES", "check_published", "consistent_matrices", "not_searched"]

#: Above this many candidate matrices the search for a consistent one is not attempted: a web worker makes it.
SEARCH_LIMIT = 2_000_000

Matrix = tuple[int, int, int, int]  # tp, fp, tn, fn


def _margins(tp: Any, fp: Any, tn: Any, fn: Any) -> dict[str, Any]:
    return {
        "n": tp + fp + tn + fn,
        "positive": tp + fn,
        "negative": tn + fp,
        "predicted_positive": tp + fp,
        "predicted_negative": tn + fn,
        "correct": tp + tn,
    }


_SUMS = {
    "n": "TP + FP + TN + FN",
    "positive": "TP + FN",
    "negative": "TN + FP",
    "predicted_positive": "TP + FP",
    "predicted_negative": "TN + FN",
    "correct": "TP + TN",
}


def _candidates(counts: Mapping[str, int | None], margins: Mapping[str, int | None]) -> Iterator[Matrix]:
    """The printed matrix, then each one where a single printed count gives way to the margins."""
    given = [counts[name] for name in COUNTS]
    if all(value is not None for value in given):
        yield tuple(given)  # type: ignore[misc]
    for free in range(4):
        others = [value for position, value in enumerate(given) if position != free]
        if any(value is None for value in others):
            continue
        tp, fp, tn, fn = (0 if position == free else value or 0 for position, value in enumerate(given))
        for margin, total in _margins(tp, fp, tn, fn).items():
            involved = COUNTS[free].upper() in _SUMS[margin]
            stated = margins[margin]
            if involved and stated is not None and stated >= total:
                solved = [tp, fp, tn, fn]
                solved[free] = stated - total
                yield tuple(solved)  # type: ignore[misc]


def _fitting(matrix: Matrix, figures: Mapping[str, Stated]) -> list[str]:
    return [name for name, stated in figures.items() if stated.fits(FIGURES[name](*matrix))]


def consistent_matrices(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The matrices that the printed counts allow when at most one count gives way to the margins.

    Rows of ``{"tp", "fp", "tn", "fn", "n", "figures": {name: value}, "fits": [names], "contradicts":
    [names]}`` – for the paper FN 4 (n = 68, as printed) and FN 3 (n = 67, from the margins).
    """
    table = plain_table(table)
    counts, margins, figures = parse_figures(table)
    rows: list[dict[str, Any]] = []
    for matrix in dict.fromkeys(_candidates(counts, margins)):
        own = _margins(*matrix)
        printed = matrix == tuple(counts[name] for name in COUNTS)
        # A matrix that neither is printed nor agrees with every margin explains nothing.
        if not printed and any(total is not None and own[name] != total for name, total in margins.items()):
            continue
        fits = _fitting(matrix, figures)
        rows.append(
            dict(zip(COUNTS, matrix, strict=True))
            | {
                "n": own["n"],
                "figures": {name: rule(*matrix) for name, rule in FIGURES.items()},
                "fits": fits,
                "contradicts": [name for name in figures if name not in fits],
            }
        )
    return rows


def check_published(table: Mapping[str, Any]) -> list[str]:
    """Say which of a publication's figures cannot be true together.

    Parameters
    ----------
    table
        Everything is optional; what is absent is not checked.

        - counts ``tp fp tn fn``; margins ``n positive negative predicted_positive predicted_negative
          correct``;
        - figures ``sensitivity specificity accuracy ppv npv f1 mcc balanced_accuracy prevalence auc``,
          as numbers or as printed ("0.80", "86%"); ``decimals`` is how many a number was printed with
          where the number itself lost a trailing zero;
        - intervals ``sensitivity_ci`` … ``auc_ci`` as [low, high];
        - ``proportions``: [{"name", "k", "n", "stated"}];
        - ``flow``: [{"step", "remaining"?, "left"?, "reasons"?: {reason: n}}], first step first.

    Returns
    -------
    list of str
        One sentence per contradiction; empty when all can be true together, unless :func:`not_searched`
        says that this was not searched.

    Raises
    ------
    ValueError
        If a key is unknown or a value is not a number of the right kind; the message names it.
    """
    table = plain_table(table)
    counts, margins, figures = parse_figures(table)
    findings = _check_counts(counts, margins)
    findings += _check_figures(table, counts, margins, figures)
    findings += _check_auc(table, figures)
    findings += _check_intervals(table, figures)
    findings += check_proportions(table["proportions"], table["decimals"])
    findings += check_flow(table["flow"])
    return findings


def _check_counts(counts: Mapping[str, int | None], margins: Mapping[str, int | None]) -> list[str]:
    findings = []
    for margin, formula in _SUMS.items():
        parts = [counts[name.lower()] for name in formula.split(" + ")]
        stated = margins[margin]
        if stated is None or any(part is None for part in parts):
            continue
        total = sum(part or 0 for part in parts)
        if total != stated:
            sum_text = " + ".join(map(str, parts))
            findings.append(f"{formula} = {sum_text} = {total}, but {margin} is stated as {stated}.")
    for left, right in (("positive", "negative"), ("predicted_positive", "predicted_negative")):
        a, b, n = margins[left], margins[right], margins["n"]
        if a is not None and b is not None and n is not None and a + b != n:
            findings.append(f"{left} + {right} = {a} + {b} = {a + b}, but n is stated as {n}.")
    return findings


def _describe(matrix: Matrix) -> str:
    return "TP {}, FP {}, TN {}, FN {} (n = {})".format(*matrix, sum(matrix))


def _check_figures(
    table: Mapping[str, Any],
    counts: Mapping[str, int | None],
    margins: Mapping[str, int | None],
    figures: Mapping[str, Stated],
) -> list[str]:
    findings = [
        f"{name} {stated} is outside its range."
        for name, stated in figures.items()
        if not (-1 if name == "mcc" else 0) <= stated.value <= 1
    ]
    if not figures:
        return findings
    if any(counts[name] is None for name in COUNTS):
        return findings + (_from_some(counts, figures) or _search(counts, margins, figures))
    printed: Matrix = tuple(counts[name] for name in COUNTS)  # type: ignore[assignment]
    for name, stated in figures.items():
        exact = FIGURES[name](*printed)
        if not stated.fits(exact):
            shown = "undefined" if exact is None else f"{exact:.3f}"
            findings.append(
                f"{name} {stated} does not follow from {_describe(printed)}: it would be {shown}."
            )
    rows = consistent_matrices(table)
    if len(rows) > 1 and all(row["contradicts"] for row in rows):
        parts = []
        for row in rows:
            matrix: Matrix = (row["tp"], row["fp"], row["tn"], row["fn"])
            wrong = ", ".join(
                f"{name} {row['figures'][name]:.3f}"
                if row["figures"][name] is not None
                else f"{name} undefined"
                for name in row["contradicts"]
            )
            parts.append(
                f"{_describe(matrix)} gives {', '.join(row['fits']) or 'none'} as stated but {wrong}"
            )
        neither = [name for name in figures if all(name in row["contradicts"] for row in rows)]
        text = "The figures mix more than one matrix: " + "; ".join(parts) + "."
        if neither:
            text += f" From no such matrix: {', '.join(f'{name} {figures[name]}' for name in neither)}."
        findings.append(text)
    return findings


#: Figures that need not all four counts.
NEEDS = {
    "sensitivity": ("tp", "fn"), "specificity": ("tn", "fp"), "ppv": ("tp", "fp"), "npv": ("tn", "fn"),
    "f1": ("tp", "fp", "fn"),
}  # fmt: skip


def _from_some(counts: Mapping[str, int | None], figures: Mapping[str, Stated]) -> list[str]:
    findings = []
    for name, needs in NEEDS.items():
        if name in figures and all(counts[count] is not None for count in needs):
            exact = FIGURES[name](*(counts[count] or 0 for count in COUNTS))
            if not figures[name].fits(exact):
                given = ", ".join(f"{count.upper()} {counts[count]}" for count in needs)
                shown = "undefined" if exact is None else f"{exact:.3f}"
                findings.append(f"{name} {figures[name]} does not follow from {given}: it would be {shown}.")
    return findings


def not_searched(table: Mapping[str, Any]) -> str | None:
    """Why no 2×2 table of whole patients was looked for that gives every figure; None where one was, or where
    the counts that are given settle it.

    Where this says something, no finding does not mean that all can be true together.
    """
    counts, margins, figures = parse_figures(plain_table(table))
    settled = all(counts[name] is not None for name in COUNTS) or bool(_from_some(counts, figures))
    choices = None if not figures or settled else _choices(margins)
    if not isinstance(choices, str):
        return None
    return f"Whether any 2×2 table of whole patients gives every figure was not searched: {choices}."


def _choices(margins: Mapping[str, int | None]) -> tuple[int, Sequence[int]] | str:
    """Patients, and how many of them may be positive; or why there are too many tables to search."""
    n, positive, negative = margins["n"], margins["positive"], margins["negative"]
    if n is None and positive is not None and negative is not None:
        n = positive + negative
    if n is None:
        return "the number of patients is not given"
    if positive is None and negative is not None:
        positive = n - negative
    tables = comb(n + 3, 3) if positive is None else (positive + 1) * (n - positive + 1)
    if tables > SEARCH_LIMIT:
        return f"{n} patients allow too many"
    return n, range(n + 1) if positive is None else [positive] if 0 <= positive <= n else []


def _search(
    counts: Mapping[str, int | None], margins: Mapping[str, int | None], figures: Mapping[str, Stated]
) -> list[str]:
    """Without all four counts: is there any matrix of whole patients that gives every figure?"""
    choices = _choices(margins)
    if isinstance(choices, str):
        return []
    n, positives = choices
    best: tuple[int, Matrix] | None = None
    for p in positives:
        tp, tn = np.indices((p + 1, n - p + 1)).reshape(2, -1)
        tables = (tp, n - p - tn, tn, p - tp)
        possible = np.ones(tp.size, dtype=bool)
        stated = [*zip((counts[name] for name in COUNTS), tables, strict=True)]
        stated += [(margins[name], own) for name, own in _margins(*tables).items()]
        for given, own in stated:
            possible &= given is None or own == given
        if not possible.any():
            continue
        left = [column[possible] for column in tables]
        fitting = sum(figure.fits(FIGURES[name](*left)).astype(int) for name, figure in figures.items())
        at = int(np.argmax(fitting))
        if fitting[at] == len(figures):
            return []
        if best is None or fitting[at] > best[0]:
            a, b, c, d = (int(column[at]) for column in left)
            best = (fitting[at], (a, b, c, d))
    if best is None:
        return [f"No 2×2 table of {n} patients has the stated counts and margins."]
    fits = _fitting(best[1], figures)
    wrong = ", ".join(f"{name} {stated}" for name, stated in figures.items() if name not in fits)
    return [
        f"No 2×2 table of {n} whole patients gives every stated figure; the nearest, "
        f"{_describe(best[1])}, cannot give {wrong}."
    ]


def _check_auc(table: Mapping[str, Any], figures: Mapping[str, Stated]) -> list[str]:
    if table.get("auc") is None:
        return []
    auc = parse_stated("auc", table["auc"], table["decimals"])
    if not 0 <= auc.value <= 1:
        return [f"auc {auc} is outside [0, 1]."]
    if "sensitivity" not in figures or "specificity" not in figures:
        return []

    # A rising curve through (1 − specificity, sensitivity) cannot enclose less, or more, than two rectangles.
    def slack(stated: Stated) -> float:
        return 0.5 * 10.0**-stated.decimals

    sensitivity, specificity = figures["sensitivity"], figures["specificity"]
    least = max(sensitivity.value - slack(sensitivity), 0) * max(specificity.value - slack(specificity), 0)
    tpr, tnr = min(sensitivity.value + slack(sensitivity), 1), min(specificity.value + slack(specificity), 1)
    most = 1 - (1 - tpr) * (1 - tnr)
    if not least - slack(auc) - 1e-9 <= auc.value <= most + slack(auc) + 1e-9:
        return [
            f"auc {auc} cannot belong to a ROC curve through sensitivity {sensitivity} and specificity "
            f"{specificity}: any such curve lies between {least:.3f} and {most:.3f}."
        ]
    return []


def _check_intervals(table: Mapping[str, Any], figures: Mapping[str, Stated]) -> list[str]:
    findings = []
    for name in (*FIGURES, "auc"):
        raw = table.get(f"{name}_ci")
        if raw is None:
            continue
        if not isinstance(raw, Sequence) or isinstance(raw, str) or len(raw) != 2:
            raise ValueError(f"{name}_ci: {raw!r} is not [low, high]")
        low, high = (parse_stated(f"{name}_ci", bound, table["decimals"]) for bound in raw)
        if low.value > high.value:
            findings.append(f"{name}_ci: {low} to {high} is not an interval.")
        elif low.value < (-1 if name == "mcc" else 0) or high.value > 1:
            findings.append(f"{name}_ci: {low} to {high} leaves the range that {name} can have.")
        stated = figures.get(name)
        if stated is None and name == "auc" and table.get("auc") is not None:
            stated = parse_stated("auc", table["auc"], table["decimals"])
        if stated is not None and not low.value <= stated.value <= high.value:
            findings.append(f"{name} {stated} lies outside its own interval {low} to {high}.")
    return findings
