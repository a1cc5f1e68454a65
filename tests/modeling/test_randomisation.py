"""Randomisation: maps that outlive the network fail, whatever their sign, and the verdict is no coin toss."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modeling.recipe import paper
from modeling.training import randomisation as module
from modeling.training.network import build_network
from modeling.training.preprocess import PlaneGeometry
from modeling.training.randomisation import STAGES, baseline, is_below, randomisation, randomised
from modeling.training.trust_checks import Case

RECIPE = paper().with_overrides({"grid": "fit", "size": 128, "depth": 18})
GEOMETRY = PlaneGeometry(
    128, 128, (0, 0, 0), (0, 127, 0), (0, 0, -127), (1, 0, 0), (0,) * 6, (0, 0, 128, 128)
)
SHAPES = {"gradcam": (4, 4), "layercam": (8, 8)}


@pytest.fixture(scope="module")
def network():
    return build_network(RECIPE, 4).eval()


def layout(shape: tuple[int, int]) -> np.ndarray:
    """What all patients share: more in the middle than at the edges."""
    at = [np.sin(np.pi * (np.arange(n) + 0.5) / n) for n in shape]
    return np.outer(*at) - 0.5


def noisy(rng: np.random.Generator, share: float = 1.0) -> dict[str, np.ndarray]:
    """Maps of the shared layout, and of something that is the patient's or the network's own."""
    return {kind: share * layout(shape) + 0.15 * rng.normal(size=shape) for kind, shape in SHAPES.items()}


def patients(rng: np.random.Generator, folds: int = 1) -> list[Case]:
    image = torch.zeros(1, 6, 128, 128)
    return [Case(f"p{i}", image, GEOMETRY, i % folds, 1.0, noisy(rng)) for i in range(12)]


def own(cases: list[Case]) -> dict[int, list]:
    return {
        fold: [(case.sign, case.cells) for case in cases if case.fold == fold]
        for fold in {case.fold for case in cases}
    }


def test_parts_start_anew_and_the_network_is_left_alone(network):
    before = {key: value.clone() for key, value in network.state_dict().items()}
    fresh = randomised(network, ("fc", "layer4"), seed=1)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    changed = {key for key, value in fresh.state_dict().items() if not torch.equal(before[key], value)}
    assert changed
    assert all(key.startswith(("fc.", "layer4.")) for key in changed)
    image = torch.randn(1, 6, 128, 128, generator=torch.Generator().manual_seed(1))
    assert not torch.equal(fresh(image), randomised(network, ("fc", "layer4"), seed=2)(image))


@pytest.mark.parametrize("sign", [1, -1])
def test_maps_that_outlive_the_network_fail_and_so_do_their_negatives(network, monkeypatch, sign):
    rng = np.random.default_rng(0)

    def answers(_fresh, case):
        return {"gradcam": rng.normal(size=(4, 4)), "layercam": sign * case.cells["layercam"]}

    monkeypatch.setattr(module, "answer_cells", answers)
    cases = patients(rng)
    found = randomisation(cases, own(cases), {0: network}, seed=1)
    assert not found["layercam"]["passed"]
    assert found["layercam"]["stages"][-1]["spearman"] == pytest.approx(1)
    assert found["gradcam"]["passed"]
    for part in found.values():
        assert [row["stage"] for row in part["stages"]] == list(STAGES)
        assert [row["networks"] for row in part["stages"]] == [4] * 5 + [12]


@pytest.mark.parametrize("folds", [1, 5])
def test_the_verdict_is_the_same_whatever_the_random_networks_signs(network, monkeypatch, folds):
    """A random network shows the layout as bright or as dark, all patients alike: neither is a verdict."""
    monkeypatch.setattr(module, "randomised", lambda _network, _stages, seed: seed)
    monkeypatch.setattr(module, "STAGES", ("conv1",))

    def answers(seed, _case):
        drawn = np.random.default_rng(seed)
        return noisy(drawn, share=0.15 * drawn.choice([-1, 1]))

    monkeypatch.setattr(module, "answer_cells", answers)
    networks = dict.fromkeys(range(folds), network)
    signed = []
    for seed in range(8):
        cases = patients(np.random.default_rng(seed), folds)
        found = randomisation(cases, own(cases), networks, seed)
        assert found["gradcam"]["passed"]
        assert found["layercam"]["passed"]
        signed.append(found["gradcam"]["stages"][0]["spearman"])
    assert min(signed) > 0.15  # the size of the likeness counts
    monkeypatch.setattr(module, "answer_cells", lambda seed, case: answers_alike(seed, case))
    for seed in range(8):
        cases = patients(np.random.default_rng(seed), folds)
        assert not randomisation(cases, own(cases), networks, seed)["gradcam"]["passed"]


def answers_alike(seed: int, case: Case) -> dict[str, np.ndarray]:
    """As like the own map as that is, up to the sign."""
    sign = np.random.default_rng(seed).choice([-1, 1])
    return {kind: sign * cells for kind, cells in case.cells.items()}


def test_the_baseline_is_of_patients_with_one_answer_from_one_network():
    rng = np.random.default_rng(3)
    up, down = noisy(rng), {kind: -cells for kind, cells in noisy(rng).items()}
    alike = baseline({0: [(1.0, up), (1.0, up), (-1.0, down)], 1: [(1.0, noisy(rng))]}, seed=0)
    assert alike["gradcam"] == pytest.approx({"pairs": 1, "spearman": 1.0, "ssim": 1.0})
    many = baseline({0: [(1.0, noisy(rng)) for _ in range(40)]}, seed=0)
    assert many["layercam"]["pairs"] == module.PAIRS
    none = baseline({0: [(1.0, up), (-1.0, down)]}, seed=0)
    assert none["gradcam"] == {"pairs": 0, "spearman": None, "ssim": None}
    # What cannot be compared has not passed.
    assert not is_below({"spearman": 0.0, "ssim": 0.0}, none["gradcam"])
    assert is_below({"spearman": 0.2, "ssim": 0.2}, many["gradcam"])
    assert not is_below({"spearman": 0.2, "ssim": None}, many["gradcam"])
