"""A count, a figure and a share as a publication prints them (standard library)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: More than anybody has counted.
MOST_PATIENTS = 10**11


def whole_number(table: Mapping[str, Any], key: str) -> int | None:
    """``table[key]`` as a count, None when absent; ValueError naming the key otherwise."""
    raw = table.get(key)
    if raw is None:
        return None
    value = _whole(raw)
    if value is None:
        raise ValueError(f"{key}: {raw!r} is not a whole number of patients")
    if value < 0:
        raise ValueError(f"{key}: {raw!r} is negative")
    if value > MOST_PATIENTS:
        raise ValueError(f"{key}: {raw!r} is more patients than there are people")
    return value


def _whole(raw: object) -> int | None:
    if isinstance(raw, int):  # never by way of a float, beyond which it may be
        return None if isinstance(raw, bool) else raw
    try:
        value = float(raw) if isinstance(raw, float | str) else math.nan
    except ValueError:
        return None
    return int(value) if value.is_integer() else None


@dataclass(frozen=True)
class Stated:
    """A figure as printed: it is true of a value that rounds to it, either way at a tie."""

    value: float
    decimals: int

    def fits(self, exact: Any) -> Any:
        """Whether it is true of a number (None: of none), or of each of an array."""
        return exact is not None and abs(exact - self.value) <= 0.5 * 10.0**-self.decimals + 1e-9

    def __str__(self) -> str:
        return f"{self.value:.{self.decimals}f}"


def parse_stated(name: str, raw: object, least_decimals: int) -> Stated:
    """Parse 0.75, "0.750" or "86%"; ``least_decimals`` restores zeros a float dropped (0.8 for 0.80)."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise ValueError(f"{name}: {raw!r} is not a number")
    match = re.fullmatch(r"\s*(-?)(\d*)[.,·]?(\d*)\s*(%?)\s*", str(raw))
    if not match or not (match[2] or match[3]):
        raise ValueError(f"{name}: {raw!r} is not a number")
    value, decimals = float(f"{match[1]}{match[2] or 0}.{match[3] or 0}"), len(match[3])
    if not math.isfinite(value):
        raise ValueError(f"{name}: {raw!r} is larger than any figure")
    if not isinstance(raw, str):
        # A float prints 0.0 for 0: it was stated to no more digits than least_decimals.
        decimals = max(decimals if float(raw) % 1 else 0, least_decimals)
    if match[4]:
        value, decimals = value / 100, decimals + 2
    return Stated(value, decimals)


def check_proportions(rows: Sequence[Mapping[str, Any]], least: int) -> list[str]:
    """Shares ``[{"name", "k", "n", "stated"}]`` that are not k of n; ``least`` decimals of a bare number."""
    findings = []
    for row in rows:
        name, k, n = str(row["name"]), whole_number(row, "k") or 0, whole_number(row, "n")
        if not n:
            raise ValueError(f"proportion {name}: there is no share of n = 0")
        stated = parse_stated(name, row["stated"], least)
        if k > n or not stated.fits(k / n):
            findings.append(f"{name}: {k} of {n} is {k / n:.3f}, not {row['stated']}.")
    return findings
