"""Every state × every act: what the table has happens, what it has not is refused."""

from __future__ import annotations

import itertools

import pytest

from annotation.models import Case
from annotation.transitions import TRANSITIONS, Act, State, advance
from config.exceptions import RuleViolation

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("state", "act"), list(itertools.product(State.values, Act)))
def test_pair(case: Case, state: str, act: Act) -> None:
    Case.objects.filter(pk=case.pk).update(state=state)
    case.refresh_from_db()
    if (state, act) in TRANSITIONS:
        advance(case, act)
        case.refresh_from_db()
        assert case.state == TRANSITIONS[state, act]
    else:
        with pytest.raises(RuleViolation) as refusal:
            advance(case, act)
        assert refusal.value.code == "wrong_state"
        case.refresh_from_db()
        assert case.state == state


def test_nothing_leaves_a_closed_case() -> None:
    assert not [pair for pair in TRANSITIONS if pair[0] == State.CLOSED]


def test_nothing_leaves_final() -> None:
    assert {to for (state, _), to in TRANSITIONS.items() if state == State.FINAL} == {State.FINAL}


def test_every_other_state_can_end() -> None:
    reachable: set[str] = {State.FINAL}
    for _ in State.values:
        reachable |= {state for (state, _), to in TRANSITIONS.items() if to in reachable}
    assert reachable == set(State.values) - {State.CLOSED}


def test_the_slower_of_two_is_refused(case: Case) -> None:
    stale = Case.objects.get(pk=case.pk)
    advance(case, Act.MEET)
    with pytest.raises(RuleViolation, match="faster"):
        advance(stale, Act.REFER)
