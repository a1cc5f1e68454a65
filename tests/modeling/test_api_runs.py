"""/api/runs/, /api/recipes/, /api/paper/: launch, watch, cancel, read the result."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rest_framework.test import APIClient

from modeling import map_verdicts, queries, runs, snapshot
from modeling.metrics import evaluate
from modeling.models import LabelSet, Prediction, Run
from modeling.results import Result
from tests.modeling.study import labelled
from tests.modeling.test_map_verdicts import report

pytestmark = pytest.mark.django_db
URL = "/api/runs/"


@pytest.fixture
def label_set(sent: list[int]) -> LabelSet:
    labelled([0, 1, 0, 1, 0])
    return snapshot.freeze(by=None, start_run=False)


@pytest.fixture
def run(label_set: LabelSet) -> Run:
    return runs.create(label_set=label_set, profile="paper", by=None)


def write_saliency(path: Path, *, earlier: bool = False) -> np.ndarray:
    """A file of maps; earlier versions kept no LayerCAM against a case."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.arange(12, dtype=np.uint8).reshape(3, 4)
    more = {"layercam_against": values[:, ::-1], "layercam_against_peak": np.float64(3.5)}
    np.savez_compressed(
        path, gradcam=values, gradcam_peak=np.float64(1.5), layercam=values[::-1],
        layercam_peak=np.float64(2.5), against=values // 2, against_peak=np.float64(0.5),
        slices=np.array([0.5, -0.25], np.float32), logit=np.float64(0.1), origin=np.array([1.0, 2.0, 3.0]),
        row_end=np.array([1.0, 5.0, 3.0]), column_end=np.array([1.0, 2.0, 1.0]),
        normal=np.array([1.0, 0.0, 0.0]), normal_offsets_mm=np.array([-1.65, 1.65]),
        field=np.array([0, 0, 3, 4]), series_uid=np.array("2.25.1"), **({} if earlier else more),
    )  # fmt: skip
    return values


@pytest.fixture
def published(run: Run) -> Run:
    """p00 and p01 trained on, p02 (FP), p03 (TP), p04 (TN) tested."""
    claim = runs.claim(run.pk)
    assert claim is not None
    directory = queries.run_directory(run.pk) / "attempt-1"
    write_saliency(directory / "saliency" / "p03.npz")
    (directory / "predictions.csv").write_text("patient,score\np03,0.9\n")
    queries.log_path(run.pk).write_text("one\ntwo\n")
    rows = [("p00", "train", 0, 0.1), ("p01", "train", 1, 0.8), ("p02", "test", 0, 0.6),
            ("p03", "test", 1, 0.9), ("p04", "test", 0, 0.2)]  # fmt: skip
    predictions = [
        Prediction(
            run=run, patient=name, split=split, outcome=outcome, logit=float(np.log(score / (1 - score))),
            score=score, threshold=0.5, saliency="saliency/p03.npz" if name == "p03" else "",
        )
        for name, split, outcome, score in rows
    ]  # fmt: skip
    content = {"metrics": evaluate([0, 1, 0], [0.6, 0.9, 0.2], 0.5), "environment": {"code_version": "c0de"}}
    runs.publish(claim, path=f"{run.pk}/attempt-1", result=Result(content, predictions))
    run.refresh_from_db()
    return run


# --- Launching


@pytest.mark.parametrize(
    ("threshold", "called", "method"), [(0.52, 0, "layercam_against"), (0.51, 1, "layercam")]
)
def test_a_map_is_of_the_first_repeats_network_and_of_its_answer(
    published, as_lead, threshold, called, method
):
    """Positive by the mean of three repeats; the map's own network has logit 0.1 at temperature 2."""
    fold = {"fold": 0, "train": ["p00", "p01"], "test": ["p02", "p03", "p04"], "temperature": 2.0}
    folds = [fold | {"repeat": k, "threshold": 0.9 if k else threshold} for k in (1, 0, 2)]
    published.result = published.result | {"split": {"kind": "kfold", "folds": folds}}
    published.save()
    found = as_lead.get(f"{URL}{published.pk}/patients/p03/").json()
    score = 1 / (1 + np.exp(-0.05))
    assert found["saliency"]["explained"] == {
        "score": pytest.approx(score), "threshold": threshold, "predicted": called, "repeats": 3,
    }  # fmt: skip
    assert (found["predicted"], found["saliency"]["method"]) == (1, method)


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
    assert all("result" not in row for row in rows)


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


# --- A patient's map


def test_patient(as_lead: APIClient, published: Run) -> None:
    body = as_lead.get(f"{URL}{published.pk}/patients/p03/").json()
    assert (body["score"], body["outcome"], body["predicted"], body["cell"]) == (0.9, 1, 1, "TP")
    row = next(r for r in queries.manifest(published.label_set)["patients"] if r["patient"] == "p03")
    assert body["series_uid"] == row["series"]["uid"]
    assert sorted(body["labels"]) == sorted(one["id"] for one in row["labels"].values())
    saliency = body["saliency"]
    values = np.frombuffer(base64.b64decode(saliency["values"]), np.uint8)
    assert values.tolist() == [*range(8, 12), *range(4, 8), *range(4)]
    assert (saliency["width"], saliency["height"], saliency["peak"]) == (4, 3, 2.5)
    assert (saliency["origin"], saliency["row_end"]) == ([1, 2, 3], [1, 5, 3])
    assert (saliency["normal_offsets_mm"], saliency["slices"]) == ([-1.65, 1.65], [0.5, -0.25])
    assert (saliency["method"], saliency["validated"]) == ("layercam", False)
    assert saliency["methods"] == ["gradcam", "against", "layercam", "layercam_against"]
    assert "Not validated" in saliency["statement"]


