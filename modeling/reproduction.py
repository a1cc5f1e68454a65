"""Is a repeated run the same, bit for bit? (no Django, no torch)"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

#: What a repeat cannot have in common with its original.
PASSING = ("seconds",)
SHOWN = 10


@dataclass
class Comparison:
    """What is the same, what differs, and how the two machines differ."""

    same: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    environment: list[str] = field(default_factory=list)

    @property
    def identical(self) -> bool:
        """Whether nothing but the time taken and the machine's description differs."""
        return not self.different


def differences(one: Any, two: Any, where: str = "") -> Iterable[str]:
    """Paths at which two JSON values are not equal, with both values."""
    if isinstance(one, dict) and isinstance(two, dict):
        for key in sorted({*one, *two}):
            inner = f"{where}.{key}" if where else str(key)
            if key not in one or key not in two:
                yield f"{inner}: only in the {'original' if key in one else 'repeat'}"
            else:
                yield from differences(one[key], two[key], inner)
    elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        for number, (a, b) in enumerate(zip(one, two, strict=True)):
            yield from differences(a, b, f"{where}[{number}]")
    elif one != two or type(one) is not type(two):
        yield f"{where}: {_short(one)} before, {_short(two)} now"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _scores(path: Path) -> dict[tuple[str, str], dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return {(row["patient"], row["split"]): row for row in csv.DictReader(file)}


def compare(original: Path, repeat: Path) -> Comparison:
    """Compare two folders of finished runs: every score, every figure, every weight, every map.

    Raises
    ------
    OSError
        If either lacks its result.
    """
    found = Comparison()
    before, now = (_scores(folder / "predictions.csv") for folder in (original, repeat))
    lines = list(differences(
        {" ".join(key): row for key, row in before.items()}, {" ".join(key): row for key, row in now.items()}
    ))  # fmt: skip
    _note(found, "predictions.csv", lines)
    first, second = (json.loads((folder / "result.json").read_text()) for folder in (original, repeat))
    found.environment = list(differences(first.pop("environment"), second.pop("environment")))
    for key in sorted(({*first} & {*second}) - {*PASSING}):
        _note(found, f"result.json {key}", list(differences(first[key], second[key], key)))
    added = sorted({*first} ^ {*second})
    if added:
        # Another version of the program reports more or less; what both report is compared above.
        found.environment.append(f"result.json: only one of the two has {', '.join(added)}")
    for path in sorted(original.glob("weights*.safetensors")):
        other = repeat / path.name
        lines = []
        if not other.exists():
            lines = [f"{path.name}: missing in the repeat"]
        elif _sha256(path) != _sha256(other):
            lines = [f"{path.name}: sha256 {_sha256(path)[:16]} before, {_sha256(other)[:16]} now"]
        _note(found, path.name, lines)
    maps = sorted((original / "saliency").glob("*.npz"))
    if maps:
        lines = [line for path in maps for line in _other_arrays(path, repeat / "saliency" / path.name)]
        _note(found, f"{len(maps)} saliency maps", lines)
    return found


def _other_arrays(path: Path, other: Path) -> Iterable[str]:
    if not other.exists():
        yield f"saliency/{path.name}: missing in the repeat"
        return
    with np.load(path, allow_pickle=False) as before, np.load(other, allow_pickle=False) as now:
        for name in sorted({*before.files, *now.files}):
            if name not in before or name not in now or before[name].tobytes() != now[name].tobytes():
                yield f"saliency/{path.name} {name}: differs"


def _note(found: Comparison, name: str, lines: list[str]) -> None:
    if not lines:
        found.same.append(name)
        return
    more = [f"{name}: … and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    found.different += [*lines[:SHOWN], *more]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
