"""The self-test passes on this pipeline, and fails where nothing can have been learned."""

from __future__ import annotations

import json
from io import StringIO

import numpy as np
import pytest
import torch
from django.core.management import CommandError, call_command

from modeling.metrics import auc_delong
from modeling.training import selftest, selftest_dicom
from modeling.training.image_set import ImageSet
from modeling.training.region_energy import answer_maps, layer_for, region_energy
from modeling.training.selftest import Effort, draw_necks, run_selftest


@pytest.fixture(autouse=True)
def _restore_torch():
    yield
    torch.use_deterministic_algorithms(False)


def test_outcomes_follow_their_probabilities():
    _, outcomes, probabilities = draw_necks(3000, seed=1)
    assert outcomes.mean() == pytest.approx(probabilities.mean(), abs=0.03)
    assert outcomes.mean() == pytest.approx(selftest.CASE_SHARE, abs=0.04)
    assert auc_delong(outcomes, probabilities)[0] > 0.9


class Bright(torch.nn.Module):
    """Logit: brightness of the left half less that of the right; its layers keep places where they are."""

    def __init__(self):
        super().__init__()
        self.layer2, self.layer4 = torch.nn.AvgPool2d(8), torch.nn.AvgPool2d(4)

    def forward(self, images):
        fine = self.layer2(torch.cat([images, images], dim=1))
        cells = self.layer4(fine)
        left, right = cells[..., : cells.shape[-1] // 2], cells[..., cells.shape[-1] // 2 :]
        return (left[:, :1].mean((2, 3)) - right[:, 1:].mean((2, 3))).reshape(-1, 1)


def test_a_map_is_finer_on_a_small_grid():
    assert [layer_for(size) for size in (48, 64, 96, 224, 256, 512)] == [
        "layer1", "layer2", "layer2", "layer3", "layer4", "layer4",
    ]  # fmt: skip


@pytest.mark.parametrize(("bright", "answer"), [("left", 1), ("right", -1)])
def test_energy_of_the_answer_given_lies_where_its_evidence_is(bright, answer):
    planes = np.zeros((1, 64, 64), np.float16)
    here = np.s_[:, 16:48, :32] if bright == "left" else np.s_[:, 16:48, 32:]
    planes[here] = 1
    regions = np.zeros((4, 64, 64), bool)
    regions[(slice(None), *here[1:])] = True
    images = ImageSet([planes] * 4, torch.device("cpu"))
    network = Bright()
    assert float(network(images.batch([0]))) * answer > 0
    assert answer_maps(network, images.batch([0]), "layer2")["layercam"].shape == (64, 64)
    found = region_energy(network, images, regions, [0, 1, 2], seed=0)
    assert found["layercam"]["patients"] == 3
    assert (found["layercam"]["layer"], found["layercam"]["cells"]) == ("layer2", 8)
    assert found["layercam"]["area"] == 0.25
    assert found["layercam"]["low"] > 3
    elsewhere = region_energy(network, images, ~regions, [0, 1, 2], seed=0)["layercam"]
    assert elsewhere["ratio"] < 0.5


def test_maps_without_energy_have_no_ratio():
    images = ImageSet([np.zeros((1, 64, 64), np.float16)], torch.device("cpu"))
    found = region_energy(Bright(), images, np.ones((1, 64, 64), bool), [0], seed=0)["layercam"]
    assert (found["patients"], found["ratio"], found["low"]) == (0, None, None)


def test_nothing_learned_does_not_pass(monkeypatch, capsys):
    hopeless = Effort(train=12, test=16, size=32, epochs=1)
    found = run_selftest(hopeless)
    assert found["passed"] == all(found[part] for part in selftest.FAILURES)
    assert len(selftest.FAILURES) == 5
    assert found["dicom"]["least_correlation"] > 0.99
    assert found["below_oracle"]
    assert not found["planted_found"]
    monkeypatch.setattr(selftest, "QUICK", hopeless)
    assert selftest.main(["--quick"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["passed"] is False
    assert "failed: the planted signal is not found: AUC below 0.8" in said.err


def test_a_signal_in_shuffled_outcomes_fails(monkeypatch):
    # A leak: whatever the network says, its scores know the outcome.
    def leaking(y, s):
        return (0.9, 0.8, 0.95)

    monkeypatch.setattr(selftest, "auc_delong", leaking)
    found = run_selftest(Effort(train=12, test=8, size=32, epochs=1))
    assert found["planted_found"]
    assert not found["shuffled_not_found"]
    assert not found["passed"]


def test_doing_better_than_the_oracle_fails(monkeypatch):
    """Scores that know the outcomes themselves, beside chances that know little of them."""
    necks, outcomes, _ = draw_necks(32, seed=0)
    monkeypatch.setattr(selftest, "draw_necks", lambda count, seed: (necks, outcomes, np.linspace(0, 1, 32)))
    monkeypatch.setattr(selftest, "evaluate", lambda network, images, test, **_: outcomes[test])
    found = run_selftest(Effort(train=12, test=20, size=32, epochs=1))
    assert (found["planted_auc"]["value"], found["planted_found"]) == (1, True)
    assert found["planted_minus_oracle"]["low"] > 0
    assert (found["below_oracle"], found["passed"]) == (False, False)
    assert any("better than the oracle" in failure for failure in found["failures"])


@pytest.mark.parametrize("fault", ["order", "mirrored", "swapped", "shifted"])
def test_reading_that_turns_a_neck_over_is_found(monkeypatch, fault):
    """Each a way in which a reader of DICOM may go wrong without an error."""
    turned = {
        "order": lambda planes: planes[::-1],
        "mirrored": lambda planes: planes[..., ::-1],
        "swapped": lambda planes: planes.swapaxes(1, 2),
        "shifted": lambda planes: np.roll(planes, 1, axis=2),
    }[fault]
    recipe = selftest.selftest_recipe(Effort(train=0, test=0, size=64, epochs=1), 0)
    necks, _, _ = draw_necks(selftest_dicom.NECKS, seed=1)
    planes, _ = selftest.render(necks, 64, spacing=3.3, seed=1)
    rendered = [one.astype(np.float32) for one in planes]
    read = selftest_dicom.read_back(necks, recipe, selftest._neck_seed(1))
    for changed, agrees in ((lambda planes: planes, True), (turned, False)):
        monkeypatch.setattr(selftest_dicom, "read_back", lambda *_, by=changed: [by(one) for one in read])
        found = selftest_dicom.through_dicom(necks, rendered, recipe, seed=0)
        assert found["agrees"] == agrees, found


@pytest.mark.slow
def test_quick_selftest_passes():
    out, err = StringIO(), StringIO()
    call_command("selftest", quick=True, stdout=out, stderr=err)
    found = json.loads(out.getvalue())
    assert found["oracle_auc"]["expected"] == pytest.approx(0.95, abs=1e-4)
    assert found["planted_auc"]["value"] >= 0.8
    assert found["disc_energy"]["planted"]["layercam"]["low"] > 1
    assert found["planted_auc"]["value"] < found["oracle_auc"]["value"]
    assert abs(found["shuffled_auc"]["value"] - 0.5) < 0.1
    assert "passed: planted AUC" in err.getvalue()
    assert "read from DICOM, necks correlate 0.99" in err.getvalue()


def test_command_fails_with_the_selftest(monkeypatch, settings, tmp_path):
    # The subprocess runs in BASE_DIR: a place without the package is a broken installation.
    settings.BASE_DIR = tmp_path
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with pytest.raises(CommandError, match="self-test failed"):
        call_command("selftest", quick=True, stdout=StringIO(), stderr=StringIO())
