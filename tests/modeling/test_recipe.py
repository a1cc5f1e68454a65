"""Recipes: complete, typed, and unable to contradict themselves."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest

from modeling.recipe import Recipe, RecipeError, describe_settings, from_mapping, paper, profile, recommended


def test_paper_profile_is_the_published_method():
    r = paper()
    assert (r.depth, r.slices, r.size, r.init) == (101, 6, 512, "random")
    assert (r.optimiser, r.lr, r.batch_size, r.epochs, r.loss) == ("adam", 1e-4, 4, 100, "bce")
    assert (r.volume, r.grid, r.split) == ("resample_1mm", "pad512", "holdout")
    assert round(220 * r.train_fraction) == 153
    assert (r.threshold_rule, r.target_sensitivity) == ("train", 0.90)
    assert (r.published_beta, r.published_gamma) == (10, 10)


def test_recommended_profile_follows_the_method():
    r = recommended()
    assert (r.split, r.volume, r.grid, r.threshold_rule, r.calibration) == (
        "kfold", "acquired", "fit", "inner", "temperature",
    )  # fmt: skip
    assert r.loss == "bce"
    assert not r.flip
    assert r.ema_decay > 0


def test_a_recipe_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        paper().epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize("make", [paper, recommended])
def test_json_comes_back_equal(make):
    assert from_mapping(json.loads(make().to_json())) == make()


def test_absent_settings_take_the_profile_of_the_mapping():
    assert from_mapping({"profile": "recommended", "epochs": 5}).optimiser == "adamw"
    assert from_mapping({"epochs": 5}).optimiser == "adam"
    with pytest.raises(RecipeError, match="profile: 'best'"):
        profile("best")


def test_overrides_are_parsed_by_type():
    r = paper().with_overrides(
        ["epochs=3", "depth = 18", "grid=fit", "size=64", "lr=1e-3", "flip=false", "published_beta=none"]
    )
    assert (r.epochs, r.depth, r.size, r.lr, r.flip, r.published_beta) == (3, 18, 64, 1e-3, False, None)
    assert paper().with_overrides({"epochs": 7}).epochs == 7
    assert paper().epochs == 100


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epoch=3", "unknown setting.*epoch"),
        ("epochs", "not key=value"),
        ("epochs=three", "epochs: 'three' is not a whole number"),
        ("epochs=2.5", "epochs: '2.5' is not a whole number"),
        ("lr=fast", "lr: 'fast' is not a number"),
        ("lr=nan", "lr: nan is not finite"),
        ("flip=maybe", "flip: 'maybe' is not true or false"),
        ("depth=42", "depth: 42 is none of 18, 34, 50, 101"),
        ("epochs=0", "epochs: 0 is not between 1"),
        ("batch_size=-4", "batch_size: -4"),
        ("target_sensitivity=1.5", "target_sensitivity: 1.5"),
    ],
)
def test_bad_overrides_are_named(text, words):
    with pytest.raises(RecipeError, match=words):
        paper().with_overrides([text])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"size": 128}, "grid=pad512 fixes size=512"),
        ({"weights": "w.safetensors"}, "init=random takes no weights"),
        ({"init": "file", "weights": "w.safetensors"}, "weights_sha256"),
        ({"init": "file", "weights": "w", "weights_sha256": "12"}, "64 hexadecimal"),
        ({"threshold_rule": "inner"}, "inner_folds of 2 or more"),
        ({"calibration": "temperature"}, "inner_folds of 2 or more"),
        ({"inner_folds": 1}, "inner_folds=1"),
        ({"inner_folds": 3}, "trains for nothing"),
        ({"repeats": 2}, "repeats belongs to split=kfold"),
        ({"folds": 10}, "folds belongs to split=kfold"),
        ({"split": "kfold", "train_fraction": 0.5}, "train_fraction belongs to split=holdout"),
        ({"focal_gamma": 1.0}, "focal_gamma belongs to loss=focal"),
        ({"warmup": 0.2}, "schedule=cosine"),
        ({"lr": 0.0}, "learns nothing"),
        ({"augment": "recommended"}, "never flips"),
        ({"rotation": 5.0}, "belong to augment=recommended"),
        ({"mirror_slices": True}, "belong to augment=recommended"),
    ],
)
def test_contradictions_are_refused_with_the_reason(changes, reason):
    with pytest.raises(RecipeError, match=reason):
        from_mapping(changes)


def test_an_augmentation_is_not_asked_of_none():
    for profile_ in (paper(), recommended()):
        assert profile_.with_overrides(["augment=none"]).augment == "none"
        with pytest.raises(RecipeError, match="crop_fraction: nothing is augmented"):
            profile_.with_overrides(["augment=none", "crop_fraction=0.5"])
    with pytest.raises(RecipeError, match="flip, rotation: nothing is augmented"):
        recommended().with_overrides({"augment": "none", "flip": True, "rotation": 9.0})


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([["crop_fraction=0.5"], ["augment=none"]], "crop_fraction: nothing is augmented"),
        ([["augment=none"], ["flip=no", "epochs=3"]], "flip: nothing is augmented"),
        ([["augment_probability=0"]], "augment_probability=0 leaves augment=paper nothing to do"),
        ([["saliency=no", "trust=quick"]], "trust=quick tests maps, and saliency=false makes none"),
        ([["saliency=no"], ["trust=quick"]], "trust=quick tests maps"),
        ([["saliency=no", "trust=full"]], "trust=full tests maps"),
    ],
)
def test_a_wish_that_does_nothing_is_refused(steps, reason):
    *before, last = steps
    recipe = paper()
    for step in before:
        recipe = recipe.with_overrides(step)
    with pytest.raises(RecipeError, match=reason):
        recipe.with_overrides(last)


def test_what_was_stored_is_read_and_changed_in_what_is_not_idle():
    for changes in (
        {"augment": "none", "crop_fraction": 0.5},
        {"augment_probability": 0.0},
        {"saliency": False},
    ):
        stored = from_mapping(paper().to_mapping() | changes)
        assert from_mapping(json.loads(stored.to_json())) == stored
        assert stored.with_overrides({"seed": 3, "train_share": 0.5}).seed == 3
        assert stored.with_overrides([]) == stored
    assert paper().with_overrides(["saliency=no"]).trust == "quick"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"epochs": "3"}, "epochs: '3' is not of type int"),
        ({"epochs": True}, "epochs: True"),
        ({"flip": 1}, "flip: 1 is not of type bool"),
        ({"colour": "red"}, "unknown setting"),
        ([], "object of settings"),
    ],
)
def test_mappings_of_the_wrong_shape(content, words):
    with pytest.raises(RecipeError, match=words):
        from_mapping(content)


def test_every_setting_is_documented_with_its_source():
    rows = describe_settings()
    assert [row["name"] for row in rows] == [f.name for f in dataclasses.fields(Recipe)]
    assert all(row["doc"] and row["source"] for row in rows)
    json.dumps(rows)


def test_whole_numbers_and_floats_are_one_recipe():
    assert from_mapping({"weight_decay": 0}).to_json() == paper().to_json()


def test_the_pure_modules_import_neither_torch_nor_django():
    code = (
        "import sys, modeling.metrics, modeling.published, modeling.splits, modeling.recipe,"
        "modeling.manifest, modeling.comparators, modeling.paper\n"
        "print([m for m in ('torch', 'django') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
