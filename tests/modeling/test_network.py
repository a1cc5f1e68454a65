"""The network: six channels in, one logit out, the same weights from the same seed."""

from __future__ import annotations

import hashlib

import pytest
import torch
from safetensors.torch import save_file

from modeling.recipe import paper
from modeling.training.network import WeightsError, build_network


def recipe(**changes):
    return paper().with_overrides({"grid": "fit", "size": 64, "depth": 18} | changes)


@pytest.mark.parametrize(("depth", "layers"), [(18, 20), (34, 36), (50, 53), (101, 104)])
def test_depths(depth, layers):
    network = build_network(recipe(depth=depth), 0).eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, 6, 64, 64)).shape == (2, 1)
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(convolutions) == layers
    assert network.conv1.weight.shape == (64, 6, 7, 7)


def test_seed_decides_the_weights_and_leaves_the_callers_random_state_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = build_network(recipe(), 1).state_dict()
    assert torch.equal(torch.rand(3), expected)
    again, other = build_network(recipe(), 1).state_dict(), build_network(recipe(), 2).state_dict()
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])


def from_file(path, **changes):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return recipe(init="file", weights=str(path), weights_sha256=digest, **changes)


def test_initial_weights_of_three_channels_answer_alike_to_equal_slices(tmp_path):
    donor = build_network(recipe(slices=3), 3).eval()
    path = tmp_path / "w.safetensors"
    save_file(donor.state_dict(), path)
    network = build_network(from_file(path), 0).eval()
    plane = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(
            network.conv1(plane.expand(1, 6, 64, 64)), donor.conv1(plane.expand(1, 3, 64, 64)), atol=1e-4
        )
    assert torch.equal(network.fc.weight, donor.fc.weight)


def test_a_head_of_another_size_is_left_as_initialised(tmp_path):
    weights = build_network(recipe(), 3).state_dict()
    weights["fc.weight"], weights["fc.bias"] = torch.zeros(1000, 512), torch.zeros(1000)
    path = tmp_path / "w.safetensors"
    save_file(weights, path)
    network = build_network(from_file(path), 7)
    assert torch.equal(network.fc.weight, build_network(recipe(), 7).fc.weight)
    assert torch.equal(network.layer1[0].conv1.weight, weights["layer1.0.conv1.weight"])


def test_wrong_weights_are_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    save_file(build_network(recipe(), 3).state_dict(), path)
    right = from_file(path)
    with pytest.raises(WeightsError, match="do not fit"):
        build_network(right.with_overrides({"depth": 50}), 0)
    with pytest.raises(WeightsError, match="sha256 is"):
        build_network(right.with_overrides({"weights_sha256": "0" * 64}), 0)
    path.unlink()
    with pytest.raises(WeightsError, match="No such file"):
        build_network(right, 0)
