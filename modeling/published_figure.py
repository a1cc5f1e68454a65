"""A figure as a publication prints it, with the digits that it has (standard library)."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Stated:
    """A figure as printed: it is true of a value that rounds to it, either way at a tie."""

    value: float
    decimals: int

    def fits(self, exact: float | None) -> bool:
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
    if not isinstance(raw, str):
        # A float prints 0.0 for 0: it was stated to no more digits than least_decimals.
        decimals = max(decimals if float(raw) % 1 else 0, least_decimals)
    if match[4]:
        value, decimals = value / 100, decimals + 2
    return Stated(value, decimals)
