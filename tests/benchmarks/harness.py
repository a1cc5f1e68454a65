"""Times contenders side by side: interleaved in one run, medians and ratios, never a pass or fail.

Interleaving puts a machine's slow minute on every contender alike; the first round warms caches
and is thrown away.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Benchmark:
    """One comparison.

    Parameters
    ----------
    title
        What is measured.
    unit
        What one call does, such as "series of 15 × 512²".
    contenders
        Name → one call. The first is ours; ratios are against it.
    items
        How many things one call does, for a rate; 0 gives none.
    memory
        Name → peak memory in MB of a contender that runs in a process of its own.
    before
        Makes what the next call takes; not timed.
    """

    title: str
    unit: str
    contenders: Mapping[str, Callable[[], Any]]
    items: int = 0
    memory: Mapping[str, Callable[[], float]] = field(default_factory=dict)
    before: Callable[[], Any] | None = None


def measure(benchmark: Benchmark, repeats: int) -> dict[str, Any]:
    """Median, fastest and slowest seconds a call for each contender, and its ratio to the first."""
    seconds: dict[str, list[float]] = {name: [] for name in benchmark.contenders}
    for round_ in range(repeats + 1):
        for name, call in benchmark.contenders.items():
            if benchmark.before:
                benchmark.before()
            start = time.perf_counter()
            call()
            elapsed = time.perf_counter() - start
            if round_:
                seconds[name].append(elapsed)
    ours = statistics.median(next(iter(seconds.values())))
    return {
        "title": benchmark.title,
        "unit": benchmark.unit,
        "repeats": repeats,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        / (1024 if sys.platform != "darwin" else 1024**2),
        "contenders": {
            name: {
                "median_s": statistics.median(values),
                "min_s": min(values),
                "max_s": max(values),
                "times_ours": statistics.median(values) / ours,
                **({"per_second": benchmark.items / statistics.median(values)} if benchmark.items else {}),
                **({"peak_memory_mb": benchmark.memory[name]()} if name in benchmark.memory else {}),
            }
            for name, values in seconds.items()
        },
    }


def table(result: Mapping[str, Any]) -> str:
    """The result as text."""
    lines = [f"{result['title']} – per {result['unit']}, median of {result['repeats']}"]
    for name, row in result["contenders"].items():
        lines.append(
            f"  {name:<36} {row['median_s'] * 1000:9.1f} ms"
            f"  ({row['min_s'] * 1000:.1f}–{row['max_s'] * 1000:.1f})  × {row['times_ours']:.2f}"
            + (f"  {row['per_second']:8.2f} /s" if "per_second" in row else "")
            + (f"  {row['peak_memory_mb']:7.0f} MB" if "peak_memory_mb" in row else "")
        )
    return "\n".join(lines)
