"""C-STORE in: from storescu's like and from a real Orthanc; refusals, a full disk, a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.uid import CTImageStorage, MRImageStorage
from pynetdicom import AE
from pynetdicom.acse import ACSE

from cohort import receiving
from cohort.models import ImportBatch, Series
from cohort.pacs.receiver import VERIFICATION, Peer, Receiver
from tests.builders import make_series
from tests.cohort.intake import assert_nothing_stored
from tests.orthanc import AE_TITLE, Orthanc

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def receiver() -> Iterator[tuple[Receiver, int]]:
    made = Receiver("ODONTOID", [Peer("SCANNER"), Peer(AE_TITLE, "127.0.0.1"), Peer("AFAR", "192.0.2.1")])
    port = made.start("127.0.0.1", 0)
    yield made, port
    made.stop(patience=0)


def associate(port: int, calling: str = "SCANNER", called: str = "ODONTOID") -> Any:
    ae = AE(calling)
    ae.add_requested_context(VERIFICATION)
    ae.add_requested_context(MRImageStorage, "1.2.840.10008.1.2.1")
    ae.add_requested_context(CTImageStorage)
    ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = 60
    return ae.associate("127.0.0.1", port, ae_title=called)


class Hold(threading.Event):
    """Keeps pynetdicom's own thread of an association waiting.

    Let go between two sends, as it is by itself, it takes the answer to the second where the machine is busy
    enough, and the sender waits in vain.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.reached.set()
        return super().wait(timeout)

    def set(self) -> None:
        pass

    def end(self) -> None:
        super().set()


@contextmanager
def held(association: Any) -> Iterator[None]:
    own, hold = association._reactor_checkpoint, Hold()
    association._reactor_checkpoint = hold
    try:
        assert hold.reached.wait(60)
        yield
    finally:
        association._reactor_checkpoint = own
        hold.end()


def store(port: int, paths: list[Path]) -> list[int]:
    association = associate(port)
    assert association.is_established
    with held(association):
        statuses = [int(association.send_c_store(pydicom.dcmread(path)).Status) for path in paths]
    association.release()
    return statuses


def test_echo_and_a_series(known: None, receiver: Any, tmp_path: Path) -> None:
    _, port = receiver
    association = associate(port)
    assert association.send_c_echo().Status == 0
    assert [context.abstract_syntax for context in association.rejected_contexts] == [CTImageStorage]
    association.release()
    assert set(store(port, make_series(tmp_path / "in"))) == {0}
    assert receiving.sweep(quiet=60) == []
    (result,) = receiving.sweep(quiet=0)
    assert (result.outcome, result.slices) == ("accepted", 7)
    assert (ImportBatch.objects.first().road, ImportBatch.objects.first().peer) == ("c_store", "SCANNER")


def test_all_transfer_syntaxes_are_offered(receiver: Any) -> None:
    from cohort.pixels import READABLE

    ae = AE("SCANNER")
    for syntax in sorted(READABLE):
        ae.add_requested_context(MRImageStorage, syntax)
    association = ae.associate("127.0.0.1", receiver[1], ae_title="ODONTOID")
    accepted = {context.transfer_syntax[0] for context in association.accepted_contexts}
    association.release()
    assert accepted == READABLE


@pytest.mark.parametrize(
    ("calling", "called"), [("STRANGER", "ODONTOID"), ("SCANNER", "OTHER"), ("AFAR", "ODONTOID")]
)
def test_unknown_peers_are_rejected(receiver: Any, calling: str, called: str) -> None:
    association = associate(receiver[1], calling, called)
    assert not association.is_established


