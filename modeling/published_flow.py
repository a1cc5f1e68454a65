"""Does a published patient flow add up? (standard library)"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from modeling.published_figure import whole_number

#: Readings of a sum that are tried before it is only said not to add up.
MOST_READINGS = 10_000


def check_flow(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """Contradictions in ``[{"step", "remaining"?, "left"?, "reasons"?}]``, one sentence each."""
    findings: list[str] = []
    running: int | None = None
    #: Since the last stated remaining: (step, stated left, sum of its reasons or None).
    losses: list[tuple[str, int, int | None]] = []
    start: int | None = None
    for step in steps:
        name, remaining, left = (
            str(step.get("step", "?")),
            whole_number(step, "remaining"),
            whole_number(step, "left"),
        )
        reasons = step.get("reasons") or {}
        reason_sum = sum(whole_number(reasons, key) or 0 for key in reasons) if reasons else None
        if left is None and remaining is not None and reason_sum is not None and running is not None:
            left = running - remaining
        if left is not None and reason_sum is not None and reason_sum != left:
            findings.append(f"flow, {name}: the reasons sum to {reason_sum}, not to the {left} who left.")
        left = reason_sum if left is None else left
        if left is not None:
            losses.append((name, left, reason_sum))
            running = None if running is None else running - left
        if remaining is None:
            continue
        if running is not None and losses and running != remaining:
            findings.append(_flow_sentence(name, start or 0, losses, remaining))
        elif running is not None and remaining > running:
            findings.append(f"flow, {name}: {remaining} remain of {running}.")
        running = start = remaining
        losses = []
    return findings


def _flow_sentence(
    name: str, start: int, losses: Sequence[tuple[str, int, int | None]], remaining: int
) -> str:
    """The sum as printed, and whether any other reading of it (a step left out, its reasons' sum) works."""
    arithmetic = " − ".join(map(str, [start, *(left for _, left, _ in losses)]))
    total = start - sum(left for _, left, _ in losses)
    text = f"flow, {name}: {arithmetic} = {total}, but {remaining} are stated."
    readings = [{left, 0} | ({reasons} if reasons is not None else set()) for _, left, reasons in losses]
    if math.prod(map(len, readings)) > MOST_READINGS:
        return text
    others = {start - sum(choice): choice for choice in product(*readings)}
    if remaining in others:
        chosen = " − ".join(map(str, [start, *others[remaining]]))
        return text + f" {chosen} = {remaining} would fit."
    nearest = sorted((value for value in others if value != total), key=lambda value: abs(value - remaining))
    if nearest:
        shown = "; ".join(
            f"{' − '.join(map(str, [start, *(c for c in others[v] if c)]))} = {v}" for v in nearest[:2]
        )
        text += f" No other reading of these steps gives {remaining} either (nearest: {shown})."
    return text
