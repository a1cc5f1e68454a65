"""The self-test passes on this pipeline, and fails where nothing can have been learned."""

from __future__ import annotations

import json
from io import StringIO

import numpy as np
import pytest
import torch
from django.core.management import CommandError, call_command

from modeling.metrics import auc_delong
from modeling.training import selftest
from modeling.training.selftest import Effort, draw_necks, energy_share, run_selftest


@pytest.fixture(autouse=True)
def _restore_torch():
    yield
    torch.use_deterministic_algorithms(False)


def test_outcomes_follow_their_probabilities():
    _, outcomes, probabilities = draw_necks(3000, seed=1)
    assert outcomes.mean() == pytest.approx(probabilities.mean(), abs=0.03)
    assert outcomes.mean() == pytest.approx(selftest.CASE_SHARE, abs=0.04)
    assert auc_delong(outcomes, probabilities)[0] > 0.9


def test_energy_share():
    cam, region = np.zeros((4, 4), np.float32), np.zeros((4, 4), bool)
    cam[0], region[0, :2] = 1, True
    assert energy_share(cam, region) == 0.5
    assert energy_share(cam * 0, region) is None


def test_nothing_learned_does_not_pass(monkeypatch, capsys):
    hopeless = Effort(train=12, test=16, size=32, epochs=1)
    found = run_selftest(hopeless)
    assert found["passed"] == (found["planted_found"] and found["shuffled_not_found"])
    assert not found["planted_found"]
    monkeypatch.setattr(selftest, "QUICK", hopeless)
    assert selftest.main(["--quick"]) == 1
    assert json.loads(capsys.readouterr().out)["passed"] is False


def test_a_signal_in_shuffled_outcomes_fails(monkeypatch):
    # A leak: whatever the network says, its scores know the outcome.
    def leaking(y, s):
        return (0.9, 0.8, 0.95)

    monkeypatch.setattr(selftest, "auc_delong", leaking)
    found = run_selftest(Effort(train=12, test=8, size=32, epochs=1))
    assert found["planted_found"]
    assert not found["shuffled_not_found"]
    assert not found["passed"]


@pytest.mark.slow
def test_quick_selftest_passes():
    out, err = StringIO(), StringIO()
    call_command("selftest", quick=True, stdout=out, stderr=err)
    found = json.loads(out.getvalue())
    assert found["planted_auc"]["low"] > 0.5
    assert found["planted_auc"]["value"] < found["oracle_auc"]["value"]
    assert abs(found["shuffled_auc"]["value"] - 0.5) < 0.1
    assert "passed: planted AUC" in err.getvalue()


def test_command_fails_with_the_selftest(monkeypatch, settings, tmp_path):
    # The subprocess runs in BASE_DIR: a place without the package is a broken installation.
    settings.BASE_DIR = tmp_path
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with pytest.raises(CommandError, match="self-test failed"):
        call_command("selftest", quick=True, stdout=StringIO(), stderr=StringIO())
