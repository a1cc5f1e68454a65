"""/api/label-sets/: freeze, list, look, download."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from modeling import queries, snapshot
from modeling.models import LabelSet, Run
from tests.modeling.study import label, labelled, make_patient

pytestmark = pytest.mark.django_db
URL = "/api/label-sets/"


@pytest.fixture(autouse=True)
def nothing_is_sent(sent: list[int]) -> None:
    pass


@pytest.fixture
def label_set() -> LabelSet:
    labelled([0, 1, 0])
    return snapshot.freeze(by=None, name="March")


def test_freeze(as_lead: APIClient) -> None:
    labelled([0, 1])
    response = as_lead.post(URL, {"name": "first"}, format="json")
    assert response.status_code == 201
    body = response.json()
    assert (body["label_set"]["name"], body["label_set"]["frozen_by"]) == ("first", "lead")
    assert (body["label_set"]["patients"], body["label_set"]["positives"]) == (2, 1)
    assert (body["run"]["state"], body["run"]["profile"]) == ("queued", "paper")
    assert body["run"]["label_set"] == body["label_set"]["id"]
    assert body["run"]["created_by"] == "lead"


def test_freeze_needs_no_body(as_lead: APIClient) -> None:
    labelled([0, 1])
    assert as_lead.post(URL).status_code == 201


def test_freeze_again(as_lead: APIClient) -> None:
    labelled([0, 1])
    first, second = as_lead.post(URL, {}, format="json"), as_lead.post(URL, {}, format="json")
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["label_set"] == second.json()["label_set"]
    assert first.json()["run"]["id"] == second.json()["run"]["id"]
    assert Run.objects.count() == 1


def test_freeze_nothing(as_lead: APIClient) -> None:
    response = as_lead.post(URL, {}, format="json")
    assert (response.status_code, response.json()["code"]) == (409, "no_charter")


def test_freeze_phantoms_with_patients(as_lead: APIClient) -> None:
    labelled([0, 1])
    label(make_patient("real", phantom=False))
    response = as_lead.post(URL, {}, format="json")
    assert (response.status_code, response.json()["code"]) == (409, "phantoms_and_patients")


@pytest.mark.parametrize("body", [{"name": "x" * 121}, {"name": ["a"]}, [1]])
def test_freeze_malformed(as_lead: APIClient, body: Any) -> None:
    assert as_lead.post(URL, body, format="json").status_code == 400
    assert not LabelSet.objects.exists()


def test_list(as_lead: APIClient, label_set: LabelSet) -> None:
    (row,) = as_lead.get(URL).json()
    assert (row["hash"], row["name"], row["frozen_by"]) == (label_set.hash, "March", None)


def test_detail(as_lead: APIClient, label_set: LabelSet) -> None:
    body = as_lead.get(f"{URL}{label_set.pk}/").json()
    assert [row["patient"] for row in body["rows"]] == ["p00", "p01", "p02"]
    assert body["counts"]["follow_up_category"] == {"clean": 2, "case": 1}
    assert body["counts"]["provenance"] == {"concordant": 3}
    assert (body["phantom"], body["intermediate_policy"], body["patients"]) == (True, "negative", 3)
    assert body["rows"][1]["covariates"]["rf"] is True
    assert body["rows"][1]["series_uid"].startswith("2.25.")


def test_detail_of_a_damaged_file(as_lead: APIClient, label_set: LabelSet) -> None:
    queries.manifest_path(label_set).write_text("{}")
    response = as_lead.get(f"{URL}{label_set.pk}/")
    assert (response.status_code, response.json()["code"]) == (409, "manifest_damaged")


def test_manifest_is_the_hashed_file(as_lead: APIClient, label_set: LabelSet) -> None:
    response = as_lead.get(f"{URL}{label_set.pk}/manifest.json")
    content = b"".join(response)
    assert hashlib.sha256(content).hexdigest() == label_set.hash
    assert label_set.hash[:12] in response["Content-Disposition"]


def test_manifest_that_is_lost(as_lead: APIClient, label_set: LabelSet) -> None:
    queries.manifest_path(label_set).unlink()
    assert as_lead.get(f"{URL}{label_set.pk}/manifest.json").status_code == 409


ROUTES: dict[str, Callable[[APIClient, int], Any]] = {
    "list": lambda client, pk: client.get(URL),
    "freeze": lambda client, pk: client.post(URL, {}, format="json"),
    "detail": lambda client, pk: client.get(f"{URL}{pk}/"),
    "manifest": lambda client, pk: client.get(f"{URL}{pk}/manifest.json"),
}


@pytest.mark.parametrize("route", ROUTES)
def test_strangers_and_other_roles(
    route: str, label_set: LabelSet, stranger: APIClient, as_observer_a: APIClient,
    as_neurosurgeon: APIClient, as_outsider: APIClient, as_lead: APIClient,
) -> None:  # fmt: skip
    call = ROUTES[route]
    assert call(stranger, label_set.pk).status_code == 403
    missing = as_lead.get(f"{URL}99999/")
    assert missing.status_code == 404
    for client in (as_observer_a, as_neurosurgeon, as_outsider):
        for pk in (label_set.pk, 99999):
            response = call(client, pk)
            assert (response.status_code, response.content) == (404, missing.content)
    assert LabelSet.objects.count() == 1


@pytest.mark.parametrize("route", ["detail", "manifest"])
@pytest.mark.parametrize("pk", [99999, 2**70])
def test_missing(route: str, pk: int, as_lead: APIClient) -> None:
    assert ROUTES[route](as_lead, pk).status_code == 404


@pytest.mark.parametrize("path", ["", "1/", "1/manifest.json"])
def test_wrong_method(path: str, as_lead: APIClient, label_set: LabelSet) -> None:
    assert as_lead.delete(f"{URL}{path}").status_code == 405


def test_list_needs_one_query_for_all_rows(
    as_lead: APIClient, django_assert_max_num_queries: Any, label_set: LabelSet
) -> None:
    for number in range(20):
        LabelSet.objects.create(hash=f"{number:064x}", path="x", charter_version=1, patients=1, positives=1)
    with django_assert_max_num_queries(3):  # session, user, rows
        assert len(as_lead.get(URL).json()) == 21
