"""How a network is trained: one frozen, typed recipe, stored with its run (no Django, no torch)."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any, get_type_hints

from modeling.setting import RecipeError as RecipeError  # a part of this module's interface
from modeling.setting import check_value, parse, plain_types, setting
from modeling.splits import PAPER_TRAIN_FRACTION

PAPER = "paper"
OURS = "Odontoid"


#: What ``augment`` switches off: a profile may hold them beside augment=none, a wish for one may not.
AUGMENTATIONS = frozenset(
    ("augment_probability", "crop_fraction", "flip", "brightness", "contrast", "rotation", "scale",
     "mirror_slices")
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Every setting of a run. Defaults are the paper's; ``source`` is "paper" where the text states the
    value, "paper, ambiguous" where it allows more than one reading, "Odontoid" where it says nothing.
    """

    profile: str = setting(PAPER, "the profile it started from", source=OURS, choices=(PAPER, "recommended"))

    # Who
    split: str = setting(
        "holdout", "hold-out or cross-validation", source=PAPER, choices=("holdout", "kfold")
    )
    train_fraction: float = setting(
        PAPER_TRAIN_FRACTION,
        "share of patients trained on, hold-out only",
        source="paper, ambiguous",
        unit="share",
        low=0.05,
        high=0.95,
    )
    folds: int = setting(5, "folds, cross-validation only", source=OURS, unit="folds", low=2, high=50)
    repeats: int = setting(1, "times the cross-validation is repeated", source=OURS, low=1, high=50)
    inner_folds: int = setting(
        0,
        "folds inside each training set that give threshold and temperature; 0 = none",
        source=OURS,
        unit="folds",
        low=0,
        high=20,
    )

    label_source: str = setting(
        "final",
        "whose labels train: the final ones, or one observer's alone; tested on the final ones always",
        source=OURS,
        choices=("final", "reader_1", "reader_2"),
    )
    train_share: float = setting(
        1.0, "share of each training set used, nested: a point of the learning curve", source=OURS,
        unit="share", low=0.05, high=1.0,
    )  # fmt: skip

    # What the network sees
    volume: str = setting(
        "resample_1mm",
        "1 mm isotropic resampling, or the slices as acquired",
        source=PAPER,
        choices=("resample_1mm", "acquired"),
    )
    slices: int = setting(6, "middle sagittal slices, the input channels", source=PAPER, low=1, high=64)
    grid: str = setting(
        "pad512",
        "pixels centred in 512²; or the field, proportions kept, its longer side on 512 or size pixels",
        source="paper, ambiguous",
        choices=("pad512", "fit512", "fit"),
    )
    size: int = setting(512, "rows and columns of the input", source=PAPER, unit="px", low=32, high=1024)

    # Network
    depth: int = setting(101, "ResNet layers", source=PAPER, choices=(18, 34, 50, 101))
    init: str = setting(
        "random", "random weights or a safetensors file", source=PAPER, choices=("random", "file")
    )
    weights: str | None = setting(None, "path of the initial weights, init=file only", source=OURS)
    weights_sha256: str | None = setting(None, "their sha256, checked before use", source=OURS)

    # Optimisation
    optimiser: str = setting("adam", "optimiser", source=PAPER, choices=("adam", "adamw", "sgd"))
    lr: float = setting(1e-4, "learning rate (peak)", source=PAPER, low=0.0, high=10.0)
    weight_decay: float = setting(0.0, "weight decay", source=OURS, low=0.0, high=10.0)
    schedule: str = setting(
        "constant", "learning rate over the run", source=OURS, choices=("constant", "cosine")
    )
    warmup: float = setting(
        0.0, "linear warm-up, schedule=cosine only", source=OURS, unit="share of the epochs", low=0, high=0.5
    )
    batch_size: int = setting(4, "patients a step", source=PAPER, unit="patients", low=1, high=1024)
    epochs: int = setting(
        100,
        "passes over the training patients; the last is kept",
        source=PAPER,
        unit="epochs",
        low=1,
        high=10000,
    )
    loss: str = setting(
        "bce",
        "binary cross-entropy, positive-weighted, or focal",
        source=PAPER,
        choices=("bce", "bce_pos_weight", "focal"),
    )
    focal_gamma: float = setting(
        2.0, "focusing parameter, loss=focal only", source="Lin 2017", low=0, high=10
    )
    ema_decay: float = setting(
        0.0, "decay a step of the averaged weights; 0 = off", source=OURS, low=0, high=0.99999
    )
    published_beta: float | None = setting(
        10.0, "'beta and gamma … set to 10': no meaning for BCE and Adam; recorded, not used", source=PAPER
    )
    published_gamma: float | None = setting(10.0, "as published_beta", source=PAPER)

    # Augmentation
    augment: str = setting(
        "paper", "set of augmentations", source=PAPER, choices=("paper", "recommended", "none")
    )
    augment_probability: float = setting(0.5, "chance of each augmentation", source=OURS, low=0, high=1)
    crop_fraction: float = setting(
        0.875,
        "side kept by a crop (centre in paper, random in recommended), scaled back",
        source=OURS,
        unit="share of side",
        low=0.1,
        high=1.0,
    )
    flip: bool = setting(True, "anterior–posterior mirror, augment=paper only", source="paper, ambiguous")
    brightness: float = setting(0.2, "greatest shift", source=OURS, unit="SD of the image", low=0, high=5)
    contrast: float = setting(0.2, "greatest change of gain", source=OURS, unit="share", low=0, high=0.99)
    rotation: float = setting(0.0, "greatest in-plane rotation", source=OURS, unit="degree", low=0, high=45)
    scale: float = setting(0.0, "greatest change of scale", source=OURS, unit="share", low=0, high=0.5)
    mirror_slices: bool = setting(False, "reverse the order of slices, left for right", source=OURS)

    # Decision
    threshold_rule: str = setting(
        "train", "patients who set the threshold", source=PAPER, choices=("train", "inner")
    )
    target_sensitivity: float = setting(
        0.90, "least sensitivity among them", source="paper, ambiguous", unit="share", low=0.01, high=1
    )
    calibration: str = setting(
        "none", "temperature from the inner folds, or none", source=OURS, choices=("none", "temperature")
    )

    # How it runs
    seed: int = setting(
        0, "seed of split, weights, order and augmentation", source=OURS, low=0, high=2**31 - 1
    )
    deterministic: bool = setting(True, "deterministic algorithms only", source=OURS)
    device: str = setting(
        "auto", "auto takes CUDA where there is one", source=OURS, choices=("auto", "cpu", "cuda")
    )
    amp: str = setting(
        "auto",
        "bfloat16 in training; auto where the hardware has it",
        source=OURS,
        choices=("auto", "bf16", "off"),
    )
    compile: bool = setting(
        False,
        "torch.compile, meant for CUDA with Triton; on a CPU (with a C++ compiler) it took minutes to start "
        "and was no faster",
        source=OURS,
    )
    checkpoint_seconds: float = setting(
        60.0, "least time between checkpoints; 0 = every epoch", source=OURS, unit="s", low=0, high=86400
    )
    saliency: bool = setting(True, "GradCAM and LayerCAM of the test patients", source=PAPER)
    trust: str = setting(
        "quick",
        "tests of the maps; full also trains a network on shuffled labels and one from another seed",
        source=OURS,
        choices=("none", "quick", "full"),
    )
    onnx: bool = setting(True, "write the networks as ONNX too, checked against torch", source=OURS)

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for one in dataclasses.fields(self):
            hint, value = hints[one.name], getattr(self, one.name)
            check_value(one.name, value, hint, one.metadata)
            if type(value) is int and float in plain_types(hint):
                # 1 and 1.0 are one recipe, so they are stored alike.
                object.__setattr__(self, one.name, float(value))
        _refuse_contradictions(self)

    def to_mapping(self) -> dict[str, Any]:
        """All settings, in the order of the class."""
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        """The recipe as it is stored: all settings, indented."""
        return json.dumps(self.to_mapping(), indent=2)

    def with_overrides(self, assignments: Iterable[str] | Mapping[str, Any]) -> Recipe:
        """A recipe with some settings changed, ``["epochs=3", "depth=18"]`` or a mapping.

        Raises
        ------
        RecipeError
            If a key is unknown, a value does not parse, the result contradicts itself, or a change would do
            nothing.
        """
        if isinstance(assignments, Mapping):
            changes = {str(key): value for key, value in assignments.items()}
        else:
            changes = dict(_assignment(text) for text in assignments)
        changed = from_mapping(self.to_mapping() | changes)
        _refuse_idle(changes.keys(), changed)
        return changed


