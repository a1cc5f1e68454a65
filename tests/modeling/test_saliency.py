"""Class activation maps against their closed form, and the place they are saved with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from modeling.map_verdicts import METHODS
from modeling.recipe import paper
from modeling.training.cam_cells import activations, grad_cam, layer_cam, merged, trace
from modeling.training.network import build_network
from modeling.training.preprocess import PlaneGeometry
from modeling.training.saliency import explain, picture, save_saliency, slice_attribution


@pytest.fixture(scope="module")
def network():
    return build_network(paper().with_overrides({"grid": "fit", "size": 64, "depth": 18}), 4).eval()


@pytest.fixture(scope="module")
def image():
    return torch.randn(1, 6, 64, 64, generator=torch.Generator().manual_seed(1))


def test_gradcam_equals_its_closed_form_before_a_pooled_linear_head(network, image):
    # logit = fc · mean(A) + b, so the mean gradient of channel c is w_c / (h·w): CAM (Zhou 2016).
    logit, kept = activations(network, image, ("layer4",))
    (gradient,) = torch.autograd.grad(logit, [kept["layer4"]])
    activation = kept["layer4"].detach()
    places = activation.shape[2] * activation.shape[3]
    expected = functional.relu(torch.einsum("c,chw->hw", network.fc.weight[0], activation[0])) / places
    assert torch.allclose(grad_cam(activation, gradient), expected.detach(), atol=1e-6)
    # Exactness: the signed map sums to the logit without its bias.
    signed = (gradient.mean(dim=(2, 3), keepdim=True) * activation).sum()
    assert (signed + network.fc.bias[0]).item() == pytest.approx(logit.item(), abs=1e-4)


def test_maps_cover_the_input_and_are_not_negative(network, image):
    found = explain(network, image)
    assert set(found.maps) == set(METHODS)
    for cam in found.maps.values():
        assert cam.shape == (64, 64)
        assert cam.dtype == np.float32
        assert cam.min() >= 0
    # One answer or the other has a reason.
    assert max(found.maps["gradcam"].max(), found.maps["against"].max()) > 0
    assert min(found.maps["layercam"].max(), found.maps["layercam_against"].max()) > 0
    with torch.inference_mode():
        assert found.logit == pytest.approx(network(image).item(), abs=1e-5)


def test_one_pass_gives_every_kind_of_map_for_both_answers(network, image):
    # The same by the book, a layer at a time: ReLU(Σ ReLU(±∂logit/∂A) · A), and GradCAM with its sign.
    found = trace(network, image)
    for sign in (1.0, -1.0):
        layers = {}
        for layer in ("layer3", "layer4"):
            logit, kept = activations(network, image, (layer,))
            (gradient,) = torch.autograd.grad(sign * logit, [kept[layer]])
            layers[layer] = (kept[layer].detach(), gradient)
        cells = found.cells(sign)
        expected = merged(layer_cam(*layers["layer3"]), layer_cam(*layers["layer4"]))
        assert cells["layercam"] == pytest.approx(expected.numpy(), abs=1e-5)
        assert cells["layercam"].shape == (4, 4)
        assert cells["gradcam"].clip(0) == pytest.approx(grad_cam(*layers["layer4"]).numpy(), abs=1e-5)
        assert cells["gradcam"] == pytest.approx(-found.cells(-sign)["gradcam"])


def test_layers_are_merged_by_the_mean_of_each_over_its_peak():
    fine, coarse = torch.zeros(4, 4), torch.tensor([[0.0, 0.0], [0.0, 8.0]])
    fine[0, 0] = 0.5
    found = merged(fine, coarse)
    # Bilinearly drawn, the coarse peak keeps its place and height in the corner.
    assert (found[0, 0], found[3, 3], found[0, 3]) == (4, 4, 0)
    assert found.max() == 4
    assert merged(torch.zeros(4, 4), coarse).max() == 4
    assert merged(fine, torch.zeros(2, 2)).max() == 0.5
    assert merged(torch.zeros(4, 4), torch.zeros(2, 2)).max() == 0


def test_explaining_leaves_no_trace(network, image):
    before = {k: v.clone() for k, v in network.state_dict().items()}
    first, again = explain(network, image), explain(network, image)
    assert all(np.array_equal(first.maps[method], again.maps[method]) for method in METHODS)
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert all(p.grad is None for p in network.parameters())
    assert not any(module._forward_hooks for module in network.modules())


def test_frozen_weights_can_be_explained(image):
    frozen = build_network(paper().with_overrides({"grid": "fit", "size": 64, "depth": 18}), 4).eval()
    frozen.requires_grad_(False)
    assert explain(frozen, image).maps["layercam"].max() > 0


def test_a_slice_that_matters_is_found():
    class OneSlice(torch.nn.Module):
        def forward(self, x):
            return x[:, 2].mean(dim=(1, 2))[:, None]

    image = torch.zeros(1, 6, 8, 8)
    image[:, 2] = 3
    found = slice_attribution(OneSlice(), image)
    assert found == pytest.approx([0, 0, 3, 0, 0, 0])


def test_file_holds_maps_and_their_place(network, image, tmp_path):
    geometry = PlaneGeometry(
        64, 64, (1.0, 2.0, 3.0), (1.0, 65.0, 3.0), (1.0, 2.0, -60.0), (1.0, 0.0, 0.0),
        (-2.5, -1.5, -0.5, 0.5, 1.5, 2.5), (0, 0, 64, 64),
    )  # fmt: skip
    found = explain(network, image)
    path = tmp_path / "maps" / "P1.npz"
    save_saliency(path, found, geometry, series_uid="1.2.3", image=picture(image[0].numpy()))
    with np.load(path, allow_pickle=False) as data:
        for method, cam in found.maps.items():
            restored = data[method] / 255 * float(data[f"{method}_peak"])
            assert np.abs(restored - cam).max() <= cam.max() / 255
        assert data["row_end"].tolist() == [1, 65, 3]
        assert (data["image"].shape, data["image"].min(), data["image"].max()) == ((64, 64), 0, 255)
        assert data["normal_offsets_mm"].sum() == 0
        assert str(data["series_uid"]) == "1.2.3"
        assert data["slices"].shape == (6,)
