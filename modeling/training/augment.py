"""Random changes to a batch on the device: one affine sampling and one intensity change per patient.

Parameters are drawn on the CPU from the generator given, so that every device sees the same draws.
Anatomy is never turned head to foot, and only the paper's own set mirrors front to back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from modeling.recipe import Recipe
from modeling.training.image_set import sent


def augment_batch(
    images: Tensor,
    recipe: Recipe,
    generator: torch.Generator,
    *,
    rows: Sequence[int] | None = None,
    of: int | None = None,
) -> Tensor:
    """Augment (N, slices, rows, columns) float images; the shape stays, the input is not changed.

    Where the images are ``rows`` of a batch ``of`` more, they get the draws they have in the whole batch.
    """
    if recipe.augment == "none":
        return images
    count = images.shape[0] if of is None else of

    def mine(drawn: Tensor) -> Tensor:
        return drawn if rows is None else drawn[list(rows)]

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=generator)

    def chance() -> Tensor:
        return torch.rand(count, generator=generator) < recipe.augment_probability

    zoom, shift_x, shift_y = torch.ones(count), torch.zeros(count), torch.zeros(count)
    turn, mirror = torch.zeros(count), torch.ones(count)
    if recipe.augment == "paper":
        zoom = torch.where(chance(), recipe.crop_fraction, 1.0)
        if recipe.flip:
            mirror = torch.where(chance(), -1.0, 1.0)
    else:
        cropped = chance()
        side = torch.where(cropped, uniform(recipe.crop_fraction, 1.0), torch.ones(count))
        # The crop slides within the image. Scale and rotation, drawn apart from it, may take the window past
        # the image's edge: what lies there repeats the edge (:func:`_sample`).
        shift_x, shift_y = uniform(-1, 1) * (1 - side), uniform(-1, 1) * (1 - side)
        zoom = side * torch.where(chance(), uniform(1 - recipe.scale, 1 + recipe.scale), torch.ones(count))
        turn = torch.where(chance(), uniform(-recipe.rotation, recipe.rotation), turn) * (math.pi / 180)
    images = _sample(images, *map(mine, (zoom, shift_x, shift_y, turn, mirror)))
    gain = torch.where(chance(), uniform(1 - recipe.contrast, 1 + recipe.contrast), torch.ones(count))
    offset = torch.where(chance(), uniform(-recipe.brightness, recipe.brightness), torch.zeros(count))
    gain, offset = sent(torch.stack([mine(gain), mine(offset)]), images.device)
    # The images are standardised: gain turns about their mean and offsets are in their deviations.
    images = images * gain[:, None, None, None] + offset[:, None, None, None]
    if recipe.mirror_slices:
        reverse = sent(mine(chance()), images.device)
        images = torch.where(reverse[:, None, None, None], images.flip(1), images)
    return images


def _sample(
    images: Tensor, zoom: Tensor, shift_x: Tensor, shift_y: Tensor, turn: Tensor, mirror: Tensor
) -> Tensor:
    identity = (zoom == 1).all() and (turn == 0).all() and (mirror == 1).all()
    if identity and not shift_x.any() and not shift_y.any():
        return images
    cosine, sine = torch.cos(turn) * zoom, torch.sin(turn) * zoom
    top = torch.stack([cosine * mirror, -sine, shift_x], dim=1)
    bottom = torch.stack([sine * mirror, cosine, shift_y], dim=1)
    matrices = sent(torch.stack([top, bottom], dim=1).to(images.dtype), images.device)
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
