"""Pulls from archives that hang, lie, never end, or send what nobody asked for."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest
from django.db.models import F

from cohort import pulls
from cohort.models import PullItem, Series
from tests.builders import make_series
from tests.cohort import hostile
from tests.cohort.intake import assert_nothing_stored
from tests.cohort.pull_work import start, work
from tests.cohort.senders import RELATED, related

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pull_queue")]


def archive_of(paths: list[Path], objects: Callable[[Any], None]) -> hostile.Answer:
    """An archive that answers queries about these files rightly, and a request for objects as told."""
    ds = pydicom.dcmread(paths[0])
    study = {"0020000D": _value(ds.StudyInstanceUID), "00100020": _value("P1"), "00080050": _value("P1-E1")}
    series = {"0020000E": _value(ds.SeriesInstanceUID), "00080060": _value("MR")}
    images = [{"00080018": _value(pydicom.dcmread(path).SOPInstanceUID)} for path in paths]

    def answer(handler: Any) -> None:
        path = handler.path.partition("?")[0]
        offset = "offset=0" in handler.path
        for end, found in (("/studies", [study]), ("/series", [series]), ("/instances", images)):
            if path.endswith(end):
                hostile.send(handler, json.dumps(found if offset else []).encode(), "application/dicom+json")
                return
        objects(handler)

    return answer


def _value(text: str) -> dict[str, Any]:
    return {"vr": "LO", "Value": [str(text)]}


def _hang(handler: Any) -> None:
    time.sleep(60)


def _hang_midway(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", RELATED)
    handler.end_headers()
    handler.wfile.write(related([b"x" * 1000])[:200])
    handler.wfile.flush()
    time.sleep(60)


def _endless(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", RELATED)
    handler.end_headers()
    part = related([b"\0" * 100_000]).rsplit(b"--", 2)[0].rsplit(b"\r\n--", 1)[0] + b"\r\n"
    for _ in range(10_000):
        handler.wfile.write(part)


def _lies_long(handler: Any) -> None:
    hostile.send(handler, related([b"x"]), RELATED, Content_Length="100000")


def _lies_short(handler: Any) -> None:
    hostile.send(handler, related([b"x" * 5000]), RELATED, Content_Length="2000")


def _redirects(handler: Any) -> None:
    hostile.send(handler, b"", "text/plain", 302, Location="http://127.0.0.1:9/elsewhere")


def _wrong_type(handler: Any) -> None:
    hostile.send(handler, b"<html>please log in</html>", "text/html")


def _error(handler: Any) -> None:
    hostile.send(handler, b"secret stack trace of P1", "text/plain", 500)


@pytest.mark.parametrize(
    ("objects", "reason"),
    [
        (_hang, "stopped answering"), (_hang_midway, "stopped answering"), (_endless, "more than 50 parts"),
        (_lies_long, "broke off"), (_lies_short, "broke off"),
        (_redirects, "redirects to another address"), (_wrong_type, "is not multipart/related"),
        (_error, "status 500"),
    ],
)  # fmt: skip
def test_hostile_objects(
    known: None, node: Any, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch,
    objects: Any, reason: str,
) -> None:  # fmt: skip
    monkeypatch.setattr("cohort.pacs.dicomweb.LIMITS", pulls_limits())
    paths = make_series(tmp_path / "in")
    with hostile.serving(archive_of(paths, objects)) as url:
        node(url=url, timeout=1 if "stopped" in reason else 60)
        pull = start()
        item = work(pull)
    assert (item.state, item.attempts) == ("queued", 1)
    assert reason in item.reason
    assert_nothing_stored(settings)

    def honest(handler: Any) -> None:
        hostile.send(handler, related(paths), RELATED)

    with hostile.serving(archive_of(paths, honest)) as url:  # the retry works
        node(url=url)
        PullItem.objects.update(next_try_at=None)
        assert work(pull).state == "done"
    assert Series.objects.get().slices == 7


def pulls_limits() -> Any:
    from cohort.multipart import Limits

    return Limits(parts=50, part_bytes=2**20, total_bytes=2**26, seconds=60)


def test_other_patients_objects_are_left_out(known: None, node: Any, tmp_path: Path) -> None:
    paths = make_series(tmp_path / "in")
    others = make_series(tmp_path / "other", patient_id="P9", seed=9)
    with hostile.serving(
        archive_of(paths, lambda h: hostile.send(h, related([*others, *paths, b"junk"]), RELATED))
    ) as url:
        node(url=url)
        item = work(start())
    assert (item.state, item.instances_arrived) == ("done", 7)
    assert "7 objects that nobody asked for were left out" in item.reason
    assert "1 objects could not be read" in item.reason
    assert Series.objects.count() == 1


def test_what_stays_incomplete_is_reported_and_never_stored_in_part(
    known: None, node: Any, tmp_path: Path, settings: Any
) -> None:
    """The retry asks for the missing ones alone; at the end the line says how many there are not."""
    paths = make_series(tmp_path / "in", slices=9)
    asked: list[str] = []

    def most(handler: Any) -> None:
        asked.append(handler.path)
        whole = handler.path.rsplit("/", 2)[-2] != "instances"
        if whole:
            hostile.send(handler, related(paths[:-1]), RELATED)
        else:
            hostile.send(handler, b"", "text/plain", 404)

    with hostile.serving(archive_of(paths, most)) as url:
        node(url=url)
        pull = start()
        for _ in range(pulls.MAX_ATTEMPTS):
            PullItem.objects.update(next_try_at=None)
            item = work(pull)
    assert sum("/instances/" in path for path in asked) == pulls.MAX_ATTEMPTS - 1
    assert (item.instances_expected, item.instances_arrived, item.state) == (9, 8, "incomplete")
    assert "1 series lacks 1 of 9 images" in item.reason
    assert_nothing_stored(settings)
    assert not pulls.folder(pull.pk).exists()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>", "no JSON"), (b'{"a": 1}', "no list of matches"), (b"[1]", "no list of matches"),
        (b"[" * 300_000, "no JSON"),
        (json.dumps([{"00100020": _value("P1"), "00080050": _value("P1-E1"),
                      "0020000D": _value("../../etc")}]).encode(), "no UID"),
    ],
)  # fmt: skip
def test_hostile_answers_to_queries(known: None, node: Any, body: bytes, reason: str) -> None:
    with hostile.serving(lambda h: hostile.send(h, body, "application/dicom+json")) as url:
        node(url=url)
        assert reason in work(start()).reason


def test_a_server_that_ignores_the_key_gives_nobody_elses_images(known: None, node: Any) -> None:
    everybody = json.dumps([{"00100020": _value(f"P{n}"), "0020000D": _value("1.2")} for n in range(5, 9)])
    with hostile.serving(lambda h: hostile.send(h, everybody.encode(), "application/dicom+json")) as url:
        node(url=url)
        assert work(start()).state == "missing"


def test_a_dicom_node_that_hangs(known: None, node: Any) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        threading.Thread(target=lambda: silent.accept()[0].recv(10**6), daemon=True).start()
        node(ae_title="MUTE", host="127.0.0.1", port=silent.getsockname()[1], timeout=0.5)
        item = work(start())
    assert item.state == "queued"
    assert "cannot be reached" in item.reason
    assert PullItem.objects.filter(attempts=F("attempts")).get().attempts == 1
