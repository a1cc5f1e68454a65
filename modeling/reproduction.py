"""Is a repeated run the same, bit for bit? (no Django, no torch)"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from modeling.recipe import RecipeError, from_mapping
from modeling.repeat_settings import doubts, known_version

#: What a repeat cannot have in common with its original.
PASSING = ("seconds",)
SHOWN = 10
#: How a line ends that tells of a key which one of the two lacks.
ONLY = ("only in the original", "only in the repeat")


@dataclass
class Comparison:
    """What is the same, what differs, and how the two machines differ."""

    same: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    environment: list[str] = field(default_factory=list)
    not_compared: list[str] = field(default_factory=list)
    #: Why equality was not to be expected; empty where it was.
    doubts: list[str] = field(default_factory=list)

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


def compare(original: Path, repeat: Path, *, pinned: Collection[str] = ()) -> Comparison:
    """Compare two folders of finished runs: scores, figures, weights, ONNX, maps and trust report.

    Parameters
    ----------
    pinned
        Recipe settings that the repeat was told, where the original had chosen by its machine.

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
    environments = first.pop("environment"), second.pop("environment")
    found.environment = list(differences(*environments))
    found.doubts = doubts(*environments)
    for result in (first, second):
        if "recipe" in result:
            # A recipe from before a setting existed means that setting's default.
            with suppress(RecipeError):  # of a newer version than this: compared as it stands
                result["recipe"] = from_mapping(result["recipe"]).to_mapping()
            result["recipe"] = {key: value for key, value in result["recipe"].items() if key not in pinned}
    # Another version of the program reports more or less; what both report is compared.
    version, other = (known_version(environment) for environment in environments)
    same_version = version is not None and version == other
    added: list[str] = []
    for key in sorted({*first, *second} - {*PASSING}):
        one, two = ({key: result[key]} if key in result else {} for result in (first, second))
        lines = list(differences(one, two))
        if not same_version:
            added += [line for line in lines if line.endswith(ONLY)]
            lines = [line for line in lines if not line.endswith(ONLY)]
        if lines or (one and two):
            _note(found, f"result.json {key}", lines)
    if added:
        found.environment.append(f"result.json: only one of the two has {'; '.join(added)}")
    for name in _names("weights*.safetensors", original, repeat):
        _note(found, name, _other_file(original / name, repeat / name, _weights_sha256))
    for name in _names("weights*.onnx", original, repeat):
        _note(found, name, _other_file(original / name, repeat / name, _sha256))
    maps = _names("saliency/*.npz", original, repeat)
    if maps:
        lines = [line for name in maps for line in _other_arrays(original / name, repeat / name, name)]
        _note(found, f"{len(maps)} saliency maps", lines)
    _compare_trust(found, original, repeat, by_run=first.get("trust") is not None, same_version=same_version)
    return found


def _names(pattern: str, *folders: Path) -> list[str]:
    found = {path.relative_to(folder).as_posix() for folder in folders for path in folder.glob(pattern)}
    return sorted(found)


def _missing(path: Path, other: Path, name: str) -> list[str]:
    if path.exists() and other.exists():
        return []
    return [f"{name}: missing in the repeat" if path.exists() else f"{name}: only in the repeat"]


def _other_file(path: Path, other: Path, sha256: Callable[[Path], str]) -> list[str]:
    lines = _missing(path, other, path.name)
    if not lines and sha256(path) != sha256(other):
        lines = [f"{path.name}: sha256 {sha256(path)[:16]} before, {sha256(other)[:16]} now"]
    return lines


def _compare_trust(
    found: Comparison, original: Path, repeat: Path, *, by_run: bool, same_version: bool
) -> None:
    """A report that was made later, or by another list of tests, is not the repeat's: said, not compared."""
    paths = original / "trust.json", repeat / "trust.json"
    if not any(path.exists() for path in paths):
        return
    if not by_run and not paths[1].exists():
        found.not_compared.append("trust.json: made after the run, whose recipe asks for none")
        return
    lines = _missing(*paths, "trust.json")
    if not lines:
        one, two = (json.loads(path.read_text()) for path in paths)
        if one.get("mode") != two.get("mode"):
            found.not_compared.append(
                f"trust.json: made again after the run ({one.get('mode')}; the recipe's is {two.get('mode')})"
            )
            return
        for report in (one, two):
            for key in PASSING:
                report.pop(key, None)
        lines = [
            f"trust.json {line}"
            for line in differences(one, two)
            # As of the result: another version tells more or less.
            if same_version or not line.endswith(ONLY)
        ]
    _note(found, "trust.json", lines)


def _other_arrays(path: Path, other: Path, where: str) -> Iterable[str]:
    if missing := _missing(path, other, where):
        yield from missing
        return
    with np.load(path, allow_pickle=False) as before, np.load(other, allow_pickle=False) as now:
        for name in sorted({*before.files, *now.files}):
            if name not in before or name not in now or before[name].tobytes() != now[name].tobytes():
                yield f"{where} {name}: differs"


def _note(found: Comparison, name: str, lines: list[str]) -> None:
    if not lines:
        found.same.append(name)
        return
    more = [f"{name}: … and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    found.different += [*lines[:SHOWN], *more]


def _weights_sha256(path: Path) -> str:
    """The sha256 of a network's tensors, their names and shapes; of the whole file if it is none.

    Left out is the metadata of safetensors, which says who trained the network: the result's split tells
    that, and a run from before networks carried it is repeated all the same.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        try:
            header = json.loads(file.read(min(length, path.stat().st_size)))
            header.pop("__metadata__", None)
        except (ValueError, AttributeError):
            return _sha256(path)
        digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
