"""Maps of a run that is stopped while it makes them: none is made twice, none is of other weights."""

from __future__ import annotations

import io
import json
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

from modeling.manifest import load_manifest
from modeling.recipe import from_mapping
from modeling.training import experiment
from modeling.training.experiment import run_experiment
from modeling.training.progress import Progress
from modeling.training.saliency import Saliency, explain
from modeling.training.train import Stopped
from tests.modeling.test_training_command import TINY
from tests.modeling.tiny import write_label_set


@pytest.fixture(autouse=True)
def _restore_torch():
    yield
    torch.use_deterministic_algorithms(False)


def test_a_run_stopped_among_its_maps_goes_on_with_the_next(tmp_path: Path, monkeypatch):
    label_set = write_label_set(tmp_path / "set", [1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0])
    recipe = from_mapping(TINY | {"epochs": 1, "size": 32})
    out = tmp_path / "run"
    made: list[int] = []

    def counted(network: torch.nn.Module, image: torch.Tensor) -> Saliency:
        made.append(1)
        return explain(network, image)

    monkeypatch.setattr(experiment, "explain", counted)

    def go_on(most: int, *, resume: bool = True) -> tuple[int, list[str]]:
        """Until ``most`` maps are made; how many were, and the events."""
        made.clear()
        said = io.StringIO()
        with pytest.raises(Stopped) if most < 9 else nullcontext():
            run_experiment(
                load_manifest(label_set), recipe, images=tmp_path / "set", out=out, cache=tmp_path / "cache",
                progress=Progress(said), stop=lambda: len(made) >= most, resume=resume,
            )  # fmt: skip
        return len(made), [json.loads(line)["event"] for line in said.getvalue().splitlines()]

    assert go_on(1)[0] == 1
    (first,) = (out / "saliency").iterdir()
    kept = first.stat().st_ino
    again, events = go_on(1)
    assert (again, "epoch" in events) == (1, False)
    assert first.stat().st_ino == kept
    # Trained again where the same seed ends in other weights: their maps take the place of the old ones.
    (out / "work" / "r0-f0.maps").write_text("sha256 of other weights")
    whole, events = go_on(9)
    assert whole == len(list((out / "saliency").iterdir())) == 4
    assert "epoch" not in events
    assert first.stat().st_ino != kept
    # Begun anew, nothing of an earlier run's maps stays, not of patients whom this one does not test either.
    (out / "result.json").unlink()
    (out / "saliency" / "P099.npz").write_bytes(b"of another split")
    go_on(9, resume=False)
    assert "P099.npz" not in {path.name for path in (out / "saliency").iterdir()}
