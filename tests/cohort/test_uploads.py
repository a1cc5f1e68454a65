"""Uploads that break and go on: pieces, resumption, series spread over requests, kills, limits."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from cohort import uploads
from cohort.models import ImportBatch, Series, Upload
from tests.builders import make_series

pytestmark = pytest.mark.django_db
BASE = "/api/cohort/uploads/"


@pytest.fixture(autouse=True)
def quiet_queue(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    sent: list[int] = []
    monkeypatch.setattr("cohort.uploads._send", sent.append)
    return sent


def begin(client: Any) -> str:
    answer = client.post(BASE)
    assert answer.status_code == 201
    return str(answer.json()["code"])


def offer(client: Any, code: str, files: dict[str, bytes]) -> list[dict[str, Any]]:
    listed = [{"path": path, "size": len(content), "modified": 1} for path, content in files.items()]
    answer = client.post(f"{BASE}{code}/files/", {"files": listed}, format="json")
    assert answer.status_code == 200, answer.content
    return list(answer.json())


def put(client: Any, code: str, key: str, content: bytes, offset: int = 0) -> Any:
    path = f"{BASE}{code}/files/{key}?offset={offset}"
    return client.generic("PUT", path, content, "application/octet-stream")


def send(client: Any, code: str, files: dict[str, bytes]) -> None:
    for known, content in zip(offer(client, code, files), files.values(), strict=True):
        here = known["received"]
        if here < len(content):
            assert put(client, code, known["key"], content[here:], here).status_code == 200


def contents(paths: list[Path], folder: str = "study/T2") -> dict[str, bytes]:
    return {f"{folder}/{path.name}": path.read_bytes() for path in paths}


def finish(client: Any, code: str, **data: Any) -> Any:
    return client.post(f"{BASE}{code}/finish/", data, format="json")


def run() -> None:
    uploads.read(Upload.objects.get().pk)


def test_a_series_over_many_requests_with_a_break_between(
    known: None, as_lead: Any, tmp_path: Path, settings: Any, quiet_queue: list[int]
) -> None:
    files = contents(make_series(tmp_path / "in"))
    code = begin(as_lead)
    first = dict(list(files.items())[:3])
    send(as_lead, code, first)
    key = offer(as_lead, code, files)[3]["key"]
    fourth = list(files.values())[3]
    assert put(as_lead, code, key, fourth[:500]).json() == {"received": 500}
    # The page was reloaded: the same folder is chosen again.
    assert [n["received"] for n in offer(as_lead, code, files)] == [
        *(len(c) for c in first.values()), 500, 0, 0, 0,
    ]  # fmt: skip
    assert finish(as_lead, code).json() == {
        "detail": "4 files are not here yet.", "code": "files_missing", "missing": 4,
    }  # fmt: skip
    send(as_lead, code, files)
    shown = as_lead.get(f"{BASE}{code}/").json()
    assert (shown["files"], shown["files_received"], shown["bytes"]) == (
        7, 7, sum(map(len, files.values())),
    )  # fmt: skip
    assert finish(as_lead, code).json()["state"] == "queued"
    assert finish(as_lead, code).json()["state"] == "queued"
    uploads.tend()
    assert quiet_queue == [Upload.objects.get().pk]
    run()
    (result,) = as_lead.get(f"{BASE}{code}/results/").json()
    assert (result["outcome"], result["slices"], result["file"]) == ("accepted", 7, "study/T2")
    assert as_lead.get(f"{BASE}{code}/").json()["summary"]["accepted"] == 1
    assert as_lead.get(f"{BASE}{code}/results/", {"start": 1}).json() == []
    assert Series.objects.get().slices == 7
    assert not list((tmp_path / "data/incoming").rglob("*.dcm"))
    assert not (uploads.folder(Upload.objects.get()) / "files").exists()
    batch = ImportBatch.objects.first()
    assert (batch.road, batch.created_by.username, batch.results) == ("upload", "lead", [])


def test_a_zip_in_pieces_and_a_file_that_is_none(known: None, as_lead: Any, tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for name, content in contents(make_series(tmp_path / "in")).items():
            packed.writestr(name, content)
    code = begin(as_lead)
    files = {"all.zip": archive.getvalue(), "notes.txt": b"none"}
    key = offer(as_lead, code, files)[0]["key"]
    for start in range(0, len(files["all.zip"]), 5000):
        assert put(as_lead, code, key, files["all.zip"][start : start + 5000], start).status_code == 200
    send(as_lead, code, files)
    finish(as_lead, code)
    run()
    found = {r["file"]: r["outcome"] for r in as_lead.get(f"{BASE}{code}/results/").json()}
    assert found == {"notes.txt": "rejected", "all.zip/study/T2": "accepted"}


def test_pieces_that_do_not_fit(as_lead: Any) -> None:
    code = begin(as_lead)
    (known,) = offer(as_lead, code, {"a": b"0123456789"})
    put(as_lead, code, known["key"], b"0123")
    answer = put(as_lead, code, known["key"], b"89", 8)
    assert (answer.status_code, answer.json()["code"], answer.json()["received"]) == (409, "wrong_offset", 4)
    answer = put(as_lead, code, known["key"], b"456789 and more", 4)
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_size")
    assert offer(as_lead, code, {"a": b"0123456789"})[0]["received"] == 4
    for key in ("x", "../../x", "0" * 32 + "-10"):
        assert put(as_lead, code, key, b"x").status_code in (404, 409)
    assert as_lead.put(f"{BASE}{code}/files/{known['key']}").status_code == 400
    assert put(as_lead, code, known["key"], b"456789", 4).json() == {"received": 10}


def test_only_ones_own(as_lead: Any, as_observer_a: Any, cast: Any) -> None:
    from tests.conftest import signed_in

    code = begin(as_lead)
    another = type(cast["lead"]).objects.create_user("lead_2", role="lead")
    for client in (as_observer_a, signed_in(another)):
        assert client.get(f"{BASE}{code}/").status_code == 404
        assert put(client, code, "x", b"x").status_code == 404
    assert signed_in(another).get(BASE).json() == []
    assert [u["code"] for u in as_lead.get(BASE).json()] == [code]


def test_cancel_deletes_and_closes(as_lead: Any) -> None:
    code = begin(as_lead)
    (known,) = offer(as_lead, code, {"a": b"0123456789"})
    assert as_lead.post(f"{BASE}{code}/cancel/").status_code == 204
    assert not uploads.folder(Upload.objects.get()).exists()
    assert put(as_lead, code, known["key"], b"01").status_code == 409
    assert finish(as_lead, code).status_code == 409
    assert as_lead.post(f"{BASE}{code}/cancel/").status_code == 409


def test_files_that_never_came_are_left_out_by_name(known: None, as_lead: Any, tmp_path: Path) -> None:
    code = begin(as_lead)
    assert finish(as_lead, code, leave_out=True).status_code == 409  # nothing at all
    send(as_lead, code, contents(make_series(tmp_path / "in")))
    offer(as_lead, code, {"gone.dcm": b"123"})
    assert finish(as_lead, code).status_code == 409
    assert finish(as_lead, code, leave_out=True).status_code == 200
    run()
    found = as_lead.get(f"{BASE}{code}/results/").json()
    assert found[0] == {"outcome": "rejected", "file": "gone.dcm", "reason": "did not arrive in full"}
    assert found[1]["outcome"] == "accepted"


def test_a_killed_worker_is_followed_by_another_and_at_last_by_none(
    known: None, as_lead: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet_queue: list[int]
) -> None:
    code = begin(as_lead)
    send(as_lead, code, contents(make_series(tmp_path / "in")))
    finish(as_lead, code)

    def killed(*args: Any, **kwargs: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("cohort.ingest.ingest_sources", killed)
        with pytest.raises(KeyboardInterrupt):
            run()
    run()
    assert Upload.objects.get().attempts == 1  # the lease still holds
    Upload.objects.update(lease_until=timezone.now() - uploads.LEASE)
    quiet_queue.clear()
    uploads.tend()
    assert quiet_queue == [Upload.objects.get().pk]
    run()
    assert Upload.objects.get().state == "done"
    Upload.objects.update(state="running", attempts=3, lease_until=timezone.now() - uploads.LEASE)
    run()
    assert Upload.objects.get().state == "failed"


def test_a_full_disk_and_a_retry(
    known: None, as_lead: Any, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = begin(as_lead)
    files = contents(make_series(tmp_path / "in"))
    key = offer(as_lead, code, files)[0]["key"]
    settings.DISK_RESERVE_BYTES = 2**62
    assert put(as_lead, code, key, b"1").json()["code"] == "disk_full"
    settings.DISK_RESERVE_BYTES = 0
    send(as_lead, code, files)
    finish(as_lead, code)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda fd: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space"):
            run()
    assert not Series.objects.exists()
    run()
    assert Series.objects.get().slices == 7


def test_limits(as_lead: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    code = begin(as_lead)
    monkeypatch.setattr(uploads, "MAX_FILES", 2)
    answer = as_lead.post(
        f"{BASE}{code}/files/",
        {"files": [{"path": str(n), "size": 1, "modified": 1} for n in range(3)]},
        format="json",
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "upload_too_large")
    for bad in ({}, {"files": "x"}, {"files": [{"path": "a", "size": -1, "modified": 1}]}):
        assert as_lead.post(f"{BASE}{code}/files/", bad, format="json").status_code == 400


def test_old_uploads_go(as_lead: Any) -> None:
    code = begin(as_lead)
    folder = uploads.folder(Upload.objects.get())
    uploads.tend()
    assert folder.exists()
    old = timezone.now().timestamp() - uploads.KEEP_SECONDS - 10
    for path in (folder / "files", folder):
        os.utime(path, (old, old))
    uploads.tend()
    assert not folder.exists()
    assert as_lead.get(f"{BASE}{code}/").json()["state"] == "cancelled"


def test_a_line_that_a_kill_cut_off_is_listed_again(as_lead: Any) -> None:
    code = begin(as_lead)
    offer(as_lead, code, {"a": b"1"})
    manifest = uploads.folder(Upload.objects.get()) / "manifest"
    manifest.write_text(manifest.read_text() + json.dumps({"key": "half"})[:8])
    offer(as_lead, code, {"b": b"2"})
    assert as_lead.get(f"{BASE}{code}/").json()["files"] == 2
