"""A neck as a list of layers, painted from back to front."""

from __future__ import annotations

from dataclasses import dataclass

from cohort.phantom.anatomy import Anatomy
from cohort.phantom.head import face_layers, skull_layers
from cohort.phantom.junction import junction_layers
from cohort.phantom.layers import Layer
from cohort.phantom.layout import Layout, lay_out
from cohort.phantom.neck import SoftTissue, airway, soft_tissue
from cohort.phantom.spine import lateral_layers, spine_layers


@dataclass(frozen=True, slots=True)
class Scene:
    layout: Layout
    soft_tissue: SoftTissue
    layers: tuple[Layer, ...]


def build_scene(anatomy: Anatomy) -> Scene:
    """Everything there is to paint for one neck."""
    layout = lay_out(anatomy)
    return Scene(
        layout,
        soft_tissue(layout),
        (
            *face_layers(layout),
            *airway(layout),
            *skull_layers(layout),
            *lateral_layers(layout),
            *spine_layers(layout),
            *junction_layers(layout),
        ),
    )
