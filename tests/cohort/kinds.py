"""Thirty and more kinds of files a delivery may hold, real and broken, each made in a folder of its own."""

from __future__ import annotations

from pathlib import Path

# Each enters its kinds in the list.
from tests.cohort import broken_kinds, readable_kinds  # noqa: F401
from tests.cohort.kind_registry import FIRST_SEED, KINDS, VALUES

__all__ = ["FIRST_SEED", "KINDS", "VALUES", "write_all"]


def write_all(folder: Path) -> None:
    """Every kind under its number."""
    for number, made in enumerate(KINDS):
        place = folder / f"{number:02d}"
        place.mkdir(parents=True)
        made.make(place, FIRST_SEED + number)
