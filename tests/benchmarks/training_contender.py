"""One way of training, in a process of its own: a line in, one round of steps, its seconds out, then "ready".

``python -m tests.benchmarks.training_contender NAME DATA --size 224 --batch 4`` is started by
bench_training for each contender, so that each has its own peak memory while rounds interleave.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from modeling.recipe import Recipe, paper
from modeling.training import train
from modeling.training.image_set import ImageSet
from modeling.training.network import build_network
from modeling.training.torchvision_ops import torchvision_models

Round = Callable[[], None]
LOADER_WORKERS = 2


def recipe_for(size: int, batch: int) -> Recipe:
    """The paper's recipe, ResNet-101 and six channels, on another grid."""
    return paper().with_overrides({"grid": "fit", "size": size, "batch_size": batch})


class Files(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """What every loader but ours reads: one cached array a patient, augmented on the CPU."""

    def __init__(self, paths: list[Path], transform: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.paths, self.transform = paths, transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        planes = np.load(self.paths[index], mmap_mode="r")
        image = torch.from_numpy(np.array(planes)).float()
        return self.transform(image), torch.tensor([float(index % 2)])


def ours(paths: list[Path], recipe: Recipe, device: torch.device) -> Round:
    """The trainer itself: :func:`modeling.training.train.train_one_epoch`."""
    bf16 = train.choose_bf16(recipe, device)
    train.configure(recipe, device)
    fit = train.begin(recipe, 0, device)
    images = ImageSet([np.load(path, mmap_mode="r") for path in paths], device)
    outcomes = torch.tensor([float(index % 2) for index in range(len(paths))])

    def one_round() -> None:
        train.train_one_epoch(
            fit, images, outcomes, range(len(paths)), recipe, seed=0, bf16=bf16, stop=lambda: False
        )
        float(fit.loss_sum)
        fit.epoch, fit.step = fit.epoch + 1, 0

    return one_round


def plain_step(
    network: nn.Module, optimiser: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor, bf16: bool
) -> torch.Tensor:
    with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=bf16):
        loss = nn.functional.binary_cross_entropy_with_logits(network(x).float(), y)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    return loss.detach()


def resident(network: nn.Module, recipe: Recipe, device: torch.device, steps: int) -> Round:
    """Steps on tensors that lie on the device: no loading, no augmentation."""
    bf16 = train.choose_bf16(recipe, device)
    network = network.to(device, memory_format=torch.channels_last).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.lr, fused=True)
    x = torch.randn(recipe.batch_size, recipe.slices, recipe.size, recipe.size, device=device)
    x = x.to(torch.bfloat16 if bf16 else torch.float32, memory_format=torch.channels_last)
    y = torch.randint(0, 2, (recipe.batch_size, 1), device=device).float()

    def one_round() -> None:
        for _ in range(steps):
            loss = plain_step(network, optimiser, x, y, bf16)
        float(loss)

    return one_round