@pytest.mark.parametrize(
    ("method", "peak"), [("gradcam", 1.5), ("against", 0.5), ("layercam", 2.5), ("layercam_against", 3.5)]
)
def test_patient_with_the_map_that_was_asked_for(
    as_lead: APIClient, published: Run, method: str, peak: float
) -> None:
    saliency = as_lead.get(f"{URL}{published.pk}/patients/p03/?method={method}").json()["saliency"]
    assert (saliency["method"], saliency["peak"]) == (method, peak)


def negative_with_maps(run: Run, *, earlier: bool = False) -> str:
    """The address of p04, called negative, once it has maps."""
    write_saliency(queries.published_file(run, "saliency/p04.npz"), earlier=earlier)
    run.predictions.filter(patient="p04").update(saliency="saliency/p04.npz")
    return f"{URL}{run.pk}/patients/p04/"


def write_trust(run: Run, content: dict[str, Any]) -> None:
    queries.published_file(run, "trust.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("layercam", "gradcam", "first"),
    [([], [], "layercam"), (["insertion"], [], "gradcam"), (["insertion"], ["insertion"], "layercam")],
)
def test_the_map_is_of_the_answer_given_and_of_the_default_kind(
    as_lead: APIClient, published: Run, layercam: list[str], gradcam: list[str], first: str
) -> None:
    """Nobody called negative is shown the evidence for the answer that was not given."""
    write_trust(published, report(layercam, gradcam))
    negative = negative_with_maps(published)
    found = [as_lead.get(url).json()["saliency"] for url in (f"{URL}{published.pk}/patients/p03/", negative)]
    assert [one["method"] for one in found] == [map_verdicts.of_answer(first, said) for said in (1, 0)]
    for other in map_verdicts.KINDS:
        by_kind = as_lead.get(f"{negative}overlay.png?map={other}").content
        own = map_verdicts.of_answer(other, 0)
        assert by_kind == as_lead.get(f"{negative}overlay.png?method={own}").content
        assert (by_kind == as_lead.get(f"{negative}overlay.png").content) == (other == first)
    assert as_lead.get(f"{negative}overlay.png?map=edges").status_code == 400


def test_a_map_carries_its_own_kinds_verdict(as_lead: APIClient, published: Run) -> None:
    write_trust(published, report(["insertion"], []))
    for method, kind in map_verdicts.METHODS.items():
        found = as_lead.get(f"{URL}{published.pk}/patients/p03/?method={method}").json()["saliency"]
        assert found["validated"] == (kind == "gradcam")
        assert ("LayerCAM failed insertion" in found["statement"]) == (kind == "layercam")


def test_files_of_earlier_versions_give_what_they_hold(as_lead: APIClient, published: Run) -> None:
    negative = negative_with_maps(published, earlier=True)
    found = as_lead.get(negative).json()["saliency"]
    assert (found["method"], found["methods"]) == ("against", ["gradcam", "against", "layercam"])
    assert as_lead.get(f"{negative}overlay.png").status_code == 200
    lacking = ("?method=layercam_against", "overlay.png?method=layercam_against", "overlay.png?map=layercam",
               "map.dcm?method=layercam_against")  # fmt: skip
    for rest in lacking:
        assert as_lead.get(f"{negative}{rest}").status_code == 404


def test_a_report_of_an_earlier_version_counts_as_none(as_lead: APIClient, published: Run) -> None:
    write_trust(published, {"version": 1, "validated": True, "statement": "Passed", "failed": []})
    found = as_lead.get(f"{URL}{published.pk}/trust/").json()
    assert (found["report"], found["validated"], found["default_map"]) == (None, False, "layercam")
    for row in (found, found["maps"]["gradcam"], found["maps"]["layercam"]):
        assert "older version" in row["statement"]
    shown = as_lead.get(f"{URL}{published.pk}/patients/p03/?method=gradcam").json()["saliency"]
    assert not shown["validated"]


def test_patient_without_a_map(as_lead: APIClient, published: Run) -> None:
    assert as_lead.get(f"{URL}{published.pk}/patients/p04/").json()["saliency"] is None


@pytest.mark.parametrize("name", ["p00", "nobody", "..", "%2e%2e%2fp03"])
def test_training_patients_and_others_have_none(as_lead: APIClient, published: Run, name: str) -> None:
    assert as_lead.get(f"{URL}{published.pk}/patients/{name}/").status_code == 404


def test_patient_of_an_unfinished_run(as_lead: APIClient, run: Run) -> None:
    assert as_lead.get(f"{URL}{run.pk}/patients/p03/").status_code == 404


@pytest.mark.parametrize("method", ["", "logit", "../x"])
def test_patient_with_an_unknown_method(as_lead: APIClient, published: Run, method: str) -> None:
    response = as_lead.get(f"{URL}{published.pk}/patients/p03/", {"method": method})
    assert (response.status_code, list(response.json())) == (400, ["method"])


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
