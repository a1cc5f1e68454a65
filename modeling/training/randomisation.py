"""The randomisation test of a trust report: are the maps what the network learned, or what any network shows?

A map is compared with those of the same network whose parameters were started anew, from the output down
(Adebayo, NeurIPS 2018). The sign of a likeness tells nothing: a random network's map may be the negative of
a layout that both share, so likeness counts by its size. It is measured against how alike the trained
network's own maps of two patients are, which holds the layout that all patients share (Arun, Radiol Artif
Intell 2021;3:e200267). All maps of one random network rise and fall together: the network is the unit.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import nn

from modeling.map_verdicts import KINDS
from modeling.training.train import derive_seed
from modeling.training.trust_checks import Case, Cells, answer_cells, likeness

#: Randomised from the output down, each stage with all above it.
STAGES = ("fc", "layer4", "layer3", "layer2", "layer1", "conv1")
#: Random networks of the last stage, at least; each looks at so many of its fold's patients, at most. The
#: stages before it decide nothing and have a third.
NETWORKS, PATIENTS_EACH = 12, 4
#: Pairs of patients that the baseline rests on, at most (Arun's number).
PAIRS = 50
#: Fold → answer (1 or −1) and cells of each of its test patients.
Own = Mapping[int, Sequence[tuple[float, Cells]]]
MEASURES = ("spearman", "ssim")


def randomised(network: nn.Module, stages: Sequence[str], seed: int) -> nn.Module:
    """A copy whose named parts start anew, as before any training."""
    fresh = copy.deepcopy(network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for stage in stages:
            parts = ("conv1", "bn1") if stage == "conv1" else (stage,)
            for module in (m for part in parts for m in fresh.get_submodule(part).modules()):
                if isinstance(module, nn.Conv2d):
                    cpu = torch.empty(module.weight.shape)
                    nn.init.kaiming_normal_(cpu, mode="fan_out", nonlinearity="relu")
                    module.weight.data.copy_(cpu)
                elif isinstance(module, nn.BatchNorm2d):
                    module.reset_parameters()
                elif isinstance(module, nn.Linear):
                    bound = module.in_features**-0.5
                    module.weight.data.copy_(torch.empty(module.weight.shape).uniform_(-bound, bound))
                    module.bias.data.zero_()
    return fresh.eval()


def baseline(own: Own, seed: int) -> dict[str, dict[str, Any]]:
    """Kind → how alike maps of two patients are to whom one trained network gave the same answer.

    {"pairs", "spearman", "ssim"}; maps of opposite answers have opposite signs.
    """
    pairs = [
        (a, b) for fold in own.values() for (one, a), (other, b) in combinations(fold, 2) if one == other
    ]
    if len(pairs) > PAIRS:
        chosen = np.random.default_rng(seed).choice(len(pairs), PAIRS, replace=False)
        pairs = [pairs[i] for i in sorted(chosen)]
    return {kind: {"pairs": len(pairs)} | found["size"] for kind, found in likeness(pairs).items()}


def is_below(found: Mapping[str, float | None], limit: Mapping[str, float | None], suffix: str = "") -> bool:
    """Whether maps are less alike than the baseline's pairs, by both measures."""
    return all(
        (value := found[f"{name}{suffix}"]) is not None and (most := limit[name]) is not None and value < most
        for name in MEASURES
    )


def randomisation(
    cases: Sequence[Case], own: Own, networks: Mapping[int, nn.Module], seed: int
) -> dict[str, dict[str, Any]]:
    """Kind → likeness of maps to their own as the network is randomised from its output down.

    ``baseline`` as :func:`baseline`; ``stages``: for each the mean over random networks and the upper end
    of its one-sided 95 % interval (Student's t, ``…_high``). Passed if, all being random, that end lies
    below the baseline by both measures.
    """
    limits = baseline(own, derive_seed(seed, 0))
    draws = -(-NETWORKS // len(networks))
    stages: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for depth, stage in enumerate(STAGES, start=1):
        drawn: dict[str, list[dict[str, float | None]]] = {kind: [] for kind in KINDS}
        for fold, network in networks.items():
            tested = [case for case in cases if case.fold == fold]
            if not tested:
                continue
            for draw in range(draws if stage == STAGES[-1] else max(1, draws // 3)):
                fresh = randomised(network, STAGES[:depth], derive_seed(seed, fold, depth, draw))
                # Other patients for each network, so that all of them are looked at.
                looked = [tested[(draw + k) % len(tested)] for k in range(min(PATIENTS_EACH, len(tested)))]
                pairs = [(case.cells, answer_cells(fresh, case)) for case in looked]
                for kind, found in likeness(pairs).items():
                    drawn[kind].append(found["size"])
        for kind, rows in drawn.items():
            stages[kind].append({"stage": stage, "networks": len(rows)} | _over_networks(rows))
    return {
        kind: {
            "baseline": limits[kind],
            "stages": stages[kind],
            "passed": is_below(stages[kind][-1], limits[kind], "_high"),
        }
        for kind in KINDS
    }


def _over_networks(rows: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    result: dict[str, float | None] = {}
    for name in MEASURES:
        values = [value for row in rows if (value := row[name]) is not None]
        result[name] = result[f"{name}_high"] = None
        if len(values) > 1:
            mean, count = float(np.mean(values)), len(values)
            half = float(stats.t.ppf(0.95, count - 1)) * float(np.std(values, ddof=1)) / count**0.5
            result[name], result[f"{name}_high"] = mean, mean + half
    return result
