"""Fitting one network: plain functions over a set of images, stoppable and resumable at every step."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from modeling.recipe import Recipe
from modeling.training.augment import augment_batch
from modeling.training.checkpoint import load_state, save_state
from modeling.training.distributed import ALONE, Share, join, spread
from modeling.training.image_set import ImageSet, sent
from modeling.training.network import build_network

#: After its last epoch a network is checkpointed too, for its scores and maps take time in which it may be
#: stopped or killed; unless it took less than this since it began or was last saved: that is done again
#: sooner than the state of a large network is written.
DONE_AGAIN_S = 10.0


class TrainingError(RuntimeError):
    """Training cannot go on; the message says where and why."""


class Stopped(Exception):
    """Asked to stop; the state is in the checkpoint."""


def derive_seed(*parts: int) -> int:
    """One seed out of several, the same on every machine."""
    return int(np.random.SeedSequence(list(parts)).generate_state(1, np.uint64)[0] >> np.uint64(1))


def choose_device(recipe: Recipe) -> torch.device:
    """CUDA where there is one, unless the recipe says otherwise."""
    if recipe.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("device=cuda, but this machine has no usable CUDA device")
    if recipe.device == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def device_name(device: torch.device) -> str:
    """A readable name: the GPU's, or the CPU with its threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads"


def choose_bf16(recipe: Recipe, device: torch.device) -> bool:
    """Whether to train in bfloat16: it pays only where the hardware multiplies it natively."""
    if recipe.amp != "auto":
        return recipe.amp == "bf16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported())


def configure(recipe: Recipe, device: torch.device) -> None:
    """Set torch's process-wide switches. Bit-identical repeats are promised on the CPU only."""
    if recipe.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(recipe.deterministic, warn_only=device.type == "cuda")
    # Else every new tensor is first filled with NaN, a seventh of a step's time. That shows a read of memory
    # nobody wrote, which the tests of equal bits would show too; no result depends on it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.deterministic = recipe.deterministic
    torch.backends.cudnn.benchmark = not recipe.deterministic


def batches(train: Sequence[int], batch_size: int, seed: int, epoch: int, least: int = 2) -> list[list[int]]:
    """The epoch's batches, shuffled. A last batch of fewer than ``least`` patients joins the one before it.

    Batch normalisation has no statistics of a single value, so one patient alone cannot be a batch of a
    small image; the only exception is a training set of one.
    """
    generator = torch.Generator().manual_seed(derive_seed(seed, epoch, 1))
    order = [train[i] for i in torch.randperm(len(train), generator=generator).tolist()]
    groups = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    if batch_size > 1 and len(groups) > 1 and len(groups[-1]) < least:
        groups[-2:] = [groups[-2] + groups[-1]]
    return groups


def learning_rate(recipe: Recipe, progress: float) -> float:
    """The rate at ``progress`` epochs (a fraction within an epoch counts)."""
    if recipe.schedule == "constant":
        return recipe.lr
    rising = recipe.warmup * recipe.epochs
    if progress < rising:
        return recipe.lr * max(progress / rising, 0.01)
    share = (progress - rising) / (recipe.epochs - rising)
    return recipe.lr * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))


def loss_of(logits: Tensor, outcomes: Tensor, recipe: Recipe, pos_weight: float) -> Tensor:
    """Mean loss of a batch, in float32."""
    logits = logits.float()
    if recipe.loss == "bce_pos_weight":
        weight = torch.full((), pos_weight, device=logits.device)
        return functional.binary_cross_entropy_with_logits(logits, outcomes, pos_weight=weight)
    each = functional.binary_cross_entropy_with_logits(logits, outcomes, reduction="none")
    if recipe.loss == "focal":
        each = each * (1 - torch.exp(-each)) ** recipe.focal_gamma
    return each.mean()


