"""/api/runs/, /api/recipes/, /api/paper/: launch, watch, cancel, read the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from modeling import queries, runs
from modeling.models import LabelSet, Run

pytestmark = pytest.mark.django_db
URL = "/api/runs/"


# --- Launching


def test_launch(as_lead: APIClient, label_set: LabelSet) -> None:
    body = {"label_set": label_set.pk, "profile": "recommended", "overrides": {"epochs": 9}, "seed": 4}
    response = as_lead.post(URL, body, format="json")
    assert response.status_code == 201
    run = response.json()
    assert (run["state"], run["profile"], run["seed"]) == ("queued", "recommended", 4)
    assert (run["recipe"]["epochs"], run["recipe"]["seed"], run["recipe"]["folds"]) == (9, 4, 5)
    assert (run["created_by"], run["result"], run["auc"], run["progress"]) == ("lead", None, None, {})


def test_launch_twice_makes_two(as_lead: APIClient, label_set: LabelSet) -> None:
    body = {"label_set": label_set.pk, "profile": "paper"}
    ids = {as_lead.post(URL, body, format="json").json()["id"] for _ in range(2)}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"label_set": 99999}, "label_set"),
        ({"label_set": "x"}, "label_set"),
        ({"label_set": None}, "label_set"),
        ({"profile": "best"}, "profile"),
        ({"overrides": {"epoch": 1}}, "overrides"),
        ({"overrides": {"epochs": "3"}}, "overrides"),
        ({"overrides": {"epochs": 0}}, "overrides"),
        ({"overrides": {"size": 64}}, "overrides"),
        ({"overrides": {"lr": [1]}}, "overrides"),
        ({"overrides": {"lr": {}}}, "overrides"),
        ({"overrides": ["epochs=3"]}, "overrides"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**31}, "seed"),
    ],
)
def test_launch_malformed(
    as_lead: APIClient, label_set: LabelSet, change: dict[str, Any], field: str
) -> None:
    body = {"label_set": label_set.pk, "profile": "paper", **change}
    response = as_lead.post(URL, body, format="json")
    assert (response.status_code, list(response.json())) == (400, [field])
    assert not Run.objects.exists()


# --- Looking


def test_list_has_the_auc_and_no_result(as_lead: APIClient, published: Run) -> None:
    waiting = runs.create(label_set=published.label_set, profile="paper", by=None)
    rows = as_lead.get(URL).json()
    assert [row["id"] for row in rows] == [waiting.pk, published.pk]
    assert [row["auc"] and row["auc"]["value"] for row in rows] == [None, 1.0]
    assert [row["auc_within_folds"] for row in rows] == [None, None]
    assert all("result" not in row for row in rows)
    within = {"value": 0.7, "low": 0.5, "high": 0.8}
    published.result = {**(published.result or {}), "auc_within_folds": within}
    published.save()
    shown = as_lead.get(URL).json()[1], as_lead.get(f"{URL}{published.pk}/").json()
    assert [row["auc_within_folds"] for row in shown] == [within, within]


def test_list_needs_one_query_for_all_rows(
    as_lead: APIClient, published: Run, django_assert_max_num_queries: Any
) -> None:
    for _ in range(10):
        runs.create(label_set=published.label_set, profile="paper", by=None)
    with django_assert_max_num_queries(3):  # session, user, rows
        assert len(as_lead.get(URL).json()) == 11


def test_detail_while_running(as_lead: APIClient, run: Run) -> None:
    claim = runs.claim(run.pk)
    assert claim is not None
    runs.heartbeat(claim, progress={"stage": "training", "epoch": 2, "history": [{"epoch": 1, "loss": 0.7}]})
    body = as_lead.get(f"{URL}{run.pk}/").json()
    assert (body["state"], body["attempts"], body["result"]) == ("running", 1, None)
    assert body["progress"] == {"stage": "training", "epoch": 2, "history": [{"epoch": 1, "loss": 0.7}]}


def test_detail_when_published(as_lead: APIClient, published: Run) -> None:
    body = as_lead.get(f"{URL}{published.pk}/").json()
    assert body["result"] == published.result
    assert body["result"]["metrics"]["confusion"] == {"tp": 1, "fp": 1, "tn": 1, "fn": 0}
    assert (body["auc"]["value"], body["code_version"]) == (1.0, "c0de")


def test_predictions(as_lead: APIClient, published: Run) -> None:
    rows = {row["patient"]: row for row in as_lead.get(f"{URL}{published.pk}/predictions/").json()}
    assert {name: row["cell"] for name, row in rows.items() if row["split"] == "test"} == {
        "p02": "FP",
        "p03": "TP",
        "p04": "TN",
    }
    assert [rows[name]["predicted"] for name in ("p02", "p04")] == [1, 0]
    assert [name for name, row in rows.items() if row["saliency"]] == ["p03"]


def test_predictions_of_an_unfinished_run(as_lead: APIClient, run: Run) -> None:
    assert as_lead.get(f"{URL}{run.pk}/predictions/").json() == []
    assert as_lead.get(f"{URL}{run.pk}/predictions.csv").status_code == 404


def test_predictions_file(as_lead: APIClient, published: Run) -> None:
    response = as_lead.get(f"{URL}{published.pk}/predictions.csv")
    assert b"".join(response) == b"patient,score\np03,0.9\n"
    assert response["Content-Type"] == "text/csv"


def test_log(as_lead: APIClient, published: Run) -> None:
    assert as_lead.get(f"{URL}{published.pk}/log/").json() == "one\ntwo\n"


def test_log_before_the_start(as_lead: APIClient, run: Run) -> None:
    assert as_lead.get(f"{URL}{run.pk}/log/").json() == ""


def test_a_long_log_is_cut_at_a_line(as_lead: APIClient, published: Run) -> None:
    lines = [f"line {number:06d}" for number in range(50_000)]
    queries.log_path(published.pk).write_text("\n".join(lines) + "\n")
    shown = as_lead.get(f"{URL}{published.pk}/log/").json().splitlines()
    assert shown == lines[-len(shown) :]
    assert 10_000 < len(shown) < 50_000


# --- Cancelling


def test_cancel(as_lead: APIClient, run: Run) -> None:
    for _ in range(2):
        response = as_lead.post(f"{URL}{run.pk}/cancel/")
        assert (response.status_code, response.json()["state"]) == (200, "cancelled")


def test_cancel_running(as_lead: APIClient, run: Run) -> None:
    runs.claim(run.pk)
    body = as_lead.post(f"{URL}{run.pk}/cancel/").json()
    assert (body["state"], body["cancel_requested"]) == ("running", True)


def test_cancel_published(as_lead: APIClient, published: Run) -> None:
    response = as_lead.post(f"{URL}{published.pk}/cancel/")
    assert (response.status_code, response.json()["code"]) == (409, "run_has_ended")


# --- The reference


def test_paper(as_lead: APIClient) -> None:
    body = as_lead.get("/api/paper/").json()
    margins = {"n": 67, "positive": 12, "negative": 55, "correct": 57}
    assert body["counts"] == {"tp": 9, "fp": 7, "tn": 48, "fn": 4, **margins}
    assert body["figures"]["sensitivity"] == 0.75
    assert body["figures"]["auc"] == 0.82
    assert {(row["fn"], row["n"]) for row in body["matrices"]} == {(4, 68), (3, 67)}
    assert {"sensitivity", "accuracy", "npv", "f1"} == set(body["disputed"])
    assert any("f1 0.75" in finding for finding in body["findings"])


def test_any_published_table_is_checked(as_lead: APIClient) -> None:
    def check(**table: Any) -> Any:
        return as_lead.post("/api/paper/check/", {"table": table}, format="json")

    counts = {"tp": 9, "fp": 7, "tn": 48, "fn": 3}
    found = check(**counts, n=67, sensitivity="0.75", specificity="87%", ppv=0.56).json()
    assert found["findings"] == []
    found = check(**counts, sensitivity="0.80", sensitivity_ci=["0.81", "0.9"]).json()
    assert any("sensitivity 0.80 does not follow" in finding for finding in found["findings"])
    assert found["matrices"][0]["contradicts"] == ["sensitivity"]
    for wrong, said in (
        ({"tp": "nine"}, "tp"),
        ({"colour": 1}, "unknown keys: colour"),
        ({"ppv": []}, "ppv"),
        ({"proportions": [{"name": "x", "k": 1, "n": 2}]}, "proportions[1] x: stated missing"),
        ({"flow": [5]}, "flow[1]: 5 is not an object"),
    ):
        response = check(**wrong)
        assert (response.status_code, response.json()["code"]) == (409, "bad_table")
        assert said in response.json()["detail"]
    assert as_lead.post("/api/paper/check/", {}, format="json").status_code == 400


def test_recipes(as_lead: APIClient) -> None:
    body = as_lead.get("/api/recipes/").json()
    assert body["profiles"]["paper"]["depth"] == 101
    assert {row["name"] for row in body["settings"]} == set(body["profiles"]["paper"])
    assert body["default_profile"] == "paper"


# --- Everybody else


ROUTES: dict[str, Callable[[APIClient, int], Any]] = {
    "list": lambda client, pk: client.get(URL),
    "launch": lambda client, pk: client.post(URL, {"label_set": 1, "profile": "paper"}, format="json"),
    "detail": lambda client, pk: client.get(f"{URL}{pk}/"),
    "cancel": lambda client, pk: client.post(f"{URL}{pk}/cancel/"),
    "retry": lambda client, pk: client.post(f"{URL}{pk}/retry/"),
    "log": lambda client, pk: client.get(f"{URL}{pk}/log/"),
    "predictions": lambda client, pk: client.get(f"{URL}{pk}/predictions/"),
    "predictions.csv": lambda client, pk: client.get(f"{URL}{pk}/predictions.csv"),
    "patient": lambda client, pk: client.get(f"{URL}{pk}/patients/p03/"),
    "paper": lambda client, pk: client.get("/api/paper/"),
    "recipes": lambda client, pk: client.get("/api/recipes/"),
}
WITHOUT_RUN = ("list", "launch", "paper", "recipes")


@pytest.mark.parametrize("route", ROUTES)
def test_strangers_and_other_roles(
    route: str, published: Run, stranger: APIClient, as_observer_a: APIClient,
    as_neurosurgeon: APIClient, as_outsider: APIClient, as_lead: APIClient,
) -> None:  # fmt: skip
    call = ROUTES[route]
    assert call(stranger, published.pk).status_code == 403
    missing = as_lead.get(f"{URL}99999/")
    for client in (as_observer_a, as_neurosurgeon, as_outsider):
        for pk in (published.pk, 99999):
            response = call(client, pk)
            assert (response.status_code, response.content) == (404, missing.content)


@pytest.mark.parametrize("route", [route for route in ROUTES if route not in WITHOUT_RUN])
@pytest.mark.parametrize("pk", [99999, 2**70])
def test_missing(route: str, pk: int, as_lead: APIClient) -> None:
    assert ROUTES[route](as_lead, pk).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["", "1/", "1/cancel/", "1/retry/", "1/log/", "1/predictions/", "1/predictions.csv", "1/patients/p03/"],
)
def test_wrong_method(path: str, as_lead: APIClient, published: Run) -> None:
    assert as_lead.delete(f"{URL}{path}").status_code == 405
