"""What a published table may hold: keys and their kinds, checked before any sum (standard library, numpy)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from modeling.published_figure import Stated, parse_stated, whole_number

COUNTS = ("tp", "fp", "tn", "fn")
MARGINS = ("n", "positive", "negative", "predicted_positive", "predicted_negative", "correct")
OTHER_KEYS = ("auc", "auc_ci", "decimals", "flow", "proportions", "title", "source")
#: Other names in use; keys are compared without regard to case, spaces and hyphens.
ALIASES = {
    "total": "n",
    "positives": "positive",
    "negatives": "negative",
    "recall": "sensitivity",
    "precision": "ppv",
    "positive_predictive_value": "ppv",
    "negative_predictive_value": "npv",
    "f1_score": "f1",
    "true_positive": "tp",
    "false_positive": "fp",
    "true_negative": "tn",
    "false_negative": "fn",
    "roc_auc": "auc",
}
#: More rows than a publication prints.
MOST_ROWS = 500


def _share(k: Any, n: Any) -> Any:
    """k of n; None where n is 0, in arrays NaN."""
    if isinstance(n, np.ndarray):
        return np.divide(k, n, out=np.full(n.shape, np.nan), where=n != 0)
    return k / n if n else None


def _mcc(tp: Any, fp: Any, tn: Any, fn: Any) -> Any:
    # As floats: the product of four margins passes 64 bits.
    margins = 1.0 * (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return _share(tp * tn - fp * fn, margins**0.5)


def _balanced(tp: Any, fp: Any, tn: Any, fn: Any) -> Any:
    sensitivity, specificity = _share(tp, tp + fn), _share(tn, tn + fp)
    return None if sensitivity is None or specificity is None else (sensitivity + specificity) / 2


#: Each figure that follows from the four counts, numbers or integer arrays of one shape.
FIGURES: Mapping[str, Callable[[Any, Any, Any, Any], Any]] = {
    "sensitivity": lambda tp, fp, tn, fn: _share(tp, tp + fn),
    "specificity": lambda tp, fp, tn, fn: _share(tn, tn + fp),
    "accuracy": lambda tp, fp, tn, fn: _share(tp + tn, tp + fp + tn + fn),
    "ppv": lambda tp, fp, tn, fn: _share(tp, tp + fp),
    "npv": lambda tp, fp, tn, fn: _share(tn, tn + fn),
    "f1": lambda tp, fp, tn, fn: _share(2 * tp, 2 * tp + fp + fn),
    "mcc": _mcc,
    "balanced_accuracy": _balanced,
    "prevalence": lambda tp, fp, tn, fn: _share(tp + fn, tp + fp + tn + fn),
}


def _plain_keys(table: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, value in table.items():
        name = re.sub(r"[\s-]+", "_", str(key).strip().lower())
        name = ALIASES.get(name, name)
        if name in plain:
            raise ValueError(f"{name} is given twice")
        plain[name] = value
    return plain


def plain_table(raw: object) -> dict[str, Any]:
    """The table under plain keys, with ``decimals``, ``flow`` and ``proportions`` of the right kinds.

    Raises
    ------
    ValueError
        Naming the field that is not what it should be.
    """
    if not isinstance(raw, Mapping):
        raise ValueError("a JSON object of figures is needed")
    table = _plain_keys(raw)
    decimals = 0 if table.get("decimals") is None else table["decimals"]
    if isinstance(decimals, bool) or not re.fullmatch(r"1?\d", str(decimals)):
        raise ValueError(f"decimals: {decimals!r} is not a number of decimals")
    decimals = int(decimals)
    flow, proportions = _rows(table, "flow"), _rows(table, "proportions")
    for number, step in enumerate(flow, start=1):
        reasons = step.get("reasons")
        if reasons is not None and not isinstance(reasons, Mapping):
            raise ValueError(f"flow[{number}].reasons: {reasons!r} is not an object of counts")
    for number, row in enumerate(proportions, start=1):
        missing = [key for key in ("name", "k", "n", "stated") if row.get(key) is None]
        if missing:
            raise ValueError(f"proportions[{number}] {row.get('name', '')}: {', '.join(missing)} missing")
    return table | {"decimals": decimals, "flow": flow, "proportions": proportions}


def _rows(table: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    rows = table.get(key)
    if rows is None:
        return []
    if not isinstance(rows, list | tuple):
        raise ValueError(f"{key}: {rows!r} is not a list")
    if len(rows) > MOST_ROWS:
        raise ValueError(f"{key}: {len(rows)} rows are more than {MOST_ROWS}")
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            raise ValueError(f"{key}[{number}]: {row!r} is not an object")
    return list(rows)


def parse_figures(
    table: Mapping[str, Any],
) -> tuple[dict[str, int | None], dict[str, int | None], dict[str, Stated]]:
    """Counts, margins and figures of a :func:`plain_table`."""
    intervals = {f"{name}_ci" for name in FIGURES}
    unknown = set(table) - set(COUNTS) - set(MARGINS) - set(FIGURES) - set(OTHER_KEYS) - intervals
    if unknown:
        raise ValueError(f"unknown keys: {', '.join(sorted(map(str, unknown)))}")
    least = table["decimals"]
    figures = {
        name: parse_stated(name, table[name], least) for name in FIGURES if table.get(name) is not None
    }
    return (
        {name: whole_number(table, name) for name in COUNTS},
        {name: whole_number(table, name) for name in MARGINS},
        figures,
    )
