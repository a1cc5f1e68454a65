"""The trust report against networks whose maps are known to be right, and known to be wrong."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from skimage.metrics import structural_similarity

from modeling.manifest import parse_manifest
from modeling.map_verdicts import VERSION
from modeling.recipe import paper
from modeling.training import map_measures as measures
from modeling.training import train, trust, trust_report
from modeling.training import trust_checks as checks
from modeling.training import trust_phantoms as phantoms
from modeling.training.cam_cells import trace
from modeling.training.image_set import ImageSet
from modeling.training.network import build_network
from modeling.training.preprocess import PlaneGeometry, input_planes
from modeling.training.progress import Progress
from modeling.training.saved import export_onnx
from modeling.training.train import Stopped, training_step
from modeling.training.trust_report import Trust
from modeling.training.volume import CANONICAL, Volume
from tests.modeling.test_training_command import TINY, arguments
from tests.modeling.tiny import manifest_of, patient_row, write_label_set

RECIPE = paper().with_overrides({"grid": "fit", "size": 128, "depth": 18})
GEOMETRY = PlaneGeometry(
    128, 128, (0, 0, 0), (0, 127, 0), (0, 0, -127), (1, 0, 0), (0,) * 6, (0, 16, 128, 112)
)


@pytest.mark.parametrize("seed", range(3))
def test_likeness_equals_scikit_image_and_scipy(seed):
    rng = np.random.default_rng(seed)
    a, b = (measures.enlarged(rng.normal(size=(5, 5)), 64) for _ in range(2))
    unit = [(m - m.min()) / np.ptp(m) for m in (a, b)]
    expected = structural_similarity(
        *unit, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0
    )
    assert measures.ssim(a, b) == pytest.approx(expected, abs=1e-6)
    assert measures.spearman(a, b) == pytest.approx(stats.spearmanr(a.ravel(), b.ravel()).statistic)
    assert measures.ssim(a, a) == pytest.approx(1)
    assert measures.spearman(a, np.zeros_like(a)) is None


def test_enlarged_equals_torch_interpolation():
    cells = np.random.default_rng(1).normal(size=(4, 4))
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(cells)[None, None], size=(64, 64), mode="bilinear", align_corners=False
    )
    assert measures.enlarged(cells, 64) == pytest.approx(expected[0, 0].numpy())


def test_body_is_found_without_air_and_padding():
    rng = np.random.default_rng(0)
    planes = np.abs(rng.normal(0, 0.02, (6, 128, 128)))
    planes[:, 20:110, 40:90] += 1
    planes[:, 60:64, 60:64] = 0  # a dark vessel is inside the body
    body = measures.body_mask(planes, (0, 16, 128, 112))
    truth = np.zeros((128, 128), bool)
    truth[20:110, 40:90] = True
    assert (body & truth).sum() / (body | truth).sum() > 0.9
    assert body[62, 62]
    assert not body[:, :16].any()


def test_shares_and_peaks():
    cam = np.array([[0.0, 3.0], [1.0, -5.0]])
    region = np.array([[False, True], [False, True]])
    assert measures.share_in(cam, region) == 0.75
    assert measures.peak_inside(cam, region)
    assert measures.share_in(-np.abs(cam), region) is None


@pytest.fixture(scope="module")
def network():
    return build_network(RECIPE, 4).eval()


@pytest.fixture(scope="module")
def images():
    return torch.randn(8, 6, 128, 128, generator=torch.Generator().manual_seed(1))


def case(image: torch.Tensor, gradcam: np.ndarray, layercam: np.ndarray | None = None) -> checks.Case:
    cells = {"layercam": np.clip(gradcam, 0, None) if layercam is None else layercam, "gradcam": gradcam}
    return checks.Case("p", image[None], GEOMETRY, 0, 1.0, cells)


def test_gradcam_is_exact_at_layer4_and_says_so(network, images):
    exact = checks.exactness(network, trace(network, images[:1]))
    assert max(exact.values()) < 1e-5


class Corner(torch.nn.Module):
    """Says how bright the image's first quarter is, and nothing else."""

    def forward(self, x):
        return x[:, :, :64, :64].mean(dim=(1, 2, 3))[:, None] * 10


def bright(images: torch.Tensor) -> torch.Tensor:
    """Images with spots everywhere, so that blurring takes something away in each cell."""
    spots = torch.zeros_like(images)
    spots[:, :, 8::16, 8::16] = 20
    return spots + 0.01 * images


