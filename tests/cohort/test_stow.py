"""STOW-RS: the standard's answers, tokens, and what waits on disk until a series is complete."""

from __future__ import annotations

import base64
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from django.core.management import CommandError, call_command
from django.test import RequestFactory
from pydicom.uid import UltrasoundImageStorage

from cohort import machine_tokens, receiving, stow
from cohort.models import ImportBatch, MachineToken, Series
from cohort.stow import reader
from tests.builders import make_series
from tests.cohort.intake import assert_nothing_stored
from tests.cohort.senders import BOUNDARY, RELATED, related, send
from tests.orthanc import Orthanc

pytestmark = pytest.mark.django_db

STORED, FAILED, REASON, UID = "00081199", "00081198", "00081197", "00081155"


@pytest.fixture
def token(db: None) -> str:
    return machine_tokens.create(name="scanner")


def waiting_files(settings: Any) -> list[Path]:
    return [p for p in Path(settings.INCOMING_DIR).rglob("*") if p.is_file() and p.name != ".sweep"]


def test_a_series_in_two_requests_is_stored_once_it_is_quiet(
    known: None, stranger: Any, token: str, tmp_path: Path, settings: Any
) -> None:
    paths = make_series(tmp_path / "in", slices=7)
    for part in (paths[:3], paths[3:]):
        answer = send(stranger, part, token)
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/dicom+json")
        uids = [item[UID]["Value"][0] for item in answer.json()[STORED]["Value"]]
        assert uids == [str(pydicom.dcmread(path).SOPInstanceUID) for path in part]
        assert FAILED not in answer.json()
    assert receiving.sweep(quiet=60) == []
    assert not Series.objects.exists()
    (result,) = receiving.sweep(quiet=0)
    assert (result.outcome, result.slices) == ("accepted", 7)
    assert waiting_files(settings) == []
    batch = ImportBatch.objects.first()
    assert (batch.road, batch.peer, batch.summary["accepted"]) == ("stow", "scanner", 1)
    assert batch.results[0]["series_uid"] == Series.objects.get().series_uid
    assert "P1" not in str(batch.results).replace(Series.objects.get().patient_pseudonym, "")


def test_each_object_has_its_reason(stranger: Any, token: str, tmp_path: Path) -> None:
    good, other, late = make_series(tmp_path / "in", slices=3)
    ds = pydicom.dcmread(other)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UltrasoundImageStorage
    ds.save_as(other)
    syntax = b"1.2.840.10008.1.2.1\0"
    late.write_bytes(late.read_bytes().replace(syntax, b"1.2.840.10008.1.2.9\0", 1))
    answer = send(stranger, [good, other, b"no DICOM at all", late], token)
    assert answer.status_code == 202
    assert len(answer.json()[STORED]["Value"]) == 1
    failed = answer.json()[FAILED]["Value"]
    assert [item[REASON]["Value"][0] for item in failed] == [0x0122, 0xC000, 0xC122]
    assert failed[0][UID]["Value"] == [str(pydicom.dcmread(other).SOPInstanceUID)]
    assert send(stranger, [b"nothing good"], token).status_code == 409


def test_the_study_of_the_address_counts(stranger: Any, token: str, tmp_path: Path, settings: Any) -> None:
    paths = make_series(tmp_path / "in", slices=2)
    study = str(pydicom.dcmread(paths[0]).StudyInstanceUID)
    assert send(stranger, paths, token, f"/{study}").status_code == 200
    answer = send(stranger, paths, token, "/1.2.3")
    assert answer.status_code == 409
    assert {item[REASON]["Value"][0] for item in answer.json()[FAILED]["Value"]} == {0xA900}


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", RELATED, 400),
        (b"--" + BOUNDARY.encode() + b"--\r\n", RELATED, 400),
        (related([b"x" * 5000])[:-40], RELATED, 400),
        (b"text", "text/plain", 400),
        (b"text", "multipart/related; type=application/dicom", 400),
        (related([b"{}"]), RELATED.replace("application/dicom", "application/dicom+json"), 415),
    ],
)
def test_malformed_requests_keep_nothing(
    stranger: Any, token: str, settings: Any, body: bytes, content_type: str, status: int
) -> None:
    answer = stranger.generic(
        "POST", "/api/stow/studies", body, content_type, HTTP_AUTHORIZATION=f"Bearer {token}"
    )
    assert answer.status_code == status, answer.content
    assert waiting_files(settings) == []


