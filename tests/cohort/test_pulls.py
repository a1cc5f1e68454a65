"""Pulls from a real Orthanc by DICOMweb and C-FIND/C-MOVE; the queue, what is missing, hostile peers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from cohort import pull_list, pulls
from cohort.models import ImportBatch, Pull, PullItem, Series
from cohort.pacs import nodes
from cohort.pacs.receiver import Peer, Receiver
from config.exceptions import RuleViolation
from tests.builders import make_series
from tests.cohort.pull_work import everything, start, work
from tests.orthanc import AE_TITLE, Orthanc

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pull_queue")]


@pytest.fixture
def receiver(settings: Any) -> Iterator[int]:
    settings.DICOM_AE_TITLE = "ODONTOID"
    made = Receiver("ODONTOID", [Peer(AE_TITLE)])
    yield made.start("127.0.0.1", 0)
    made.stop(patience=0)


# ---- a real archive


@pytest.mark.parametrize("road", ["dicomweb", "dimse"])
def test_from_orthanc(
    known: None, pacs: Orthanc, node: Any, receiver: int, tmp_path: Path, settings: Any, road: str
) -> None:
    if road == "dicomweb":
        node(url=pacs.dicomweb)
    else:
        node(ae_title=AE_TITLE, host="127.0.0.1", port=pacs.dicom_port)
        pacs.know("ODONTOID", receiver)
    pacs.load(make_series(tmp_path / "a"))
    pacs.load(make_series(tmp_path / "b", exam_id="P1-E2", study_date=date(2015, 3, 1), seed=1, slices=9))
    pacs.load(make_series(tmp_path / "c", patient_id="P2", exam_id="P2-E1", seed=2))
    pull = start("patient_id,accession\nP1,P1-E1\nP1,P1-E9\nP2,P2-E1\n")
    everything(pull)
    states = {i.line: (i.state, i.instances_expected, i.instances_arrived) for i in pull.items.all()}
    assert states == {2: ("done", 7, 7), 3: ("missing", 0, 0), 4: ("refused", 0, 0)}
    assert Series.objects.get().slices == 7
    assert ImportBatch.objects.filter(road="pull", peer="hospital").count() == 1
    pull.refresh_from_db()
    assert pull.finished_at is not None
    assert not pulls.folder(pull.pk).exists()
    # All of the patient's exams; what is stored already is not fetched again.
    again = start("patient_id\nP1\n")
    item = work(again)
    assert (item.state, item.studies, item.instances_arrived) == ("done", 2, 16)
    assert item.summary == {"accepted": 1}
    assert Series.objects.count() == 2


def test_orthanc_that_cannot_reach_us_is_named(known: None, pacs: Orthanc, node: Any, tmp_path: Path) -> None:
    node(ae_title=AE_TITLE, host="127.0.0.1", port=pacs.dicom_port)
    pacs.load(make_series(tmp_path / "a"))
    pacs.ask("DELETE", "/modalities/ODONTOID") if "ODONTOID" in pacs.ask("GET", "/modalities") else None
    item = work(start())
    assert item.state == "queued"
    assert item.next_try_at
    assert item.next_try_at > timezone.now()
    assert "The archive: " in item.reason


def test_page_and_report(as_lead: Any, known: None, pacs: Orthanc, node: Any, tmp_path: Path) -> None:
    node(url=pacs.dicomweb, password="s3cret", username="me")
    answer = as_lead.get("/api/cohort/nodes/").json()
    assert [n["name"] for n in answer["nodes"]] == ["hospital"]
    assert "s3cret" not in json.dumps(answer)
    assert as_lead.post("/api/cohort/nodes/hospital/check/").json()["answers"]
    assert as_lead.post("/api/cohort/nodes/other/check/").status_code == 404
    path = tmp_path / "list.csv"
    path.write_text("patient_id;accession\nP1;P1-E1\nP7;\n")
    with path.open("rb") as file:
        answer = as_lead.post("/api/cohort/pulls/", {"node": "hospital", "list": file}, format="multipart")
    assert answer.status_code == 201
    number = answer.json()["id"]
    assert answer.json()["counts"]["refused"] == 1
    everything(Pull.objects.get())
    (shown,) = as_lead.get("/api/cohort/pulls/").json()
    assert (shown["lines"], shown["counts"]["missing"]) == (2, 1)
    items = as_lead.get(f"/api/cohort/pulls/{number}/items/", {"open": True}).json()
    assert [i["state"] for i in items["results"]] == ["missing", "refused"]
    report = b"".join(as_lead.get(f"/api/cohort/pulls/{number}/report.csv").streaming_content).decode()
    assert report.splitlines()[0] == "line,patient,state,images_expected,images_arrived,attempts,reason"
    assert len(report.splitlines()) == 3
    assert "P1-E1" not in report
    assert as_lead.post(f"/api/cohort/pulls/{number}/cancel/").status_code == 409
    path.write_text("patient_id\nP1\nP1\n*\n")
    with path.open("rb") as file:
        answer = as_lead.post("/api/cohort/pulls/", {"node": "hospital", "list": file}, format="multipart")
    assert answer.status_code == 400
    assert [row["line"] for row in answer.json()["rows"]] == [3, 4]


# ---- the queue


def test_the_list_is_private_and_gone_at_the_end(known: None, node: Any, settings: Any) -> None:
    node(url="http://127.0.0.1:9")
    pull = start()
    path = pulls.folder(pull.pk) / "list"
    assert "P1-E1" in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    rows = list(PullItem.objects.values()) + list(Pull.objects.values())
    assert "P1-E1" not in str(rows)
    pulls.cancel(pull=pull)
    assert not path.exists()
    assert pull.items.get().state == "cancelled"
    with pytest.raises(RuleViolation, match="has ended"):
        pulls.cancel(pull=pull)


def test_an_archive_that_is_away_is_tried_again_ever_later(known: None, node: Any) -> None:
    node(url="http://127.0.0.1:9")
    pull, waits = start(), []
    for attempt in range(1, pulls.MAX_ATTEMPTS + 1):
        began = timezone.now()
        item = work(pull)
        assert item.attempts == attempt
        if item.state == "queued":
            assert item.next_try_at
            assert not pulls.work_on(pull.pk)  # not due yet
            waits.append([(item.next_try_at - when).total_seconds() for when in (timezone.now(), began)])
            PullItem.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))
    assert len(waits) == 5
    for (least, most), wait in zip(waits, (30, 60, 120, 240, 480), strict=True):
        assert least <= wait <= most + 0.01  # the database counts whole milliseconds
    assert (item.state, item.reason) == ("failed", "The archive: it cannot be reached.")
    assert Pull.objects.get().finished_at is not None


def test_no_more_at_once_than_the_node_bears(known: None, node: Any, pull_queue: list[int]) -> None:
    node(url="http://127.0.0.1:9", parallel=2)
    pull = start("patient_id,accession\n" + "".join(f"P1,{n}\n" for n in range(5)))
    assert pulls.claim(pull.pk)
    assert pulls.claim(pull.pk)
    assert pulls.claim(pull.pk) is None
    pull_queue.clear()
    pulls.advance(pull.pk)
    assert pull_queue == [pull.pk] * 2


def test_a_killed_workers_line_goes_to_another_and_its_own_writes_are_void(known: None, node: Any) -> None:
    node(url="http://127.0.0.1:9")
    pull = start()
    lost = pulls.claim(pull.pk)
    PullItem.objects.update(lease_until=timezone.now() - pulls.LEASE)
    taken = pulls.claim(pull.pk)
    assert taken.fence == lost.fence + 1
    with pytest.raises(pulls.Stopped):
        pulls._end(lost, "done")
    pulls._end(taken, "done")
    assert pull.items.get().state == "done"


def test_cancelling_stops_a_running_line_at_its_next_beat(
    known: None, node: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    node(url="http://127.0.0.1:9")
    monkeypatch.setattr(pulls, "_BEAT_EVERY", 0.0)
    pull = start()

    class Slow:
        def find(self, *args: str) -> list[Any]:
            pulls.cancel(pull=pull)
            return [pulls.archive.Wanted("1.2", "1.3", frozenset({"1.4"}))]

    monkeypatch.setattr("cohort.pacs.archive.connect", lambda node: Slow())
    item = work(pull)
    assert (item.state, item.lease_until) == ("cancelled", None)
    assert Pull.objects.get().finished_at is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column patient_id"), ("patient_id\n", "is empty"), ("name\nP1\n", "no column patient_id"),
        ("patient_id\nP*\n", "1 lines"), ("patient_id,accession\n,A1\n", "1 lines"),
        ("patient_id\n" + "x" * 65 + "\n", "1 lines"),
    ],
)  # fmt: skip
def test_lists_that_cannot_be_used(text: str, message: str) -> None:
    with pytest.raises(pull_list.ListError, match=message):
        pull_list.parse(text.encode())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a", "is not TOML"), ("[a]\nurl='ftp://x'", "not an http"), ("[a]\nhost='x'", "needs either"),
        ("[a]\nurl='http://x'\nae_title='B'", "needs either"), ("[a]\ncolour='red'", "colour is no field"),
        ("[a]\nae_title='B'\nhost='x'\nport='104'", "port has the wrong type"), ("a = 1", "is not a table"),
        ("[a]\nurl='http://x'\npassword_file='/no/such'", "password_file cannot be read"),
        ("[a]\nurl='http://x'\nparallel=0", "out of bounds"),
    ],
)  # fmt: skip
def test_a_bad_file_of_nodes_is_named(settings: Any, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "nodes.toml"
    path.write_text(text)
    settings.PACS_NODES_FILE = str(path)
    with pytest.raises(nodes.NodesError, match=message):
        nodes.load()
