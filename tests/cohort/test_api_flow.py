"""GET /api/cohort/flow/"""

from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from cohort.importing import import_directory
from tests.builders import write_csv, write_export

pytestmark = pytest.mark.django_db
URL = "/api/cohort/flow/"
KEYS = [
    "identified", "imaged", "interval", "coded", "baseline_t2", "chart_review", "baseline_deformity",
    "included",
]  # fmt: skip


def deliver(folder: Path) -> None:
    """Site A: two who stay, one with scans too near. Site B: one who stays, one without any scan."""
    write_export(folder / "a", ["A1", "A2"])
    import_directory(folder / "a")
    write_export(folder / "near", ["A3"], follow_up=date(2010, 9, 1))
    import_directory(folder / "near")
    write_export(folder / "b", ["B1"], site="Site B")
    import_directory(folder / "b")
    write_csv(folder / "none", "patients.csv", [{"patient_id": "B2", "site": "Site B"}])
    import_directory(folder / "none")


def test_an_empty_cohort_has_all_steps(as_lead: APIClient) -> None:
    answer = as_lead.get(URL)
    assert answer.status_code == 200
    assert [step["key"] for step in answer.json()["steps"]] == KEYS
    assert all(step["remaining"] == step["left"] == 0 for step in answer.json()["steps"])
    assert answer.json()["sites"] == []


def test_steps_count_who_remains_who_left_and_why(as_lead: APIClient, tmp_path: Path) -> None:
    deliver(tmp_path)
    steps = {step["key"]: step for step in as_lead.get(URL).json()["steps"]}
    assert {key: step["remaining"] for key, step in steps.items()} == {
        "identified": 5, "imaged": 4, "interval": 3, "coded": 3, "baseline_t2": 3, "chart_review": 3,
        "baseline_deformity": 3, "included": 3,
    }  # fmt: skip
    assert steps["imaged"]["reasons"] == {"no_imaging": 1}
    assert steps["interval"]["reasons"] == {"short_interval": 1}
    assert steps["interval"]["left"] == 1
    assert steps["imaged"]["label"] == "At least one cervical MRI"


def test_sites_sum_to_the_whole_at_every_step(as_lead: APIClient, tmp_path: Path) -> None:
    deliver(tmp_path)
    found = as_lead.get(URL).json()
    assert [site["site"] for site in found["sites"]] == ["Site A", "Site B"]
    for k, step in enumerate(found["steps"]):
        for figure in ("remaining", "left"):
            assert step[figure] == sum(site["steps"][k][figure] for site in found["sites"])


def test_as_many_queries_for_few_as_for_many(as_lead: APIClient, tmp_path: Path) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            as_lead.get(URL)
        return len(queries)

    cost()
    before = cost()
    deliver(tmp_path)
    assert cost() == before


def test_only_the_lead_and_only_reading(
    as_lead: APIClient, as_observer_a: APIClient, as_neurosurgeon: APIClient, as_outsider: APIClient,
    stranger: APIClient,
) -> None:  # fmt: skip
    assert as_lead.post(URL).status_code == 405
    assert stranger.get(URL).status_code == 403
    missing = as_lead.get("/api/cohort/no-such-route/")
    for client in (as_observer_a, as_neurosurgeon, as_outsider):
        refused = client.get(URL)
        assert refused.status_code == missing.status_code == 404
        assert b"imaged" not in refused.content


def test_never_cached(as_lead: APIClient) -> None:
    assert as_lead.get(URL)["Cache-Control"] == "no-store"


# ---- one site, figure, table


def test_the_figure_and_the_list_of_one_site(as_lead: APIClient, tmp_path: Path) -> None:
    deliver(tmp_path)
    found = as_lead.get(URL, {"site": "Site B"}).json()
    assert found["steps"][0]["remaining"] == 5  # the whole stands beside the site's figure
    counts = [box["lines"][-1]["text"] for box in found["diagram"]["boxes"] if box["kind"] == "step"]
    assert counts == ["n = 2"] + ["n = 1"] * 7
    assert found["sums"]["checked"] == 3 * 2 * 8 + 2 * 8
    assert found["sums"]["contradictions"] == []
    listed = as_lead.get("/api/cohort/patients/", {"site": "Site B", "step": "imaged"}).json()
    assert listed["count"] == 1
    assert as_lead.get(URL, {"site": "Nowhere"}).status_code == 404


def test_figure_and_table_can_be_kept(as_lead: APIClient, tmp_path: Path) -> None:
    deliver(tmp_path)
    figure = as_lead.get("/api/cohort/flow.svg", {"site": "Site A"})
    assert figure["Content-Type"].startswith("image/svg+xml")
    assert "patient-flow.svg" in figure["Content-Disposition"]
    assert b"Patient flow, Site A" in figure.content
    assert as_lead.get("/api/cohort/flow.svg", {"site": "Nowhere"}).status_code == 404

    lines = as_lead.get("/api/cohort/flow.csv").content.decode().splitlines()
    assert lines[0] == "site,step,label,reason,remaining,left"
    assert "all sites,imaged,At least one cervical MRI,,4,1" in lines
    assert "Site B,imaged,At least one cervical MRI,no_imaging,,1" in lines
    assert len(lines) == 1 + 3 * 8 + 2 + 1 + 1


def test_the_command_prints_json_svg_csv_and_one_site(tmp_path: Path) -> None:
    deliver(tmp_path)

    def said(*arguments: str) -> str:
        out = io.StringIO()
        call_command("patient_flow", *arguments, stdout=out)
        return out.getvalue()

    assert json.loads(said("--format", "json"))["steps"][0]["remaining"] == 5
    one = json.loads(said("--format", "json", "--site", "Site A"))
    assert (one["site"], one["steps"][0]["remaining"]) == ("Site A", 3)
    assert said("--format", "svg").startswith("<svg ")
    assert "Patient flow, Site B" in said("--format", "svg", "--site", "Site B")
    assert "Site A,identified,Identified,,3,0" in said("--format", "csv", "--site", "Site A").splitlines()
    with pytest.raises(CommandError, match="Sites: Site A, Site B"):
        said("--site", "Nowhere")
