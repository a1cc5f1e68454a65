"""Several devices at one network: each takes a share of every batch (torchrun).

``torchrun --nproc-per-node 2 -m modeling.training …``. Every process draws the same batches and the same
augmentations and keeps its own rows; batch normalisation takes its statistics over all of them, so that a
step is the step that one process would have made. The processes are replicas: what one decides (to stop,
to write a checkpoint) all decide, and the first alone reports and keeps its files.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce

#: Steps between two times that the processes ask one another whether to stop: each asking makes all of them
#: wait for the slowest.
ASK_EVERY = 16


@dataclass(frozen=True)
class Share:
    """This process among all; alone without torchrun."""

    rank: int = 0
    world: int = 1

    def rows(self, count: int) -> list[int]:
        """The rows of a batch that are this process's."""
        return list(range(self.rank, count, self.world))

    def asks(self, step: int, steps: int) -> bool:
        """Whether a stop is asked for after step ``step`` (from 1) of an epoch's ``steps``: the same step in
        every process, the last always, and every step of a process alone."""
        return self.world == 1 or step % ASK_EVERY == 0 or step == steps

    def agree(self, wish: bool) -> bool:
        """Whether any process wishes so; every process must ask."""
        if self.world == 1:
            return wish
        flag = torch.tensor([int(wish)])
        dist.all_reduce(flag, op=dist.ReduceOp.MAX, group=_talk[0])
        return bool(flag.item())

    def total(self, value: Tensor) -> float:
        """The sum of a number over all processes."""
        if self.world == 1:
            return float(value)
        whole = value.detach().cpu().clone()
        dist.all_reduce(whole, group=_talk[0])
        return float(whole)


ALONE = Share()
#: The group by which processes talk over the CPU, whatever the gradients travel by.
_talk: list[dist.ProcessGroup] = []


def join() -> Share:
    """Take part in the group that torchrun describes in the environment; ALONE without one."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return ALONE
    if not dist.is_initialized():
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    if not _talk:
        _talk.append(dist.new_group(backend="gloo"))
    return Share(dist.get_rank(), world)


class SyncedBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation over the batches of all processes, on any device.

    torch's own SyncBatchNorm refuses tensors on the CPU.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, C, H, W); in training by the mean and variance over all processes."""
        if not self.training:
            return super().forward(x)
        wide = x if x.dtype == torch.float64 else x.float()
        count = wide.new_full((1,), x.numel() / x.shape[1])
        sums = torch.cat([wide.sum(dim=(0, 2, 3)), wide.square().sum(dim=(0, 2, 3)), count])
        sums = all_reduce(sums)  # type: ignore[no-untyped-call]
        channels = x.shape[1]
        total = sums[-1]
        mean = sums[:channels] / total
        variance = (sums[channels:-1] / total - mean.square()).clamp_min(0)
        self._follow(mean.detach(), variance.detach(), total.detach())
        scale = torch.rsqrt(variance + self.eps) * self.weight
        shift = self.bias - mean * scale
        normalised: Tensor = wide * scale[:, None, None] + shift[:, None, None]
        return normalised.to(x.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor, total: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        unbiased = variance * (total / (total - 1))
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), self.momentum)


def synced(network: nn.Module) -> nn.Module:
    """The network with its batch normalisations synced, in place; names and tensors stay."""
    for name, module in network.named_modules():
        if type(module) is nn.BatchNorm2d:
            twin = SyncedBatchNorm2d(module.num_features, eps=module.eps, momentum=module.momentum)
            twin.weight, twin.bias = module.weight, module.bias
            twin.running_mean, twin.running_var = module.running_mean, module.running_var
            twin.num_batches_tracked = module.num_batches_tracked
            parent, _, child = name.rpartition(".")
            setattr(network.get_submodule(parent), child, twin)
    return network


def spread(network: nn.Module, share: Share) -> nn.Module:
    """What to call instead of the network: the same, with gradients averaged over the processes."""
    if share.world == 1:
        return network
    return nn.parallel.DistributedDataParallel(synced(network))
