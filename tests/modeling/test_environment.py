"""Where a run of several machines was trained."""

from __future__ import annotations

from modeling.training.environment import environment_of


def test_one_machine_is_itself():
    one = {"device": "CPU", "bf16": False, "packages": {"torch": "2.13.0"}}
    assert environment_of([one, dict(one)]) == one


def test_machines_that_differ_are_all_told():
    one = {"device": "A100", "bf16": True, "packages": {"torch": "2.13.0", "numpy": "2"}}
    two = {"device": "CPU", "bf16": False, "packages": {"torch": "2.13.0", "numpy": "3"}}
    assert environment_of([one, two, one]) == {
        "device": "A100; CPU",
        "bf16": "True; False",
        "packages": {"torch": "2.13.0", "numpy": "2; 3"},
    }
