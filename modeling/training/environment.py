"""Where a run ran: enough to repeat it."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "pydicom", "pylibjpeg-openjpeg")


def code_version() -> str:
    """``ODONTOID_CODE_VERSION``, else the checkout's commit (with ``-dirty``), else "unknown"."""
    named = os.environ.get("ODONTOID_CODE_VERSION")
    if named:
        return named
    root = Path(__file__).resolve().parents[2]
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def cpu_name() -> str:
    """Model of the CPU, and the instructions that torch takes for it: both set the last digits of a sum."""
    model = ""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    return f"{model or platform.processor() or 'unknown'}, {torch.backends.cpu.get_cpu_capability()}"


def describe_environment(device: torch.device, *, bf16: bool) -> dict[str, Any]:
    """Python, packages, machine, device and number format, as JSON."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "absent"
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "packages": versions,
        "torch_build": torch.__version__,
        "cuda": torch.version.cuda if device.type == "cuda" else None,
        "device_type": device.type,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
        "cpu": cpu_name(),
        "threads": torch.get_num_threads(),
        "bf16": bf16,
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "code_version": code_version(),
    }


def environment_of(networks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One description of where all networks were trained; what differs among them is told as "a; b"."""
    keys = dict.fromkeys(key for row in networks for key in row)
    found: dict[str, Any] = {}
    for key in keys:
        values = [row.get(key) for row in networks]
        distinct = [value for i, value in enumerate(values) if value not in values[:i]]
        if len(distinct) == 1:
            found[key] = distinct[0]
        elif all(isinstance(value, dict) for value in distinct):
            found[key] = environment_of([value for value in distinct if isinstance(value, dict)])
        else:
            found[key] = "; ".join(str(value) for value in distinct)
    return found