def _assignment(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise RecipeError(f"{text!r} is not key=value")
    hints = get_type_hints(Recipe)
    if key not in hints:
        raise RecipeError(_unknown([key]))
    return key, parse(key, value.strip(), hints[key])


def _default(name: str) -> Any:
    return next(one.default for one in dataclasses.fields(Recipe) if one.name == name)


def _refuse_contradictions(recipe: Recipe) -> None:
    r = recipe
    file_given = r.weights is not None or r.weights_sha256 is not None
    rules = (
        (
            r.grid in ("pad512", "fit512") and r.size != 512,
            f"grid={r.grid} fixes size=512, not {r.size}; for another size take grid=fit",
        ),
        (r.init == "random" and file_given, "init=random takes no weights file; take init=file"),
        (
            r.init == "file" and (r.weights is None or r.weights_sha256 is None),
            "init=file needs weights and weights_sha256: unverified weights are not loaded",
        ),
        (
            r.weights_sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", r.weights_sha256 or ""),
            "weights_sha256 is not 64 hexadecimal digits",
        ),
        (
            r.threshold_rule == "inner" and r.inner_folds < 2,
            "threshold_rule=inner needs inner_folds of 2 or more",
        ),
        (
            r.calibration == "temperature" and r.inner_folds < 2,
            "calibration=temperature needs inner_folds of 2 or more: fitted scores may not set it",
        ),
        (r.inner_folds == 1, "inner_folds=1 is no cross-validation; take 0 or at least 2"),
        (
            r.inner_folds > 1 and r.threshold_rule == "train" and r.calibration == "none",
            "inner_folds without threshold_rule=inner or calibration=temperature trains for nothing",
        ),
        (r.split == "holdout" and r.repeats != 1, "repeats belongs to split=kfold"),
        (r.split == "holdout" and r.folds != _default("folds"), "folds belongs to split=kfold"),
        (
            r.split == "kfold" and r.train_fraction != _default("train_fraction"),
            "train_fraction belongs to split=holdout",
        ),
        (
            r.loss != "focal" and r.focal_gamma != _default("focal_gamma"),
            "focal_gamma belongs to loss=focal",
        ),
        (r.schedule == "constant" and r.warmup > 0, "warmup belongs to schedule=cosine"),
        (r.lr == 0, "lr=0 learns nothing"),
        (r.trust == "full" and not r.saliency, "trust=full tests maps, and saliency=false makes none"),
        (
            r.augment == "recommended" and r.flip,
            "augment=recommended never flips anterior–posterior: anatomy is not symmetric; set flip=false",
        ),
        (
            r.augment == "paper" and (r.rotation > 0 or r.scale > 0 or r.mirror_slices),
            "rotation, scale and mirror_slices belong to augment=recommended",
        ),
    )
    for contradicts, reason in rules:
        if contradicts:
            raise RecipeError(reason)


def _refuse_idle(wished: Set[str], recipe: Recipe) -> None:
    """Refuse a wish that would do nothing.

    Not a contradiction of every recipe: profiles hold augmentations beside augment=none and trust=quick
    beside saliency=false, former versions stored them so, and what is stored must still be read.
    """
    r, usual = recipe, profile(recipe.profile)
    augmentation = bool(wished & {*AUGMENTATIONS, "augment"})
    idle = sorted(key for key in AUGMENTATIONS if getattr(r, key) != getattr(usual, key))
    rules = (
        (
            augmentation and r.augment == "none" and bool(idle),
            f"{', '.join(idle)}: nothing is augmented with augment=none",
        ),
        (
            augmentation and r.augment != "none" and r.augment_probability == 0,
            f"augment_probability=0 leaves augment={r.augment} nothing to do; take augment=none",
        ),
        (
            "trust" in wished and r.trust != "none" and not r.saliency,
            f"trust={r.trust} tests maps, and saliency=false makes none; take trust=none",
        ),
    )
    for does_nothing, reason in rules:
        if does_nothing:
            raise RecipeError(reason)


def _unknown(keys: Iterable[str]) -> str:
    known = ", ".join(one.name for one in dataclasses.fields(Recipe))
    return f"unknown setting(s) {', '.join(sorted(keys))}; known are {known}"


def from_mapping(content: Mapping[str, Any]) -> Recipe:
    """A recipe from JSON content; what is absent takes the default of its ``profile``.

    Raises
    ------
    RecipeError
        On unknown keys, wrong types, values out of range, and settings that contradict each other.
    """
    if not isinstance(content, Mapping):
        raise RecipeError("a recipe is an object of settings")
    unknown = set(content) - {one.name for one in dataclasses.fields(Recipe)}
    if unknown:
        raise RecipeError(_unknown(map(str, unknown)))
    base = profile(str(content.get("profile", PAPER)))
    return Recipe(**(base.to_mapping() | dict(content)))


def paper() -> Recipe:
    """The published method, as far as the text fixes it."""
    return Recipe()


def recommended() -> Recipe:
    """What 220 patients support: every patient tested, threshold and temperature from inner folds."""
    return Recipe(
        profile="recommended",
        split="kfold",
        folds=5,
        repeats=3,
        inner_folds=3,
        volume="acquired",
        grid="fit",
        size=320,
        optimiser="adamw",
        lr=3e-4,
        weight_decay=0.01,
        schedule="cosine",
        warmup=0.08,
        batch_size=16,
        epochs=60,
        ema_decay=0.99,
        augment="recommended",
        crop_fraction=0.85,
        flip=False,
        rotation=7.0,
        scale=0.1,
        mirror_slices=True,
        threshold_rule="inner",
        calibration="temperature",
        published_beta=None,
        published_gamma=None,
    )


def profile(name: str) -> Recipe:
    """The recipe called ``name``; RecipeError if there is none."""
    profiles = {"paper": paper, "recommended": recommended}
    if name not in profiles:
        raise RecipeError(f"profile: {name!r} is none of {', '.join(profiles)}")
    return profiles[name]()


def describe_settings() -> list[dict[str, Any]]:
    """One row per setting for a form or a page: name, default, doc, unit, source, choices, range."""
    rows = []
    for one in dataclasses.fields(Recipe):
        rows.append({"name": one.name, "default": one.default} | dict(one.metadata))
    return rows
