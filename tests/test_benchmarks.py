"""What ``make bench`` keeps: one file a benchmark and device, the newest of each title."""

from __future__ import annotations

import json
from pathlib import Path

from tests.benchmarks.__main__ import keep
from tests.benchmarks.bench_training import steps_of


def test_kept_results_are_named_for_the_device_and_the_newest_counts(tmp_path: Path) -> None:
    cpu = {"processor": "Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz", "cores": 2, "gpu": None}
    path = keep(tmp_path, "training", cpu, [{"title": "a", "n": 1}, {"title": "b", "n": 1}])
    assert path.name == "training-intel-xeon-gold-6130-cpu-2-10ghz-2-cores.json"
    assert keep(tmp_path, "training", cpu, [{"title": "a", "n": 2}]) == path
    rows = json.loads(path.read_text())["results"]
    assert {row["title"]: row["n"] for row in rows} == {"a": 2, "b": 1}
    assert all(row["machine"] == cpu for row in rows)
    gpu = keep(tmp_path, "training", cpu | {"gpu": "NVIDIA H200"}, [{"title": "a"}])
    assert gpu.name == "training-nvidia-h200.json"


def test_a_round_of_training_is_a_dozen_small_images_or_one_step() -> None:
    assert [steps_of(*row) for row in ((224, 4), (224, 16), (512, 4), (512, 16), (224, 1))] == [
        3,
        1,
        1,
        1,
        12,
    ]