@dataclass
class Fit:
    """A training under way; ``epoch`` and ``step`` are the next ones to do."""

    network: nn.Module
    #: What a step calls: the network, or the network spread over several processes.
    forward: Callable[[Tensor], Tensor]
    optimiser: torch.optim.Optimizer
    average: dict[str, Tensor] | None
    epoch: int = 0
    step: int = 0
    updates: int = 0
    #: Sum of the patients' losses in this epoch; stays on the device, for reading it waits for the device.
    loss_sum: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.float64))
    history: list[dict[str, float]] = field(default_factory=list)

    def state(self) -> dict[str, Any]:
        """Everything a resumed fit needs."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average,
            "epoch": self.epoch,
            "step": self.step,
            "updates": self.updates,
            "loss_sum": float(self.loss_sum),
            "history": self.history,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a saved state."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.average is not None:
            for name, tensor in self.average.items():
                tensor.copy_(state["average"][name])
        self.epoch, self.step, self.updates = state["epoch"], state["step"], state["updates"]
        self.loss_sum.fill_(state["loss_sum"])
        self.history = state["history"]


def _require_compiler(device: torch.device) -> None:
    """Compile something small: torch finds out only then what this machine lacks."""
    torch.compiler.reset()
    try:
        torch.compile(lambda x: x * 2 + 1)(torch.ones(4, device=device))
    except Exception as error:  # torch's own, a missing compiler's or its linker's
        said = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
        missing = "Triton" if device.type == "cuda" else "a C++ compiler"
        raise TrainingError(
            f"compile=true, but torch.compile does not work on this machine ({said}). "
            f"Install {missing} or take compile=false."
        ) from error


def begin(recipe: Recipe, seed: int, device: torch.device, share: Share = ALONE) -> Fit:
    """A network with its optimiser, before the first step."""
    network = build_network(recipe, derive_seed(seed, 0)).to(device)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    forward: Callable[[Tensor], Tensor] = spread(network, share)
    if recipe.compile:
        _require_compiler(device)
        forward = torch.compile(forward)
    parameters, rate, decay = network.parameters(), recipe.lr, recipe.weight_decay
    # Fused: one pass over the weights instead of one for each operation, on the CPU too.
    optimiser: torch.optim.Optimizer
    if recipe.optimiser == "adam":
        optimiser = torch.optim.Adam(parameters, lr=rate, weight_decay=decay, fused=True)
    elif recipe.optimiser == "adamw":
        optimiser = torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=True)
    else:
        optimiser = torch.optim.SGD(parameters, lr=rate, momentum=0.9, weight_decay=decay, fused=True)
    average = None
    if recipe.ema_decay > 0:
        average = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    fit = Fit(network, forward, optimiser, average)
    fit.loss_sum = fit.loss_sum.to(device)
    return fit


def _update_average(fit: Fit, decay: float) -> None:
    # A short run must not be an average of its random start: the decay rises with the updates done.
    kept = min(decay, (1 + fit.updates) / (10 + fit.updates))
    assert fit.average is not None
    current = fit.network.state_dict()
    moving = [name for name, tensor in current.items() if tensor.is_floating_point()]
    torch._foreach_lerp_([fit.average[n] for n in moving], [current[n] for n in moving], 1 - kept)
    for name in current.keys() - set(moving):
        fit.average[name].copy_(current[name])


def training_step(
    fit: Fit,
    batch: Tensor,
    outcomes: Tensor,
    recipe: Recipe,
    *,
    bf16: bool,
    pos_weight: float,
    weight: float = 1.0,
) -> Tensor:
    """One update from a batch (N, slices, rows, columns) and its outcomes (N,); the mean loss, detached.

    ``weight`` is that of these patients' loss in the mean over all processes. Nothing here waits for
    the device.
    """
    # Straight to the number format in which the first layer reads it, in one pass.
    kind = torch.bfloat16 if bf16 else torch.float32
    batch = batch.to(kind, memory_format=torch.channels_last)
    with torch.autocast(batch.device.type, dtype=torch.bfloat16, enabled=bf16):
        logits = fit.forward(batch)[:, 0]
    loss = loss_of(logits, outcomes, recipe, pos_weight)
    fit.optimiser.zero_grad(set_to_none=True)
    (loss * weight if weight != 1 else loss).backward()  # type: ignore[no-untyped-call]
    fit.optimiser.step()
    fit.updates += 1
    if fit.average is not None:
        _update_average(fit, recipe.ema_decay)
    return loss.detach()


def train_one_epoch(
    fit: Fit,
    images: ImageSet,
    outcomes: Tensor,
    train: Sequence[int],
    recipe: Recipe,
    *,
    seed: int,
    bf16: bool,
    stop: Callable[[], bool],
    on_step: Callable[[int, int], None] = lambda step, steps: None,
    share: Share = ALONE,
) -> bool:
    """Do the rest of the current epoch; False if asked to stop before its end.

    Order and augmentation are drawn from seeds of (seed, epoch, step), so that a resumed epoch goes on
    with exactly the draws it would have had.
    """
    device = images.device
    positives = float(outcomes[list(train)].sum())
    pos_weight = (len(train) - positives) / max(positives, 1.0)
    groups = batches(train, recipe.batch_size, seed, fit.epoch, max(2, share.world))
    fit.network.train()
    while fit.step < len(groups):
        group = groups[fit.step]
        generator = torch.Generator().manual_seed(derive_seed(seed, fit.epoch, fit.step, 2))
        rows = share.rows(len(group))
        mine = [group[row] for row in rows]
        batch = augment_batch(images.batch(mine), recipe, generator, rows=rows, of=len(group))
        rate = learning_rate(recipe, fit.epoch + fit.step / len(groups))
        for parameters in fit.optimiser.param_groups:
            parameters["lr"] = rate
        loss = training_step(
            fit, batch, sent(outcomes[mine], device), recipe, bf16=bf16, pos_weight=pos_weight,
            weight=len(mine) * share.world / len(group),
        )  # fmt: skip
        fit.step += 1
        fit.loss_sum += loss.double() * len(mine)
        if device.type == "cpu":  # elsewhere a look at the loss each step would stall the device
            _refuse_divergence(fit)
        on_step(fit.step, len(groups))
        if share.asks(fit.step, len(groups)) and share.agree(stop()):
            return False
    _refuse_divergence(fit)
    return True


def _refuse_divergence(fit: Fit) -> None:
    if not math.isfinite(float(fit.loss_sum)):
        raise TrainingError(f"the loss is not finite in epoch {fit.epoch + 1}, by step {fit.step}")


def fit_network(
    recipe: Recipe,
    images: ImageSet,
    outcomes: Tensor,
    train: Sequence[int],
    *,
    seed: int,
    checkpoint: Path | None = None,
    stamp: str = "",
    stop: Callable[[], bool] = lambda: False,
    on_epoch: Callable[[Fit, float], None] = lambda fit, seconds: None,
    on_step: Callable[[Fit, int, int], None] = lambda fit, step, steps: None,
    on_checkpoint: Callable[[Fit], None] = lambda fit: None,
) -> Fit:
    """Train to the last epoch, from ``checkpoint`` where there is one; the network is ready to evaluate.

    Raises
    ------
    Stopped
        After ``stop()`` turned true, with the state in ``checkpoint``.
    TrainingError
        If the loss stops being finite.
    """
    if len(train) < 2:
        raise TrainingError(f"{len(train)} training patient(s) cannot train a network")
    bf16 = choose_bf16(recipe, images.device)
    share = join()
    if recipe.batch_size < share.world:
        raise TrainingError(f"batch_size={recipe.batch_size} cannot be shared by {share.world} processes")
    fit = begin(recipe, seed, images.device, share)
    state = load_state(checkpoint, stamp=stamp) if checkpoint else None
    if state is not None:
        fit.restore(state)
    saved = time.monotonic()

    def save() -> None:
        if checkpoint:
            save_state(checkpoint, fit.state(), stamp=stamp)
            on_checkpoint(fit)

    while fit.epoch < recipe.epochs:
        began = time.monotonic()
        finished = train_one_epoch(
            fit, images, outcomes, train, recipe, seed=seed, bf16=bf16, stop=stop,
            on_step=lambda step, steps: on_step(fit, step, steps), share=share,
        )  # fmt: skip
        if finished:
            row = {"epoch": fit.epoch + 1, "loss": share.total(fit.loss_sum) / len(train)}
            fit.history.append(row | {"lr": fit.optimiser.param_groups[0]["lr"]})
            fit.epoch, fit.step = fit.epoch + 1, 0
            fit.loss_sum.zero_()
            on_epoch(fit, time.monotonic() - began)
        if share.agree(stop()):
            save()
            raise Stopped
        patience = recipe.checkpoint_seconds
        if fit.epoch == recipe.epochs:
            patience = min(patience, DONE_AGAIN_S)
        if share.agree(time.monotonic() - saved >= patience):
            save()
            saved = time.monotonic()
    if fit.average is not None:
        fit.network.load_state_dict(fit.average)
    fit.network.eval()
    return fit


@torch.inference_mode()
def evaluate(
    network: nn.Module, images: ImageSet, indices: Sequence[int], batch_size: int = 4
) -> npt.NDArray[np.float64]:
    """Logits (len(indices),) in full precision; the network is left in evaluation mode."""
    network.eval()
    parts = [
        network(images.batch(indices[start : start + batch_size]).to(memory_format=torch.channels_last))
        for start in range(0, len(indices), batch_size)
    ]
    logits = torch.cat(parts)[:, 0].double().cpu().numpy() if parts else np.zeros(0)
    if not np.isfinite(logits).all():
        raise TrainingError("the network's output is not finite")
    return logits