def test_a_request_that_breaks_off_keeps_nothing(
    stranger: Any, token: str, tmp_path: Path, settings: Any
) -> None:
    body = related(make_series(tmp_path / "in"))
    answer = stranger.generic(
        "POST", "/api/stow/studies", body[: len(body) * 2 // 3], RELATED, HTTP_AUTHORIZATION=f"Bearer {token}"
    )
    assert answer.status_code == 400
    assert waiting_files(settings) == []
    receiving.sweep(quiet=0)
    assert_nothing_stored(settings)


def test_a_full_disk_says_so_and_a_retry_works(
    known: None, stranger: Any, token: str, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = make_series(tmp_path / "in")
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda fd: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        answer = send(stranger, paths, token)
    assert answer.status_code == 503
    assert {item[REASON]["Value"][0] for item in answer.json()[FAILED]["Value"]} == {0xA700}
    assert waiting_files(settings) == []
    settings.DISK_RESERVE_BYTES = 2**62
    assert send(stranger, paths, token).status_code == 503
    settings.DISK_RESERVE_BYTES = 0
    assert send(stranger, paths, token).status_code == 200
    assert receiving.sweep(quiet=0)[0].outcome == "accepted"


def test_what_was_acknowledged_outlives_a_killed_sweep(
    known: None, stranger: Any, token: str, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(stranger, make_series(tmp_path / "in"), token)

    def killed(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("cohort.receiving._clear", killed)
        with pytest.raises(KeyboardInterrupt):
            receiving.sweep(quiet=0)
    (result,) = receiving.sweep(quiet=60)  # taken already: it need not be quiet again
    assert result.outcome == "unchanged"
    assert waiting_files(settings) == []


def test_a_store_that_cannot_write_loses_nothing(
    known: None, stranger: Any, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(stranger, make_series(tmp_path / "in"), token)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda fd: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        for _ in range(receiving.MAX_ATTEMPTS + 2):
            assert receiving.sweep(quiet=0) == []
    assert receiving.sweep(quiet=0)[0].outcome == "accepted"


def test_a_series_that_ends_the_process_is_set_aside(
    known: None, stranger: Any, token: str, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(stranger, make_series(tmp_path / "in"), token)

    def dies(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cohort.ingest.ingest_sources", dies)
    for _ in range(receiving.MAX_ATTEMPTS):
        with pytest.raises(KeyboardInterrupt):
            receiving.sweep(quiet=0)
    (result,) = receiving.sweep(quiet=0)
    assert (result.outcome, result.reason) == ("rejected", "reading it failed 3 times")
    assert waiting_files(settings) == []
    assert ImportBatch.objects.first().results[0]["outcome"] == "rejected"


def test_a_file_that_comes_during_the_ingest_waits_for_its_turn(
    known: None, stranger: Any, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    *most, last = make_series(tmp_path / "in")
    send(stranger, most, token)
    ingest = receiving.ingest.ingest_sources

    def and_meanwhile(*args: Any, **kwargs: Any) -> Any:
        (folder,) = (p for p in (tmp_path / "data/incoming/taken").iterdir())
        (folder / "late.dcm").write_bytes(last.read_bytes())
        return ingest(*args, **kwargs)

    monkeypatch.setattr("cohort.ingest.ingest_sources", and_meanwhile)
    receiving.sweep(quiet=0)
    monkeypatch.undo()
    assert receiving.waiting() == 1
    receiving.sweep(quiet=0)
    assert receiving.waiting() == 0


def test_one_sweep_at_a_time(stranger: Any, token: str, tmp_path: Path) -> None:
    send(stranger, make_series(tmp_path / "in"), token)
    with receiving._only_one() as mine:
        assert mine
        assert receiving.sweep(quiet=0) == []


def test_peers_do_not_mix_in_one_series(known: None, stranger: Any, token: str, tmp_path: Path) -> None:
    paths = make_series(tmp_path / "in")
    send(stranger, paths[:4], token)
    send(stranger, paths[4:], machine_tokens.create(name="another"))
    receiving.sweep(quiet=0)
    assert {b.peer for b in ImportBatch.objects.filter(road="stow")} == {"scanner", "another"}


@pytest.mark.django_db(transaction=True)
def test_orthanc_pushes_a_study_with_a_token(
    known: None, pacs: Orthanc, live_server: Any, token: str, tmp_path: Path
) -> None:
    """It cuts the series into requests of four images; live_server reads no chunked bodies."""
    ids = pacs.load(make_series(tmp_path / "in"))
    server = {
        "Url": f"{live_server.url}/api/stow",
        "HttpHeaders": {"Authorization": f"Bearer {token}"},
        "ChunkedTransfers": False,
    }
    pacs.ask("PUT", "/dicom-web/servers/odontoid", server)
    for part in (ids[:4], ids[4:]):
        pacs.ask("POST", "/dicom-web/servers/odontoid/stow", {"Resources": part, "Synchronous": True})
    (result,) = receiving.sweep(quiet=0)
    assert (result.outcome, result.slices) == ("accepted", 7)
    assert ImportBatch.objects.filter(road="stow", peer="scanner").count() == 1
    pacs.ask("PUT", "/dicom-web/servers/odontoid", {**server, "HttpHeaders": {"Authorization": "Bearer x"}})
    with pytest.raises(RuntimeError):
        pacs.ask("POST", "/dicom-web/servers/odontoid/stow", {"Resources": ids, "Synchronous": True})
    assert receiving.waiting() == 0


def test_a_body_of_unknown_length_is_read(stranger: Any, token: str, tmp_path: Path) -> None:
    """Chunked transfer: the server behind Django ends the stream, and no Content-Length is given."""
    body = related(make_series(tmp_path / "in", slices=2))
    request = RequestFactory().post("/api/stow/studies", HTTP_TRANSFER_ENCODING="chunked")
    request.META |= {"wsgi.input": BytesIO(body), "wsgi.input_terminated": True}
    assert len(stow.store(reader(request), RELATED, peer="scanner").stored) == 2


# ---- tokens


def test_a_token_opens_this_door_only(stranger: Any, token: str, tmp_path: Path) -> None:
    for method, path in (("GET", "/api/cohort/flow/"), ("GET", "/api/reading/worklist/")):
        answer = stranger.generic(method, path, HTTP_AUTHORIZATION=f"Bearer {token}")
        assert answer.status_code == 403
    assert not MachineToken.objects.filter(digest=token).exists()


def test_basic_authentication_and_its_refusals(stranger: Any, token: str, tmp_path: Path) -> None:
    body = related(make_series(tmp_path / "in", slices=1))

    def status(header: str) -> int:
        answer = stranger.generic("POST", "/api/stow/studies", body, RELATED, HTTP_AUTHORIZATION=header)
        return int(answer.status_code)

    def basic(text: str) -> str:
        return "Basic " + base64.b64encode(text.encode()).decode()

    assert status(basic(f"scanner:{token}")) == 200
    for header in (basic(f"other:{token}"), basic("scanner:x"), "Basic !", "Bearer x", f"Bearer {token}x"):
        assert status(header) == 401, header
    assert status("") == 403


def test_the_lead_may_and_a_reader_may_not(as_lead: Any, as_observer_a: Any, tmp_path: Path) -> None:
    paths = make_series(tmp_path / "in", slices=1)
    assert send(as_lead, paths).status_code == 200
    assert send(as_observer_a, paths).status_code == 404


def test_the_command_makes_lists_and_revokes(stranger: Any, tmp_path: Path, db: None) -> None:
    out = StringIO()
    call_command("machine_token", "create", "ct1", stdout=out, stderr=StringIO())
    secret = out.getvalue().strip()
    paths = make_series(tmp_path / "in", slices=1)
    assert send(stranger, paths, secret).status_code == 200
    call_command("machine_token", "revoke", "ct1", stdout=StringIO())
    assert send(stranger, paths, secret).status_code == 401
    out = StringIO()
    call_command("machine_token", "list", stdout=out)
    assert "ct1\trevoked\tlast used" in out.getvalue()
    for arguments in (("create", "ct1"), ("create", ""), ("revoke", "nobody")):
        with pytest.raises(CommandError):
            call_command("machine_token", *arguments, stdout=StringIO())
