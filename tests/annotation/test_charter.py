"""The charter: typed terms, one hash, versions with reasons."""

from __future__ import annotations

from typing import Any

import pytest

from annotation import charter, workflow
from annotation.charter import Terms
from annotation.models import Case, Charter
from cohort import flow
from config.exceptions import RuleViolation
from tests.annotation.conftest import make_patients

pytestmark = pytest.mark.django_db
SEEDS: dict[str, Any] = {"plan_seed": 3, "sham_seed": 4}


def test_defaults_are_the_methods() -> None:
    terms = Terms()
    assert (terms.read_design, terms.discrepancy_rule, terms.consensus) == ("paired", "category", True)
    assert (terms.intermediate_policy, terms.min_interval_days) == ("negative", 1000)


def test_hash_names_the_settings_and_not_their_order() -> None:
    assert Terms(**SEEDS).hash() == Terms.of(dict(reversed(Terms(**SEEDS).as_dict().items()))).hash()
    assert Terms(**SEEDS, sham_share=0).hash() == Terms(**SEEDS, sham_share=0.0).hash()
    assert Terms(**SEEDS).hash() != Terms(**SEEDS, sham_share=0.2).hash()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"read_design": "single"}, "read_design"),
        ({"discrepancy_rule": "any"}, "discrepancy_rule"),
        ({"intermediate_policy": "maybe"}, "intermediate_policy"),
        ({"consensus": 1}, "consensus"),
        ({"sham_share": 1.1}, "sham_share"),
        ({"sham_share": True}, "sham_share"),
        ({"reread_share": 1.1}, "reread_share"),
        ({"washout_reads": 0}, "washout_reads"),
        ({"plan_seed": -1}, "plan_seed"),
        ({"plan_seed": 1.5}, "plan_seed"),
        ({"min_interval_days": 0}, "min_interval_days"),
        ({"qualification_required": 1}, "qualification_required"),
        ({"qualification_cases": 7}, "qualification_cases"),
        ({"pass_pannus": 0.6}, "pass_pannus"),
        ({"pass_facet_blossoming": 1.1}, "pass_facet_blossoming"),
        ({"rubric_version": 2}, "rubric_version"),
        ({"colour": "red"}, "colour: unknown setting"),
    ],
)
def test_bad_terms_name_the_setting(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Terms.of(change)
    with pytest.raises(RuleViolation, match=message):
        charter.freeze(by=None, changes=change)
    assert not Charter.objects.exists()


def test_seeds_are_drawn_once(lead: Any) -> None:
    first = charter.freeze(by=lead)
    assert isinstance(first.terms["plan_seed"], int)
    second = charter.freeze(by=lead, changes={"sham_share": 0.3}, reason="too few conflicts")
    assert second.version == 2
    assert second.terms["plan_seed"] == first.terms["plan_seed"]
    assert charter.is_intact(first)
    assert charter.is_intact(second)


def test_a_change_needs_a_reason_and_a_difference(lead: Any) -> None:
    charter.freeze(by=lead)
    for changes, reason, code in (
        ({"sham_share": 0.3}, " ", "reason_missing"),
        ({}, "again", "no_change"),
        ({"read_design": "independent"}, "better", "design_is_fixed"),
    ):
        with pytest.raises(RuleViolation) as refusal:
            charter.freeze(by=lead, changes=changes, reason=reason)
        assert refusal.value.code == code


def test_a_charter_frozen_by_an_earlier_release_stays_intact(lead: Any) -> None:
    """That release did not know every setting; the ones it knew are what was hashed."""
    from annotation.canonical import sha256

    frozen = charter.freeze(by=lead)
    terms = {key: value for key, value in frozen.terms.items() if key != "washout_reads"}
    old = Charter(version=9, terms=terms, hash=sha256(terms))
    assert charter.is_intact(old)
    assert charter.terms_of(old).washout_reads == 20
    assert not charter.is_intact(Charter(version=9, terms={**terms, "sham_share": 0.2}, hash=sha256(terms)))


def test_open_cases_keep_their_version(readers: dict[str, Any]) -> None:
    make_patients(1)
    workflow.open_reading(by=readers["lead"])
    charter.freeze(by=readers["lead"], changes={"consensus": False}, reason="no time")
    make_patients(2, prefix="00b")
    workflow.open_reading(by=readers["lead"])
    assert [case.charter.version for case in Case.objects.order_by("pk")] == [1, 2, 2]


def test_the_flow_takes_the_charters_interval(lead: Any) -> None:
    charter.freeze(by=lead)
    assert flow.current_interval() == 1000
    charter.freeze(by=lead, changes={"min_interval_days": 1096}, reason="Three years, as the text says")
    assert flow.current_interval() == 1096


def test_endpoint(as_lead: Any) -> None:
    page = as_lead.get("/api/charter/").json()
    assert page["current"] is None
    assert page["proposed"]["plan_seed"] is None
    made = as_lead.post("/api/charter/", {"terms": SEEDS}, format="json")
    assert made.status_code == 201
    assert made.json()["version"] == 1
    assert made.json()["terms"]["plan_seed"] == 3
    refused = as_lead.post("/api/charter/", {"terms": {"sham_share": 2}, "reason": "x"}, format="json")
    assert refused.status_code == 409
    assert "sham_share" in refused.json()["detail"]
    page = as_lead.get("/api/charter/").json()
    assert page["current"] == made.json() == page["history"][0]
    assert as_lead.post("/api/charter/", {"reason": "x"}, format="json").status_code == 400


# --- Checking before freezing


def test_check_says_what_follows(readers: dict[str, Any], as_lead: Any) -> None:
    make_patients(50)
    page = as_lead.post("/api/charter/check/", {"terms": {}}, format="json").json()
    assert page["problems"] == []
    assert page["implies"] == {
        "patients": 50,
        "cases": 50,
        "observers": 2,
        "observers_passed": 0,
        "adjudicators": 1,
        "reads_per_observer": 50,
        "rereads_per_observer": 5,
        "list_per_observer": 55,
        "shams": 4,
        "conflicts": 10,
        "assumed_discrepant": 0.2,
    }
    workflow.open_reading(by=readers["lead"])
    assert readers["observer_a"].assignments.count() == 55, "as was said"
    assert not Charter.objects.filter(version=2).exists()


def test_check_names_problems_and_warns(readers: dict[str, Any], as_lead: Any) -> None:
    def check(**terms: Any) -> dict[str, Any]:
        return dict(as_lead.post("/api/charter/check/", {"terms": terms}, format="json").json())

    make_patients(5)
    assert "too short for a wash-out" in " ".join(check()["warnings"])
    assert "every case is a dispute" in " ".join(check(sham_share=0)["warnings"])
    assert "cannot lie 20 reads apart" in " ".join(check(read_design="independent")["warnings"])
    assert check(sham_share=2)["problems"] == ["sham_share: 2 is not a share between 0 and 1"]
    assert check(sham_share=2)["implies"] is None
    workflow.open_reading(by=readers["lead"])
    assert check()["problems"] == ["Nothing differs from version 1"]
    assert check(read_design="independent")["problems"]
    changed = check(consensus=False)
    assert changed["differences"] == [{"term": "consensus", "before": True, "after": False}]
    assert "5 cases that are open keep" in changed["warnings"][0]
