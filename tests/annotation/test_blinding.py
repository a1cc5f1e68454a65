"""The proof of blinding holds, and would notice a leak."""

from __future__ import annotations

import logging
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

from annotation import blinding, queries, reading, workflow
from annotation.models import Case, Consensus, Reading
from cohort.models import Patient
from tests.annotation.conftest import both, sign

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Most answers are refusals, each of which would be logged."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def test_random_actions_change_no_byte(
    readers: dict[str, Any], included: Callable[..., list[Patient]], capsys: Any
) -> None:
    included(*(f"P{n}" for n in range(3)), slices=6)
    workflow.freeze_charter(by=None, changes={"plan_seed": 1, "sham_seed": 1, "sham_share": 0.5})
    workflow.open_reading(by=readers["lead"])
    blinding.prepare(readers["observer_a"])
    proof = blinding.prove(readers["observer_a"], actions=40, seed=3, full_every=20)
    print(proof.summary())
    assert proof.differences == {}
    assert sum(proof.actions.values()) == 40
    assert proof.actions["signatures"] >= 3
    assert proof.bytes_compared > 100_000


LEAKS: dict[str, Callable[[dict[str, Any], Any], dict[str, Any]]] = {
    "count": lambda page, user: {**page, "signed_by_all": Reading.objects.filter(state="signed").count()},
    "order": lambda page, user: {
        **page,
        "items": page["items"][:: 1 if Case.objects.filter(state="awaiting_reads").count() == 6 else -1],
    },
    "status": lambda page, user: {
        **page,
        "items": [
            {**item, "status": "signed" if Case.objects.exclude(state="awaiting_reads").exists() else "open"}
            for item in page["items"]
        ],
    },
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_found(
    study: Any, readers: dict[str, Any], monkeypatch: pytest.MonkeyPatch, leak: str
) -> None:
    study(6)
    honest = queries.worklist
    monkeypatch.setattr(queries, "worklist", lambda user: LEAKS[leak](honest(user), user))
    blinding.prepare(readers["observer_a"])
    monkeypatch.setattr(blinding, "addresses", lambda observer: (["/api/reading/worklist/"], []))
    proof = blinding.prove(readers["observer_a"], actions=60, seed=1)
    assert list(proof.differences) == ["/api/reading/worklist/"]


def test_an_invitation_is_declared_and_nothing_else(
    study: Any, readers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """B's signature invites A to consensus: that, and that A can no longer amend, is all that changes."""
    cases = study(3)
    for case in cases:
        sign(case, readers["observer_a"], both("clean", "clean"))

    def contradict(observer: Any, rng: random.Random, signing: float) -> str:
        case = Case.objects.filter(state="awaiting_reads").first()
        if case is not None:
            sign(case, readers["observer_b"], both("clean", "case"))
        return "signatures"

    monkeypatch.setattr(blinding, "_act", contradict)
    proof = blinding.prove(readers["observer_a"], actions=3, full_every=4)
    assert proof.differences == {}
    assert proof.invitations == 3 == Consensus.objects.count()


def test_foreign_addresses_are_among_those_replayed(study: Any, readers: dict[str, Any]) -> None:
    study(2)
    own, rest = blinding.addresses(readers["observer_a"])
    assert len(own) == 4
    assert sum(bool(re.fullmatch(r"/api/reading/cases/[0-9a-f]{16}/", url)) for url in rest) == 3
    assert {"/api/progress/", "/api/cohort/flow/", "/api/runs/"} <= set(rest)
    assert sum("/wado/" in url for url in rest) == 2 * 2 * (1 + 3)
    assert sum(url.startswith("PUT ") for url in rest) == 2 * (2 + 2 + 1)


def test_a_leak_in_a_refusal_is_found(
    study: Any, readers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    study(3)
    honest = reading.conflict

    def telling(own: Any) -> Any:
        refusal = honest(own)
        refusal.extra["drafts"] = Reading.objects.exclude(assignment__reader=readers["observer_a"]).count()
        return refusal

    monkeypatch.setattr(reading, "conflict", telling)
    proof = blinding.prove(readers["observer_a"], actions=20, seed=1, full_every=10)
    assert proof.differences
    assert all(url.startswith("PUT ") for url in proof.differences)


def test_a_refused_draft_changes_nothing(study: Any, readers: dict[str, Any]) -> None:
    study(3)
    blinding.prepare(readers["observer_a"])
    before = list(Reading.objects.order_by("pk").values())
    blinding.prove(readers["observer_a"], actions=0)
    assert list(Reading.objects.order_by("pk").values()) == before


def test_the_planted_leak_is_found(study: Any, readers: dict[str, Any], settings: Any) -> None:
    """The one behind ODONTOID_PLANTED_LEAK, which settings refuse outside DEBUG."""
    study(6)
    settings.PLANTED_LEAK = True
    blinding.prepare(readers["observer_a"])
    proof = blinding.prove(readers["observer_a"], actions=40, seed=1, full_every=1000)
    assert "/api/reading/worklist/" in proof.differences


def test_the_leak_cannot_be_planted_in_use() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=settings.BASE_DIR,
        env={**os.environ, "ODONTOID_PLANTED_LEAK": "yes", "ODONTOID_DEBUG": "no"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "ODONTOID_PLANTED_LEAK" in done.stderr


@pytest.mark.slow
def test_command(capsys: Any) -> None:
    call_command("verify_blinding", "--patients", "2", "--actions", "20")
    assert "0 bytes differ, at 0 addresses" in capsys.readouterr().out
