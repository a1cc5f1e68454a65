"""/api/runs/N/patients/P/: a patient's map, whose it is, and what stands on it."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from rest_framework.test import APIClient

from modeling import map_verdicts, queries
from modeling.models import Run
from tests.modeling.published_run import trust_report, write_saliency

pytestmark = pytest.mark.django_db
URL = "/api/runs/"


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
    write_trust(published, trust_report(layercam, gradcam))
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
    write_trust(published, trust_report(["insertion"], []))
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
