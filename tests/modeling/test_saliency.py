"""Class activation maps against their closed form, and the place they are saved with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from modeling.recipe import paper
from modeling.training.network import build_network
from modeling.training.preprocess import PlaneGeometry
from modeling.training.saliency import (
    activations,
    explain,
    grad_cam,
    picture,
    save_saliency,
    slice_attribution,
)


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
    for cam in (found.gradcam, found.against, found.layercam):
        assert cam.shape == (64, 64)
        assert cam.dtype == np.float32
        assert cam.min() >= 0
    # One answer or the other has a reason.
    assert max(found.gradcam.max(), found.against.max()) > 0
    assert found.layercam.max() > 0
    with torch.inference_mode():
        assert found.logit == pytest.approx(network(image).item(), abs=1e-5)


def test_explaining_leaves_no_trace(network, image):
    before = {k: v.clone() for k, v in network.state_dict().items()}
    first, again = explain(network, image), explain(network, image)
    assert np.array_equal(first.gradcam, again.gradcam)
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert all(p.grad is None for p in network.parameters())
    assert not any(module._forward_hooks for module in network.modules())


def test_frozen_weights_can_be_explained(image):
    frozen = build_network(paper().with_overrides({"grid": "fit", "size": 64, "depth": 18}), 4).eval()
    frozen.requires_grad_(False)
    assert explain(frozen, image).layercam.max() > 0


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
        restored = data["gradcam"] / 255 * float(data["gradcam_peak"])
        assert np.abs(restored - found.gradcam).max() <= found.gradcam.max() / 255
        assert data["row_end"].tolist() == [1, 65, 3]
        assert (data["image"].shape, data["image"].min(), data["image"].max()) == ((64, 64), 0, 255)
        assert data["normal_offsets_mm"].sum() == 0
        assert str(data["series_uid"]) == "1.2.3"
        assert data["slices"].shape == (6,)