def test_broken_objects_and_a_full_disk_have_their_status(
    known: None, receiver: Any, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, port = receiver
    paths = make_series(tmp_path / "in")
    nameless = make_series(tmp_path / "no", seed=5, slices=1, tags={"SeriesInstanceUID": None})
    assert store(port, nameless) == [0xC000]
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda fd: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        assert set(store(port, paths)) == {0xA700}
    settings.DISK_RESERVE_BYTES = 2**62
    assert set(store(port, paths)) == {0xA700}
    settings.DISK_RESERVE_BYTES = 0
    assert receiving.waiting() == 0
    assert_nothing_stored(settings)
    assert set(store(port, paths)) == {0}
    assert receiving.sweep(quiet=0)[0].outcome == "accepted"


def test_a_broken_association_gets_time_for_the_rest(known: None, receiver: Any, tmp_path: Path) -> None:
    _, port = receiver
    paths = make_series(tmp_path / "in")
    association = associate(port)
    for path in paths[:4]:
        association.send_c_store(pydicom.dcmread(path))
    association.abort()
    until = time.monotonic() + 60
    while not _waits(receiving.GRACE / 2):
        assert time.monotonic() < until, "the receiver did not notice the break"
        time.sleep(0.02)
    assert receiving.sweep(quiet=0) == []
    store(port, paths[4:])
    (result,) = receiving.sweep(quiet=0)
    assert (result.outcome, result.slices) == ("accepted", 7)


def _waits(seconds: float) -> bool:
    folders = list(receiving._folder("open").iterdir())
    return bool(folders) and all(p.stat().st_mtime > time.time() + seconds for p in folders)


def test_a_released_association_is_not_taken_for_a_broken_one(
    known: None, receiver: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although the line closes before pynetdicom's other thread has noted the release."""
    made, _ = receiver
    closed = threading.Event()
    told, send_release = made._closed, ACSE.send_release

    def tell(event: Any) -> None:
        told(event)
        closed.set()

    def slowly(acse: ACSE, is_response: bool = False) -> None:
        send_release(acse, is_response)
        if is_response:
            closed.wait(60)

    monkeypatch.setattr(made, "_closed", tell)
    monkeypatch.setattr(ACSE, "send_release", slowly)
    made.stop(patience=0)
    store(made.start("127.0.0.1", 0), make_series(tmp_path / "in"))
    assert closed.wait(60)
    (result,) = receiving.sweep(quiet=0)
    assert (result.outcome, result.slices) == ("accepted", 7)


def test_an_endless_object_is_cut_off(
    receiver: Any, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cohort.pacs.receiver.MAX_OBJECT_BYTES", 100_000)
    association = associate(receiver[1])
    (path,) = make_series(tmp_path / "in", slices=1, shape=(512, 512))
    answer = association.send_c_store(pydicom.dcmread(path))
    assert "Status" not in answer
    association.join(60)
    assert not association.is_established
    assert receiving.waiting() == 0


def test_orthanc_pushes_a_study(known: None, receiver: Any, pacs: Orthanc, tmp_path: Path) -> None:
    _, port = receiver
    pacs.know("ODONTOID", port)
    ids = pacs.load(make_series(tmp_path / "in"))
    report = pacs.ask("POST", "/modalities/ODONTOID/store", ids)
    assert (report["InstancesCount"], report["FailedInstancesCount"]) == (7, 0)
    (result,) = receiving.sweep(quiet=0)
    assert (result.outcome, result.slices) == ("accepted", 7)
    assert Series.objects.get().state == "accepted"
    assert ImportBatch.objects.first().peer == AE_TITLE


@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle_it_has_all_that_it_acknowledged(
    known: None, tmp_path: Path, settings: Any
) -> None:
    """kill -9 of the real command between objects: every acknowledged one is there at the next start."""
    paths = make_series(tmp_path / "in", slices=40, shape=(128, 128))
    folder = Path(settings.INCOMING_DIR).parent
    environment = {**os.environ, "ODONTOID_DATA_DIR": str(folder), "ODONTOID_DICOM_QUIET_SECONDS": "600"}
    command = [sys.executable, "manage.py", "receive_dicom", "--port", "0", "--peer", "SCANNER"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    association = associate(int(line.rsplit(":", 1)[1]))
    acknowledged: list[str] = []

    def send() -> None:
        with held(association):
            for path in paths:
                ds = pydicom.dcmread(path)
                if association.send_c_store(ds).get("Status") != 0:
                    return
                acknowledged.append(ds.SOPInstanceUID)

    sender = threading.Thread(target=send)
    sender.start()
    while len(acknowledged) < 10 and sender.is_alive():
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    sender.join(90)
    process.wait(60)
    kept = {pydicom.dcmread(p).SOPInstanceUID for p in (folder / "incoming/open").rglob("*.dcm")}
    assert 10 <= len(acknowledged) < 40
    assert set(acknowledged) <= kept
    store_again = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    port = int(store_again.stdout.readline().rsplit(":", 1)[1])
    assert set(store(port, paths)) == {0}
    store_again.send_signal(signal.SIGTERM)
    assert store_again.wait(60) == 0
    (result,) = receiving.sweep(quiet=0)
    assert (result.outcome, result.slices) == ("accepted", 40)


@pytest.mark.parametrize("text", ["", "A" * 17, "A\\B", "AET@", "ÄT"])
def test_bad_peers_are_named(text: str) -> None:
    with pytest.raises(ValueError, match="neither AET nor"):
        Peer.parse(text)