def planted(side: int, seed: int = 0) -> np.ndarray:
    """The network's quarter, on cells of any grain. Noise breaks ties; what matters stays on top."""
    honest = np.zeros((side, side))
    honest[: side // 2, : side // 2] = 1.0
    return honest + np.random.default_rng(seed).random((side, side)) / 10


@pytest.mark.parametrize("true", ["gradcam", "layercam"])
def test_a_true_map_is_faithful_and_a_false_one_is_not(images, true):
    """At layer4's cells and at the finer ones of layer3, whichever of the two is the true one."""
    maps = {"gradcam": planted(4), "layercam": planted(8)}
    (false,) = set(maps) - {true}
    maps[false] = 1.1 - maps[false]
    cases = [case(i, **maps) for i in bright(images)]
    found = checks.faithfulness(cases, {0: Corner()}, seed=1)
    for test in ("deletion", "insertion", "occlusion"):
        assert found[true][test]["passed"], test
        assert not found[false][test]["passed"], test
    assert len(found["layercam"]["deletion"]["share"]) == checks.STEPS + 1
    assert found[false]["deletion"]["gain"] < 0


def test_occlusion_is_measured_once_for_both_kinds(images, monkeypatch):
    """A finer map is averaged into the cells that were occluded, those of layer4."""
    blurred = []
    monkeypatch.setattr(
        checks, "occluded", lambda *of: blurred.append(of[-1]) or np.arange(16.0).reshape(4, 4)
    )
    fine = np.arange(16.0).reshape(4, 4).repeat(2, axis=0).repeat(2, axis=1)
    # Right on the average of each occluded cell, though not within it.
    fine += np.tile([[3.0, -3.0], [-3.0, 3.0]], (4, 4))
    cases = [case(i, -np.arange(16.0).reshape(4, 4), fine) for i in bright(images)[:3]]
    found = checks.faithfulness(cases, {0: Corner()}, seed=1)
    assert blurred == [(4, 4)] * 3
    assert found["layercam"]["occlusion"]["mean"] == pytest.approx(1)
    assert found["gradcam"]["occlusion"]["mean"] == pytest.approx(-1)
    assert checks.coarsened(fine, (4, 4)) == pytest.approx(np.arange(16.0).reshape(4, 4))


def test_another_networks_maps_are_for_the_same_answer(network, images):
    given = checks.Case("p", images[:1], GEOMETRY, 0, -1.0, trace(network, images[:1]).cells(-1))
    again = checks.answer_cells(network, given)
    found = checks.likeness([(given.cells, again)])
    assert {kind: row["spearman"] for kind, row in found.items()} == pytest.approx(
        {"layercam": 1, "gradcam": 1}
    )


def test_another_folds_network_is_said_to_have_trained_on_the_patients(network, images, monkeypatch):
    monkeypatch.setattr(checks, "likeness", lambda pairs: {"gradcam": {}})
    monkeypatch.setattr(checks, "answer_cells", lambda *_: {})
    made = trust_report.Trust.__new__(trust_report.Trust)
    made.manifest = parse_manifest(manifest_of([patient_row(f"P{i}", i % 2, ["0.dcm"]) for i in range(4)]))
    # Patient 3 was left out of the first fold's training, as with train_share below 1.
    made.folds = [{"fold": 0, "train": [2], "test": [0, 1]}, {"fold": 1, "train": [0, 1], "test": [2, 3]}]
    made.networks = {0: network, 1: network}
    cases = [checks.Case(f"P{i}", images[:1], GEOMETRY, i // 2, 1.0, {}) for i in range(4)]
    shuffled, found = made._others("quick", cases, print)
    assert (shuffled, found) == (None, {"gradcam": {"between": "folds", "pairs": 4, "trained_on": 3}})


def test_energy_in_the_padding_raises_the_alarm():
    planes = torch.zeros(6, 128, 128)
    planes[:, 10:118, 20:108] = 1
    left, middle = np.zeros((4, 4)), np.zeros((4, 4))
    left[:, 0], middle[1:3, 1:3] = 1, 1
    found = checks.energy([case(planes, left, middle)])
    assert found["gradcam"]["alarm"]
    assert not found["layercam"]["alarm"]
    found = checks.energy([case(planes, middle)])["gradcam"]
    assert not found["alarm"]
    assert found["air"] + found["padding"] < 0.2
    assert checks.energy([case(planes, -middle)])["gradcam"]["n"] == 0


@pytest.mark.parametrize("recipe", [RECIPE, paper()], ids=["fit", "pad512"])
def test_pointing_game_shows_phantoms_as_patients_come_to_the_network(recipe, monkeypatch):
    monkeypatch.setattr(phantoms, "PHANTOMS", 3)
    images, discs = phantoms.phantom_planes(recipe, seed=3)
    size = recipe.size
    assert (images.shape, discs.shape) == ((3, 6, size, size), (3, size, size))
    for image, region in zip(images, discs, strict=True):
        filled = image.std(axis=0) > 0
        # A field of 200 to 260 mm: the whole of a fitted grid, a part of one padded in millimetres.
        share = (230 / 512) ** 2 if recipe.grid == "pad512" else 1.0
        assert filled.mean() == pytest.approx(share, rel=0.35)
        inside = image[:, filled]
        if recipe.grid != "pad512":
            assert (inside.mean(), inside.std()) == pytest.approx((0, 1), abs=0.05)
        assert (region & ~filled).sum() < 0.01 * region.sum()
        # Behind the discs lies the bright fluid, at their own height: the mask is where the neck is.
        rows, columns = np.nonzero(region)
        assert 0.02 < region.sum() / filled.sum() < 0.05
        depth = 0.05 * np.sqrt(filled.sum())
        behind = image[:, rows, (columns + round(2 * depth)).clip(0, size - 1)].mean()
        assert behind > image[:, rows, columns].mean()


def test_discs_lie_on_the_grid_where_their_voxels_do():
    """A voxel's own brightness carried through the same resampling is where the mask says."""
    rng = np.random.default_rng(1)
    region = np.zeros((13, 96, 80), dtype=bool)
    region[:, 30:45, 20:38] = True
    voxels = rng.normal(100, 1, region.shape).astype(np.float32) + 500 * region
    volume = Volume(voxels, np.arange(13.0) * 3.3, (1.1, 1.1), np.array(CANONICAL), np.zeros(3))
    for change in ({"grid": "fit", "size": 128}, {"grid": "pad512"}, {"grid": "fit", "volume": "acquired"}):
        recipe = paper().with_overrides(change)
        planes, geometry = input_planes(volume, recipe)
        found = phantoms.on_grid(region, volume, geometry)
        bright = planes.astype(float).mean(axis=0) > planes.astype(float).mean(axis=0).max() / 2
        assert (found & bright).sum() / (found | bright).sum() > 0.93


def test_pointing_game_has_a_row_for_each_kind_of_map(network, monkeypatch):
    monkeypatch.setattr(phantoms, "PHANTOMS", 6)
    found = phantoms.pointing(RECIPE, network, torch.device("cpu"), seed=3, logit_threshold=0.0)
    assert [row["map"] for row in found["rows"]] == ["layercam", "gradcam", "centre", "edges", "random"]
    hits = {row["map"]: row["hits"] for row in found["rows"]}
    for test in found["against_priors"].values():
        assert hits[test["best"]] == max(hits["centre"], hits["edges"], hits["random"])


def test_a_map_must_hit_clearly_more_often_than_one_that_knows_nothing():
    """Binomial tail by hand: 6 of 6 is 1/64, 4 of 4 is 1/16."""
    nothing = [(False, None)] * 10
    for only, p in ((6, 1 / 64), (4, 1 / 16)):
        some = [(i < only, None) for i in range(10)]
        tries = {"layercam": some, "gradcam": nothing, "centre": nothing, "edges": nothing, "random": nothing}
        test = phantoms._against_priors("layercam", tries)
        assert (test["p"], test["beats"]) == (pytest.approx(p), p < 0.05)
        assert phantoms._against_priors("gradcam", tries)["p"] == 1


def test_onnx_equals_torch_and_a_wrong_file_is_not_kept(tmp_path: Path, network, monkeypatch):
    from safetensors.torch import save_file

    from modeling.training import saved

    path = tmp_path / "weights.safetensors"
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, path)
    about = export_onnx(path, RECIPE)
    assert about["max_difference"] < 1e-4
    assert (tmp_path / "weights.onnx").stat().st_size > 1e7
    (tmp_path / "weights.onnx").unlink()
    monkeypatch.setattr(saved, "ONNX_TOLERANCE", -1.0)
    with pytest.raises(saved.SavedNetworkError, match="differ"):
        export_onnx(path, RECIPE)
    assert not list(tmp_path.glob("*.onnx"))


def test_a_report_that_cannot_be_made_costs_no_run_and_says_why(tmp_path: Path, monkeypatch):
    def refused(*_):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(trust, "Trust", refused)
    manifest = parse_manifest(manifest_of([patient_row("P1", 0, ["0.dcm"])]))
    verdict = trust.test_maps(
        manifest, RECIPE, tmp_path, None, [], None, [], Progress(io.StringIO()), lambda: False
    )
    assert verdict == {
        "validated": False,
        "statement": "Not validated for localisation: the trust report could not be made: out of memory",
    }
    assert not (tmp_path / "trust.json").exists()


def test_networks_trained_for_the_report_go_on_from_their_checkpoints(tmp_path: Path, monkeypatch):
    """Stopped in the second of the two, the first is not trained again, nor the second's first steps."""
    recipe = RECIPE.with_overrides({"size": 32, "epochs": 2, "batch_size": 4, "checkpoint_seconds": 0.0})
    rng = np.random.default_rng(0)
    images = ImageSet(list(rng.normal(size=(8, 6, 32, 32)).astype(np.float16)), torch.device("cpu"))
    manifest = parse_manifest(manifest_of([patient_row(f"P{i}", i % 2, ["0.dcm"]) for i in range(8)]))
    folds = [{"fold": 0, "train": list(range(8)), "test": [], "logit_threshold": 0.0}]
    steps: list[int] = []

    def step(*of, **more):
        steps.append(1)
        return training_step(*of, **more)

    monkeypatch.setattr(train, "training_step", step)

    def retrained(folder: Path, most: int = 99) -> list[torch.nn.Module]:
        steps.clear()
        outcomes = torch.tensor([0.0, 1.0] * 4)
        report = Trust(manifest, recipe, folder, images, [], outcomes, folds, lambda: len(steps) >= most)
        return [report._retrained(3, shuffled=True), report._retrained(4, shuffled=False)]

    whole = retrained(tmp_path / "whole")
    assert len(steps) == 8
    with pytest.raises(Stopped):
        retrained(tmp_path / "stopped", most=7)
    resumed = retrained(tmp_path / "stopped")
    assert len(steps) == 1
    for one, other in zip(whole, resumed, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize(
    ("ending", "status", "kept"),
    [(Stopped(), 143, True), (ValueError("checkpoint cannot be read"), 2, False), (None, 0, False)],
)
def test_checkpoints_stay_in_a_published_folder_only_where_they_are_needed(
    tmp_path: Path, monkeypatch, ending, status, kept
):
    (tmp_path / "work").mkdir()
    (tmp_path / "m.json").write_text(json.dumps(manifest_of([patient_row("P1", 0, ["0.dcm"])])))

    def made(*_):
        if ending:
            raise ending
        return {"validated": True, "statement": "", "seconds": 1}

    monkeypatch.setattr(trust, "of_finished_run", made)
    monkeypatch.setattr(trust, "StopFlag", lambda: lambda: False)
    words = ["--run", str(tmp_path), "--manifest", str(tmp_path / "m.json"), "--images", "x", "--cache", "y"]
    assert trust.main(words) == status
    assert (tmp_path / "work").exists() == kept
    assert (tmp_path / "trust.json").exists() == (status == 0)


@pytest.mark.slow
def test_a_run_reports_on_its_maps_and_a_later_job_says_the_same(tmp_path: Path, monkeypatch):
    from modeling.training.__main__ import main

    monkeypatch.setattr(phantoms, "PHANTOMS", 8)  # they are drawn for each report
    label_set = write_label_set(tmp_path / "set", [1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0])
    content = json.loads(label_set.read_text()) | {"study": "phantoms"}
    label_set.write_text(json.dumps(content))
    out, cache = tmp_path / "run", tmp_path / "cache"
    assert main(arguments(label_set, TINY | {"trust": "full", "epochs": 1}, out, cache)) == 0
    first = json.loads((out / "trust.json").read_text())
    verdict = json.loads((out / "result.json").read_text())["trust"]
    assert verdict == {key: first[key] for key in ("validated", "statement")}
    assert first["version"] == VERSION
    for tests in first["maps"].values():
        assert tests["label_shuffled"]["pairs"] == tests["repeatability"]["pairs"] == len(first["patients"])
        for name in ("randomisation", "deletion", "insertion", "occlusion"):
            assert (name in tests["failed"]) == (not tests[name]["passed"])
    assert (first["maps"]["gradcam"]["grain"], first["maps"]["layercam"]["grain"]) == ([2, 2], [4, 4])
    assert first["maps"]["gradcam"]["exactness"]["passed"]
    assert first["maps"]["layercam"]["exactness"] is None
    # One epoch on a dozen patients learns nothing that maps could show.
    assert not first["validated"]
    assert first["statement"].startswith("Not validated for localisation")
    again = ["--run", str(out), "--manifest", str(label_set), "--images", str(tmp_path / "set")]
    assert trust.main([*again, "--cache", str(cache), "--full"]) == 0
    second = json.loads((out / "trust.json").read_text())
    assert second | {"seconds": 0} == first | {"seconds": 0}