def ceiling(paths: list[Path], recipe: Recipe, device: torch.device) -> Round:
    return resident(build_network(recipe, 0), recipe, device, len(paths) // recipe.batch_size)


def timm_benchmark(paths: list[Path], recipe: Recipe, device: torch.device) -> Round:
    """timm's network on random tensors, as its benchmark.py trains with --amp and --channels-last."""
    torchvision_models()  # its operators first: timm imports torchvision
    import timm

    network = timm.create_model(f"resnet{recipe.depth}", in_chans=recipe.slices, num_classes=1)
    return resident(network, recipe, device, len(paths) // recipe.batch_size)


def _cpu_transform(recipe: Recipe) -> Callable[[torch.Tensor], torch.Tensor]:
    torchvision_models()
    from torchvision.transforms import v2

    crop = v2.RandomApply([v2.CenterCrop(int(recipe.size * recipe.crop_fraction))], p=0.5)
    geometry = v2.Compose([crop, v2.Resize([recipe.size] * 2), v2.RandomHorizontalFlip()])

    def transform(image: torch.Tensor) -> torch.Tensor:
        gain, offset = 1 + 0.4 * (torch.rand(2) - 0.5)
        changed: torch.Tensor = geometry(image) * gain + (offset - 1)
        return changed

    return transform


def reference_loop(paths: list[Path], recipe: Recipe, device: torch.device, *, tuned: bool = False) -> Round:
    """DataLoader, CPU augmentation, float32, a loss read each step: a common reference script's loop.

    ``tuned`` gives it our number format, memory format and optimiser, so that what is left is the loading.
    """
    bf16 = tuned and train.choose_bf16(recipe, device)
    layout = torch.channels_last if tuned else torch.contiguous_format
    network = build_network(recipe, 0).to(device, memory_format=layout).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.lr, fused=tuned or None)
    loader = DataLoader(
        Files(paths, _cpu_transform(recipe)), batch_size=recipe.batch_size, shuffle=True,
        num_workers=LOADER_WORKERS, persistent_workers=True, pin_memory=device.type == "cuda",
    )  # fmt: skip

    def one_round() -> None:
        for x, y in loader:
            x, y = x.to(device, memory_format=layout, non_blocking=True), y.to(device, non_blocking=True)
            plain_step(network, optimiser, x, y, bf16).item()

    return one_round


def tuned_loop(paths: list[Path], recipe: Recipe, device: torch.device) -> Round:
    return reference_loop(paths, recipe, device, tuned=True)


def monai_trainer(paths: list[Path], recipe: Recipe, device: torch.device) -> Round:
    """MONAI's SupervisedTrainer with its own augmentations."""
    torchvision_models()
    from monai.engines import SupervisedTrainer
    from monai.transforms import Compose, RandFlip, RandScaleIntensity, RandShiftIntensity, RandZoom

    transform = Compose(
        [
            RandZoom(prob=0.5, min_zoom=1 / recipe.crop_fraction, max_zoom=1 / recipe.crop_fraction),
            RandFlip(prob=0.5, spatial_axis=1),
            RandScaleIntensity(factors=recipe.contrast, prob=0.5),
            RandShiftIntensity(offsets=recipe.brightness, prob=0.5),
        ]
    )

    class Rows(Files):
        def __getitem__(self, index: int) -> Any:
            image, label = super().__getitem__(index)
            return {"image": image, "label": label}

    network = build_network(recipe, 0).to(device)
    loader = DataLoader(
        Rows(paths, transform), batch_size=recipe.batch_size, shuffle=True,
        num_workers=LOADER_WORKERS, persistent_workers=True,
    )  # fmt: skip
    trainer = SupervisedTrainer(
        device=device,
        max_epochs=1,
        train_data_loader=loader,
        network=network,
        optimizer=torch.optim.Adam(network.parameters(), lr=recipe.lr),
        loss_function=nn.functional.binary_cross_entropy_with_logits,
        amp=device.type == "cuda",
    )

    def one_round() -> None:
        trainer.state.epoch = 0
        trainer.run()

    return one_round


CONTENDERS = {
    "odontoid": ours,
    "ceiling": ceiling,
    "reference loop": reference_loop,
    "reference loop, tuned": tuned_loop,
    "timm benchmark": timm_benchmark,
    "MONAI SupervisedTrainer": monai_trainer,
}


def give_back_memory() -> None:
    """What the C library keeps of freed memory: six contenders of 10 GB each are there at once."""
    gc.collect()
    with contextlib.suppress(AttributeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=CONTENDERS)
    parser.add_argument("data", type=Path)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    paths = sorted(options.data.glob("*.npy"))
    answer, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
    one_round = CONTENDERS[options.name](paths, recipe_for(options.size, options.batch), device)
    for _ in sys.stdin:
        began = time.perf_counter()
        one_round()
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
            1024**2 if sys.platform == "darwin" else 1024
        )
        if device.type == "cuda":
            peak = torch.cuda.max_memory_allocated() / 1024**2
        print(json.dumps({"seconds": seconds, "peak_memory_mb": peak}), file=answer, flush=True)
        give_back_memory()
        print("ready", file=answer, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
