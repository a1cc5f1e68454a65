"""``make bench``: every comparison, as JSON under var/bench/ and as a table.

``python -m tests.benchmarks --repeats 5 images training`` runs only the named files; ``--keep`` puts what
they measured among the results of this device in tests/benchmarks/results/.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from tests.benchmarks import harness

DIRECTORY = Path(__file__).parent
RESULTS = DIRECTORY / "results"
#: Whose versions go with a result.
PACKAGES = ("torch", "torchvision", "timm", "monai", "numpy", "SimpleITK", "pydicom", "Django")


def processor() -> str:
    """The processor's name as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def gpu() -> str | None:
    """The GPU's name, without loading torch."""
    try:
        command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() or None
    except (OSError, subprocess.SubprocessError):
        return None


def machine() -> dict[str, Any]:
    """What the results are of: processor, cores, GPU and the versions of what was compared."""
    installed = {row.metadata["Name"].lower(): row.version for row in metadata.distributions()}
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "gpu": gpu(),
        "python": platform.python_version(),
        "packages": {name: installed[name.lower()] for name in PACKAGES if name.lower() in installed},
    }


def keep(folder: Path, name: str, device: dict[str, Any], results: list[dict[str, Any]]) -> Path:
    """Add results to the device's file of that benchmark; one of the same title gives way to the new one."""
    words = device["gpu"] or f"{device['processor']} {device['cores']} cores"
    slug = re.sub(r"[^a-z0-9]+", "-", re.sub(r"\((r|tm)\)", "", words.lower())).strip("-")
    path = folder / f"{name}-{slug}.json"
    earlier = json.loads(path.read_text())["results"] if path.exists() else []
    now = datetime.now(UTC).date().isoformat()
    new = [{**row, "measured_on": now, "machine": device} for row in results]
    titles = {row["title"] for row in new}
    rows = [row for row in earlier if row["title"] not in titles] + new
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"results": rows}, indent=1) + "\n")
    return path


def main() -> int:
    names = sorted(path.stem.removeprefix("bench_") for path in DIRECTORY.glob("bench_*.py"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(names)}")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--keep", action="store_true", help="also in tests/benchmarks/results/")
    parser.add_argument("--out", type=Path, default=Path("var/bench/latest.json"))
    options = parser.parse_args()
    unknown = set(options.names) - set(names)
    if unknown:
        parser.error(f"no benchmark is named {', '.join(sorted(unknown))}; there are: {', '.join(names)}")

    device = machine()
    results = []
    for name in options.names or names:
        module = importlib.import_module(f"tests.benchmarks.bench_{name}")
        own = []
        if hasattr(module, "run"):  # it measures in its own way
            result, text = module.run()
            own.append(result)
            print(text, flush=True)
        else:
            for benchmark in module.benchmarks():
                print(f"… {benchmark.title}", file=sys.stderr, flush=True)
                own.append(harness.measure(benchmark, options.repeats))
                print(harness.table(own[-1]), flush=True)
        results += own
        if options.keep:
            print(f"kept: {keep(RESULTS, name, device, own)}")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"machine": device, "results": results}, indent=1))
    print(f"JSON: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
