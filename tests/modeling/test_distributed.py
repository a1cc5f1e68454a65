"""Two processes over gloo make the step that one process makes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from modeling.manifest import load_manifest
from modeling.recipe import paper
from modeling.training import train as training
from modeling.training.__main__ import main
from modeling.training.augment import augment_batch
from modeling.training.distributed import ALONE, Share, join
from modeling.training.image_set import ImageSet
from modeling.training.train import Fit, begin, train_one_epoch
from tests.modeling.tiny import write_label_set

REPOSITORY = Path(__file__).resolve().parents[2]
COUNT = 7  # a batch of four, and one of three that two processes share unevenly
RECIPE = paper().with_overrides(
    {"grid": "fit", "size": 64, "depth": 18, "batch_size": 4, "amp": "off", "optimiser": "sgd", "lr": 0.01}
)


def problem() -> tuple[ImageSet, torch.Tensor]:
    rng = np.random.default_rng(0)
    planes = list(rng.normal(size=(COUNT, 6, 64, 64)).astype(np.float16))
    return ImageSet(planes, torch.device("cpu")), torch.tensor([0.0, 1.0] * 4)[:COUNT]


def gradients_and_weights(share: Share) -> dict[str, torch.Tensor]:
    """After one epoch of two steps: the last gradient, every weight and statistic, and the loss."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    images, outcomes = problem()
    fit = begin(RECIPE, 1, torch.device("cpu"), share)
    # In double precision, so that what is compared is the mathematics and not its rounding.
    images._resident = images._resident.double()
    images.batch = lambda indices: images._resident[list(indices)]  # type: ignore[method-assign]
    step_in = fit.forward
    fit.forward = lambda batch: step_in(batch.double())
    train_one_epoch(
        fit, images, outcomes.double(), range(COUNT), RECIPE, seed=3, bf16=False, stop=lambda: False,
        share=share,
    )  # fmt: skip
    found = {f"grad {name}": p.grad for name, p in fit.network.named_parameters()}
    return found | dict(fit.network.state_dict()) | {"loss": torch.tensor(share.total(fit.loss_sum))}


def test_draws_of_a_row_are_those_it_has_in_the_whole_batch():
    images = torch.randn(5, 6, 32, 32)
    for recipe in (RECIPE, RECIPE.with_overrides({"augment": "recommended", "flip": False, "rotation": 5.0})):
        whole = augment_batch(images, recipe, torch.Generator().manual_seed(1))
        part = augment_batch(images[[1, 3]], recipe, torch.Generator().manual_seed(1), rows=[1, 3], of=5)
        assert torch.allclose(part, whole[[1, 3]], atol=1e-6)


class TwoThatCount(Share):
    """One of two processes, whose every question to the other is counted by the step it comes after."""

    def __init__(self, fit: Fit) -> None:
        super().__init__(rank=0, world=2)
        self.__dict__.update(asked=[], fit=fit)

    def agree(self, wish: bool) -> bool:
        self.__dict__["asked"].append(self.__dict__["fit"].step)
        return wish


@pytest.mark.parametrize(("stop_after", "asked"), [(99, [16, 32, 40]), (17, [16, 32]), (38, [16, 32, 40])])
def test_processes_ask_one_another_every_few_steps_and_at_the_end(monkeypatch, stop_after, asked):
    """Each asking is a wait for the slowest; the steps are the same in both, whoever is told to stop."""
    monkeypatch.setattr(training, "build_network", lambda recipe, seed: small_network())
    rng = np.random.default_rng(0)
    images = ImageSet(list(rng.normal(size=(80, 6, 8, 8)).astype(np.float16)), torch.device("cpu"))
    recipe = RECIPE.with_overrides({"batch_size": 2})
    fit = begin(recipe, 1, torch.device("cpu"))
    share = TwoThatCount(fit)
    train_one_epoch(
        fit, images, torch.tensor([0.0, 1.0] * 40), range(80), recipe, seed=3, bf16=False,
        stop=lambda: fit.step >= stop_after, share=share,
    )  # fmt: skip
    assert vars(share)["asked"] == asked
    assert all(ALONE.asks(step, 40) for step in range(1, 41))


def small_network() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(6, 1))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_have_the_gradients_of_one_and_do_a_whole_run(tmp_path):
    default, threads = torch.get_default_dtype(), torch.get_num_threads()
    try:
        alone = gradients_and_weights(ALONE)
    finally:
        torch.set_default_dtype(default)
        torch.set_num_threads(threads)
    write_label_set(tmp_path / "set", [0, 1] * 5)
    recipe = RECIPE.with_overrides({"size": 32, "epochs": 1, "saliency": False})
    (tmp_path / "recipe.json").write_text(recipe.to_json())
    # Killed between the two processes' writes, with the second further on than the first.
    manifest = load_manifest(tmp_path / "set" / "manifest.json")
    ahead = tmp_path / "out" / "rank1" / "work" / "r0-f0.json"
    ahead.parent.mkdir(parents=True)
    stamp = hashlib.sha256(f"{recipe.to_json()}\n{manifest.sha256}".encode()).hexdigest()
    row = {"stamp": stamp, "logits": [0.0] * 10, "history": [], "trained": {}, "seconds": 0}
    ahead.write_text(json.dumps(row))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*torchrun, __file__, str(tmp_path)],
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=800,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    for rank in range(2):
        shared = torch.load(tmp_path / f"{rank}.pt")
        assert shared.keys() == alone.keys()
        for name, expected in alone.items():
            assert torch.allclose(shared[name], expected, rtol=1e-6, atol=1e-9), name
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"result.json", "predictions.csv"}
    assert not list((tmp_path / "out").glob("rank*"))


def as_one_of_two(folder: Path) -> int:
    """What torchrun starts: the same epoch in this process's share, then the command's whole run."""
    own = join()
    torch.save(gradients_and_weights(own), folder / f"{own.rank}.pt")
    torch.set_default_dtype(torch.float32)
    return main(
        ["--manifest", str(folder / "set" / "manifest.json"), "--recipe", str(folder / "recipe.json"),
         "--out", str(folder / "out"), "--cache", str(folder / "cache"), "--resume"]
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(as_one_of_two(Path(sys.argv[1])))
