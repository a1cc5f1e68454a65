"""Images a second of our trainer against its compute ceiling and others' loops; ResNet-101, six channels.

``ODONTOID_BENCH_TRAINING="512x4 512x16"`` chooses sizes and batches; the default takes minutes on two cores.
A round begins an epoch: the loops with a DataLoader load their first batch in it, as at every epoch's start.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np

from tests.benchmarks.harness import Benchmark

#: In the order of their table; spelled out, for importing them would load torch here.
NAMES = (
    "odontoid", "ceiling", "reference loop", "reference loop, tuned", "timm benchmark",
    "MONAI SupervisedTrainer",
)  # fmt: skip


def steps_of(size: int, batch: int) -> int:
    """Steps a round: about a dozen images of 224², never less than one step."""
    return max(1, round(12 / batch * (224 / size) ** 2))


class Process:
    """A contender's process; what it measured last is kept."""

    def __init__(self, name: str, data: Path, size: int, batch: int) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.training_contender", name, str(data)]
        self.process = subprocess.Popen(
            [*command, "--size", str(size), "--batch", str(batch)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.name, self.peak, self.busy = name, 0.0, False

    def round(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.name} ended with {self.process.wait()}; -9: no memory was left")
        self.peak, self.busy = float(json.loads(answer)["peak_memory_mb"]), True

    def settle(self) -> None:
        """Wait until it has given its memory back: that shall not slow the next contender."""
        if self.busy and self.process.stdout is not None:
            self.process.stdout.readline()
        self.busy = False

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def write_planes(folder: Path, count: int, size: int) -> None:
    """Cached input planes as preprocessing leaves them, of random content."""
    rng = np.random.default_rng(0)
    for index in range(count):
        np.save(folder / f"{index:03d}.npy", rng.normal(size=(6, size, size)).astype(np.float16))


def benchmarks() -> Iterator[Benchmark]:
    for pair in os.environ.get("ODONTOID_BENCH_TRAINING", "224x4").split():
        size, batch = map(int, pair.split("x"))
        with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
            steps = steps_of(size, batch)
            write_planes(Path(name), steps * batch, size)
            processes = {}
            for contender in NAMES:
                processes[contender] = Process(contender, Path(name), size, batch)
                stack.callback(processes[contender].close)
            yield Benchmark(
                title=f"Training, ResNet-101 on 6 × {size}², batch {batch}",
                unit=f"{steps} step{'s' if steps > 1 else ''}",
                items=steps * batch,
                contenders={key: process.round for key, process in processes.items()},
                memory={key: partial(_peak, process) for key, process in processes.items()},
                before=partial(_settle, processes.values()),
            )


def _peak(process: Process) -> float:
    return process.peak


def _settle(processes: Iterable[Process]) -> None:
    for process in processes:
        process.settle()
