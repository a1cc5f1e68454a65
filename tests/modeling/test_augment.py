"""Augmentation: what may change, what never does, and the same draws from the same seed."""

from __future__ import annotations

import pytest
import torch

from modeling.recipe import paper, recommended
from modeling.training.augment import augment_batch


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def recipe(**changes):
    off = {"crop_fraction": 1.0, "flip": False, "brightness": 0.0, "contrast": 0.0}
    return paper().with_overrides(off | changes)


def images(count=8, size=32):
    return torch.randn(count, 6, size, size, generator=generator(9))


def test_nothing_asked_nothing_done():
    x = images()
    assert torch.equal(augment_batch(x, recipe(), generator()), x)
    assert torch.equal(augment_batch(x, paper().with_overrides({"augment": "none"}), generator()), x)


def test_same_seed_same_batch_and_the_input_is_left_alone():
    x = images()
    kept = x.clone()
    for r in (paper(), recommended()):
        first, again = augment_batch(x, r, generator(1)), augment_batch(x, r, generator(1))
        assert torch.equal(first, again)
        assert first.shape == x.shape
        assert not torch.equal(first, augment_batch(x, r, generator(2)))
    assert torch.equal(x, kept)


def test_the_papers_flip_mirrors_columns_only():
    x = images()
    y = augment_batch(x, recipe(flip=True, augment_probability=1.0), generator())
    assert torch.allclose(y, x.flip(-1), atol=1e-5)


def test_the_papers_crop_is_central():
    x = torch.zeros(1, 6, 64, 64)
    x[..., 8:-8, 8:-8] = 1
    y = augment_batch(x, recipe(crop_fraction=0.75, augment_probability=1.0), generator())
    # Half a pixel at the edge is interpolated with what was cut off.
    assert torch.allclose(y[..., 1:-1, 1:-1], torch.ones(1, 6, 62, 62))


def test_brightness_and_contrast_stay_within_their_limits():
    x = torch.ones(400, 6, 2, 2)
    x[..., 0] = -1
    y = augment_batch(x, recipe(brightness=0.3, contrast=0.2, augment_probability=1.0), generator())
    gain, offset = (y[:, 0, 0, 1] - y[:, 0, 0, 0]) / 2, (y[:, 0, 0, 1] + y[:, 0, 0, 0]) / 2
    assert 0.8 <= gain.min() < 0.82
    assert 1.18 < gain.max() <= 1.2
    assert -0.3 <= offset.min() < -0.28
    assert 0.28 < offset.max() <= 0.3


def marked(size=65):
    """Distinct marks at the front, back, head and foot of the middle."""
    x = torch.zeros(1, 6, size, size)
    middle = size // 2
    for value, (row, column) in enumerate(((0, -1), (0, 1), (-1, 0), (1, 0)), start=1):
        r, c = middle + row * size // 4, middle + column * size // 4
        x[0, :, r - 3 : r + 4, c - 3 : c + 4] = value
    return x


def centre_of(picture, value):
    rows, columns = torch.where((picture - value).abs() < 0.3)
    return rows.double().mean(), columns.double().mean()


@pytest.mark.parametrize("seed", range(25))
def test_recommended_never_turns_front_to_back_or_head_to_foot(seed):
    r = recommended().with_overrides({"augment_probability": 1.0, "brightness": 0.0, "contrast": 0.0})
    picture = augment_batch(marked(), r, generator(seed))[0, 0]
    front, back = centre_of(picture, 1)[1], centre_of(picture, 2)[1]
    head, foot = centre_of(picture, 3)[0], centre_of(picture, 4)[0]
    assert front < back
    assert head < foot


def test_recommended_may_reverse_the_slices_of_a_patient():
    x = torch.arange(6.0)[None, :, None, None].expand(200, 6, 4, 4).clone()
    r = recommended().with_overrides(
        {"crop_fraction": 1.0, "rotation": 0.0, "scale": 0.0, "brightness": 0.0, "contrast": 0.0}
    )
    y = augment_batch(x, r, generator())
    reversed_ones = (y[:, 0, 0, 0] == 5).sum().item()
    assert 60 < reversed_ones < 140
    assert all(torch.equal(one, x[0]) or torch.equal(one, x[0].flip(0)) for one in y)
