"""``make bench``: every comparison, as JSON under var/bench/ and as a table.

``python -m tests.benchmarks --repeats 5 images training`` runs only the named files.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from tests.benchmarks import harness

DIRECTORY = Path(__file__).parent


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


def main() -> int:
    names = sorted(path.stem.removeprefix("bench_") for path in DIRECTORY.glob("bench_*.py"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(names)}")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("var/bench/latest.json"))
    options = parser.parse_args()
    unknown = set(options.names) - set(names)
    if unknown:
        parser.error(f"no benchmark is named {', '.join(sorted(unknown))}; there are: {', '.join(names)}")

    results = []
    for name in options.names or names:
        module = importlib.import_module(f"tests.benchmarks.bench_{name}")
        if hasattr(module, "run"):  # it measures in its own way
            result, text = module.run()
            results.append(result)
            print(text, flush=True)
            continue
        for benchmark in module.benchmarks():
            print(f"… {benchmark.title}", file=sys.stderr, flush=True)
            result = harness.measure(benchmark, options.repeats)
            results.append(result)
            print(harness.table(result), flush=True)
    machine = {"processor": processor(), "cores": os.cpu_count(), "gpu": gpu()}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"machine": machine, "results": results}, indent=1))
    print(f"JSON: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
