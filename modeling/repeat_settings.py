"""What a repeat shares with its original for equal bits: threads, number format, device (standard library).

Sums run in another order with other threads, and round otherwise in another number format; both follow the
machine unless they are told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Of the recorded environment: what sets the last digits, and how a reader calls it.
DECISIVE = {
    "device": "device",
    "cpu": "CPU",
    "machine": "machine",
    "threads": "number of threads",
    "bf16": "number format (bfloat16)",
    "torch_build": "torch",
    "code_version": "version of Odontoid",
}


@dataclass
class RepeatSettings:
    """Environment variables and recipe settings of the repeat, and what could not be followed."""

    variables: dict[str, str] = field(default_factory=dict)
    overrides: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def cpu_flags() -> set[str]:
    """Instruction sets that Linux reports; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return set(next((line.split(":", 1)[1] for line in lines if line.startswith("flags")), "").split())


def repeat_settings(
    environment: Mapping[str, Any], recipe: Mapping[str, Any], flags: set[str]
) -> RepeatSettings:
    """The settings under which a run of this recorded ``environment`` is repeated on a CPU with ``flags``."""
    found = RepeatSettings()
    threads, bf16 = environment.get("threads"), environment.get("bf16")
    on_cpu = environment.get("device_type") == "cpu"
    if isinstance(threads, int):
        found.variables = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    else:  # a run of several machines, or one from before this was recorded
        found.notes.append(
            f"threads of the original: {threads or 'not recorded'}; the repeat takes torch's choice"
        )
    if not isinstance(bf16, bool):
        found.notes.append(
            f"bfloat16 in the original: {bf16 or 'not recorded'}; the repeat takes the machine's choice"
        )
    else:
        if recipe.get("amp", "auto") == "auto":
            found.overrides["amp"] = "bf16" if bf16 else "off"
        if bf16 and on_cpu and not {"avx512_bf16", "amx_bf16"} & flags:
            found.notes.append("bfloat16 is emulated: this CPU does not multiply it, so the repeat is slow")
    if on_cpu and recipe.get("device", "auto") == "auto":
        found.overrides["device"] = "cpu"
    return found


def known_version(environment: Mapping[str, Any]) -> str | None:
    """The version of Odontoid; None where it names no one state of the code: unknown, a changed checkout."""
    version = str(environment.get("code_version") or "unknown")
    return None if "unknown" in version or "-dirty" in version else version


def doubts(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Why equality of two runs of these environments is not to be expected; empty where it is."""
    found = []
    for key, name in DECISIVE.items():
        old, new = (
            known_version(environment) if key == "code_version" else environment.get(key)
            for environment in (before, now)
        )
        unknown = [whose for whose, value in (("original", old), ("repeat", new)) if value is None]
        if unknown:
            found.append(f"the {name} of the {' and the '.join(unknown)} is not known")
        elif old != new:
            found.append(f"another {name} ({old}, here {new})")
    if now.get("device_type") not in (None, "cpu"):
        found.append("not every operation of a GPU is deterministic")
    if now.get("deterministic") is False:
        found.append("the recipe does not ask for deterministic algorithms")
    return found
