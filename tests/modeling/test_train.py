"""Fitting: batches, schedule, learning, stop and resume to the last bit."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from modeling.recipe import paper
from modeling.training import image_set
from modeling.training import train as training
from modeling.training.checkpoint import CheckpointError, load_state, save_state
from modeling.training.image_set import ImageSet
from modeling.training.train import (
    Stopped,
    TrainingError,
    batches,
    configure,
    derive_seed,
    evaluate,
    fit_network,
    learning_rate,
    loss_of,
)

CPU = torch.device("cpu")


def recipe(**changes):
    base = {"grid": "fit", "size": 64, "depth": 18, "epochs": 2, "checkpoint_seconds": 0.0, "lr": 1e-3}
    return paper().with_overrides(base | changes)


def problem(count=10):
    rng = np.random.default_rng(0)
    y = np.arange(count) % 2
    planes = rng.normal(size=(count, 6, 64, 64))
    planes[y == 1, :, 16:32, 16:32] += 2
    return ImageSet(list(planes.astype(np.float16)), CPU), torch.tensor(y, dtype=torch.float32)


@pytest.fixture(autouse=True)
def _deterministic():
    configure(recipe(), CPU)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("count", range(2, 14))
def test_batches_hold_everybody_once_and_nobody_alone(count):
    groups = batches(range(100, 100 + count), 4, seed=1, epoch=0)
    assert sorted(i for group in groups for i in group) == list(range(100, 100 + count))
    assert min(map(len, groups)) >= 2
    assert max(map(len, groups)) <= 5
    assert groups == batches(range(100, 100 + count), 4, seed=1, epoch=0)


def test_batches_are_shuffled_anew_each_epoch():
    assert batches(range(40), 4, 1, 0) != batches(range(40), 4, 1, 1)
    assert batches(range(40), 4, 1, 0) != batches(range(40), 4, 2, 0)


@pytest.mark.parametrize("count", [5, 9])
def test_a_remainder_of_one_trains_at_the_smallest_size(count):
    # At 32² layer4 is 1×1: batch normalisation fails on one patient alone.
    images = ImageSet(list(np.random.default_rng(0).normal(size=(count, 6, 32, 32)).astype(np.float16)), CPU)
    y = torch.tensor([0.0, 1.0] * 5)[:count]
    fit = fit_network(recipe(size=32, epochs=1), images, y, range(count), seed=1)
    assert np.isfinite(evaluate(fit.network, images, range(count))).all()


def test_learning_rate_schedules():
    assert learning_rate(recipe(), 1.5) == 1e-3
    r = recipe(schedule="cosine", warmup=0.1, epochs=100)
    assert learning_rate(r, 5) == pytest.approx(5e-4)
    assert learning_rate(r, 10) == pytest.approx(1e-3)
    assert learning_rate(r, 55) == pytest.approx(5e-4)
    assert learning_rate(r, 100) == pytest.approx(0, abs=1e-9)


def test_losses():
    logits, y = torch.tensor([0.0, 2.0, -1.0]), torch.tensor([1.0, 1.0, 0.0])
    p = torch.sigmoid(logits).double().numpy()
    each = -np.log(np.where(y.numpy() == 1, p, 1 - p))
    assert loss_of(logits, y, recipe(), 3.0).item() == pytest.approx(each.mean(), rel=1e-5)
    weighted = loss_of(logits, y, recipe(loss="bce_pos_weight"), 3.0).item()
    assert weighted == pytest.approx((each * np.where(y == 1, 3, 1)).mean(), rel=1e-5)
    focal = loss_of(logits, y, recipe(loss="focal", focal_gamma=2.0), 3.0).item()
    assert focal == pytest.approx((each * (1 - np.exp(-each)) ** 2).mean(), rel=1e-5)


@pytest.mark.parametrize("changes", [{}, {"optimiser": "adamw", "ema_decay": 0.9}, {"amp": "off"}])
def test_a_plain_signal_is_learned(changes):
    images, y = problem(16)
    fit = fit_network(recipe(epochs=6, **changes), images, y, range(16), seed=1)
    logits = evaluate(fit.network, images, range(16))
    assert logits[y.numpy() == 1].min() > logits[y.numpy() == 0].max()
    assert fit.history[-1]["loss"] < fit.history[0]["loss"]


@pytest.mark.parametrize("amp", ["off", "bf16"])
def test_same_seed_same_scores_to_the_last_bit(amp):
    images, y = problem()
    runs = [
        evaluate(fit_network(recipe(amp=amp), images, y, range(10), seed=seed).network, images, range(10))
        for seed in (1, 1, 2)
    ]
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimiser": "adamw", "schedule": "cosine", "warmup": 0.3, "ema_decay": 0.9, "amp": "bf16"},
        {"optimiser": "sgd", "amp": "off", "weight_decay": 0.01},
    ],
)
@pytest.mark.parametrize("steps_before_stop", [1, 3])
def test_a_resumed_fit_equals_an_uninterrupted_one_bit_for_bit(tmp_path, changes, steps_before_stop):
    images, y = problem()
    r = recipe(**changes)
    whole = fit_network(r, images, y, range(10), seed=1)
    path, done = tmp_path / "c.pt", []

    def stop() -> bool:
        return len(done) >= steps_before_stop

    with pytest.raises(Stopped):
        fit_network(
            r, images, y, range(10), seed=1, checkpoint=path, stamp="s", stop=stop,
            on_step=lambda fit, step, steps: done.append(step),
        )  # fmt: skip
    torch.manual_seed(99)  # whatever happened in between
    resumed = fit_network(r, images, y, range(10), seed=1, checkpoint=path, stamp="s")
    ours, theirs = resumed.network.state_dict(), whole.network.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert resumed.history == whole.history


def test_a_network_killed_after_its_last_epoch_is_not_trained_again(tmp_path, monkeypatch):
    images, y = problem()
    r = recipe(epochs=1, ema_decay=0.9, checkpoint_seconds=600.0)
    path, steps = tmp_path / "c.pt", []

    def fit(checkpoint=path):
        return fit_network(
            r, images, y, range(10), seed=1, checkpoint=checkpoint, stamp="s",
            on_step=lambda fit, step, of: steps.append(step),
        )  # fmt: skip

    whole = fit()
    assert not path.exists()  # a second's training is done again sooner than it is written
    monkeypatch.setattr(training, "DONE_AGAIN_S", 0.0)
    fit()
    steps.clear()
    resumed = fit()
    assert steps == []
    ours, theirs = resumed.network.state_dict(), whole.network.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert resumed.history == whole.history


def test_average_follows_the_weights():
    images, y = problem()
    plain = fit_network(recipe(), images, y, range(10), seed=1)
    averaged = fit_network(recipe(ema_decay=0.99), images, y, range(10), seed=1)
    assert not torch.equal(plain.network.fc.weight, averaged.network.fc.weight)
    # A short run's average must have left its random start.
    start = training.begin(recipe(), 1, CPU).network.fc.weight
    assert (averaged.network.fc.weight - start).norm() > 0.3 * (plain.network.fc.weight - start).norm()


def test_a_loss_that_is_not_finite_stops_the_training():
    images, y = problem()
    images._resident[3] = np.inf
    with pytest.raises(TrainingError, match="loss is not finite in epoch 1"):
        fit_network(recipe(), images, y, range(10), seed=1)


def test_images_that_do_not_fit_are_read_from_their_maps(monkeypatch):
    resident, y = problem()
    monkeypatch.setattr(image_set, "RESIDENT_SHARE", 0.0)
    mapped, _ = problem()
    assert resident._resident is not None
    assert mapped._resident is None
    assert torch.equal(resident.batch([3, 1]), mapped.batch([3, 1]))
    runs = [fit_network(recipe(epochs=1), images, y, range(10), seed=1) for images in (resident, mapped)]
    assert torch.equal(runs[0].network.fc.weight, runs[1].network.fc.weight)


def test_one_patient_cannot_train():
    images, y = problem()
    with pytest.raises(TrainingError, match=r"1 training patient\(s\)"):
        fit_network(recipe(), images, y, [0], seed=1)


def test_cuda_is_not_pretended():
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(TrainingError, match="no usable CUDA"):
        training.choose_device(recipe(device="cuda"))
    assert training.choose_device(recipe()) == CPU


def test_a_machine_that_cannot_compile_says_so_before_training(tmp_path, monkeypatch):
    from torch._inductor import config

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))  # what was compiled before is no proof
    words = r"does not work on this machine.*C\+\+ compiler or take compile=false"
    with config.patch({"cpp.cxx": (str(tmp_path / "g++"),)}), pytest.raises(TrainingError, match=words):
        fit_network(recipe(compile=True), *problem(), range(10), seed=1)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="NO C++ COMPILER: compiled training NOT CHECKED")
def test_compiled_training_takes_the_same_steps(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(training, "build_network", lambda recipe, seed: small_network(seed))
    plain, compiled = (
        fit_network(recipe(compile=on, amp="off", epochs=1), *problem(8), range(8), seed=1)
        for on in (False, True)
    )
    losses = [[row["loss"] for row in fit.history] for fit in (plain, compiled)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    assert plain.network.state_dict().keys() == compiled.network.state_dict().keys()


def small_network(seed):
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(6, 1))


def test_seeds_are_stable_and_apart():
    assert derive_seed(0, 1, 2) == derive_seed(0, 1, 2) >= 0
    assert len({derive_seed(0, a, b) for a in range(30) for b in range(30)}) == 900


def test_checkpoints_are_atomic_and_stamped(tmp_path):
    path = tmp_path / "work" / "c.pt"
    assert load_state(path, stamp="s") is None
    save_state(path, {"a": torch.ones(2), "epoch": 3}, stamp="s")
    state = load_state(path, stamp="s")
    assert state["epoch"] == 3
    assert torch.equal(state["a"], torch.ones(2))
    with pytest.raises(CheckpointError, match="another recipe or label set"):
        load_state(path, stamp="t")
    with pytest.raises(RuntimeError, match="disk"):
        save_state(path, {"a": Refuses()}, stamp="s")
    assert load_state(path, stamp="s")["epoch"] == 3
    assert [p.name for p in path.parent.iterdir()] == ["c.pt"]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_state(path, stamp="s")


class Refuses:
    def __reduce__(self):
        raise RuntimeError("disk full")
