"""Series taken in, against Orthanc storing the same files by STOW-RS and by C-STORE.

Ours parses, checks, de-identifies, recodes to HTJ2K, verifies by decoding with another codec, syncs and
writes the rows. Orthanc stores the files as they come. There is no switch in the product that leaves
de-identification or HTJ2K out, lest it be left off; here they are put out of action in this process, and the
rest of the path stays: the series is put together, checked, written uncompressed, synced and recorded. The
receipt alone is measured too: the same files by STOW-RS into the incoming area, safe on disk when it
answers, which is what Orthanc does.
"""

from __future__ import annotations

import io
import logging
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pydicom
from pydicom.uid import generate_uid
from pynetdicom import AE

from tests import orthanc
from tests.benchmarks.harness import Benchmark

SERIES = 4
SLICES, SIDE = 15, 512


def benchmarks() -> Iterator[Benchmark]:
    reason = orthanc.missing()
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(_database(root))
        batches = _Batches(root)
        contenders: dict[str, Callable[[], Any]] = {
            "odontoid, de-identified and HTJ2K": lambda: _ours(batches.next()),
            "odontoid, neither of them": lambda: _ours_plain(batches.next()),
            "odontoid, received by STOW-RS only": lambda: _received(batches.next()),
        }
        if reason:
            print(reason, file=sys.stderr)
        else:
            server = orthanc.start(root / "orthanc")
            stack.callback(server.stop)
            contenders["Orthanc, STOW-RS"] = lambda: _stow(server, batches.next())
            contenders["Orthanc, C-STORE"] = lambda: _c_store(server, batches.next())
        megabytes = SERIES * SLICES * SIDE * SIDE * 2 / 1e6
        yield Benchmark(
            title=f"Images in ({megabytes:.0f} MB a call)",
            unit=f"{SERIES} series of {SLICES} × {SIDE}²",
            contenders=contenders,
            before=batches.prepare,
        )


def _database(root: Path) -> Any:
    """A database file and folders of its own, for as long as the block runs."""
    import os
    from contextlib import contextmanager

    @contextmanager
    def made() -> Iterator[None]:
        os.environ.update(ODONTOID_DATA_DIR=str(root / "data"), DJANGO_SETTINGS_MODULE="config.settings")
        import django
        from django.core.management import call_command
        from django.db import connection
        from django.test.utils import override_settings

        django.setup()
        logging.disable(logging.WARNING)
        data = root / "data"
        for name in ("uploads", "images", "incoming"):
            (data / name).mkdir(parents=True, exist_ok=True)
        # Another benchmark of this run may have set Django up already, on a database of its own.
        before = connection.settings_dict["NAME"]
        connection.close()
        connection.settings_dict["NAME"] = str(data / "bench.sqlite3")
        try:
            with override_settings(
                IMAGE_STORE_DIR=data / "images",
                INCOMING_DIR=data / "incoming",
                FILE_UPLOAD_TEMP_DIR=str(data / "uploads"),
            ):
                call_command("migrate", verbosity=0, interactive=False)
                yield
        finally:
            connection.close()
            connection.settings_dict["NAME"] = before

    return made()


class _Batches:
    """The same phantom under new UIDs each time, so that nobody can answer "I have it"."""

    def __init__(self, root: Path) -> None:
        from cohort.phantom.acquire import draw_acquisition, render
        from cohort.phantom.anatomy import make_patient
        from cohort.phantom.dicom import Identity, write_series

        rng = np.random.default_rng(0)
        acquisition = draw_acquisition(rng, matrix=SIDE, slices=SLICES)
        volume, _, geometry = render(make_patient(0), acquisition, rng, with_masks=False)
        who = Identity("BENCH", "Bench", "BENCH-E1", date(2020, 1, 1), date(1960, 1, 1), "F")
        files = write_series(root / "phantom", volume, geometry, who)
        self._images = [pydicom.dcmread(path) for path in files]
        self._folder = root / "batch"
        self._known = False
        self._ready: list[Path] = []

    def prepare(self) -> None:
        """Make the batch that ``next`` gives; not timed."""
        self._ready = self._write()

    def next(self) -> list[Path]:
        return self._ready

    def _write(self) -> list[Path]:
        self._add_patient()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        written = []
        for series in range(SERIES):
            study, uid = generate_uid(), generate_uid()
            for number, ds in enumerate(self._images):
                ds.StudyInstanceUID, ds.SeriesInstanceUID = study, uid
                ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
                ds.AccessionNumber = uid[-16:]
                path = self._folder / f"{series}-{number:03d}.dcm"
                ds.save_as(path)
                written.append(path)
        return written

    def _add_patient(self) -> None:
        from cohort.models import Patient
        from cohort.pseudonyms import study_pseudonyms

        if not self._known:
            Patient.objects.create(pseudonym=study_pseudonyms().patient("BENCH"))
            self._known = True


def _ours(paths: list[Path]) -> None:
    from cohort.ingest import ingest_paths

    outcomes = [result.outcome for result in ingest_paths(paths)]
    assert outcomes == ["accepted"] * SERIES, outcomes


def _ours_plain(paths: list[Path]) -> None:
    from cohort import deidentify, pixels

    with (
        patch.object(deidentify, "deidentify", lambda header, *_, **__: (header, deidentify.Report())),
        patch.object(pixels, "encode", lambda values: None),  # None: cannot be held as HTJ2K
    ):
        _ours(paths)


def _body(paths: list[Path]) -> tuple[bytes, str]:
    parts = b"".join(
        b"--b\r\nContent-Type: application/dicom\r\n\r\n" + path.read_bytes() + b"\r\n" for path in paths
    )
    return parts + b"--b--\r\n", 'multipart/related; type="application/dicom"; boundary=b'


def _received(paths: list[Path]) -> None:
    from django.conf import settings

    from cohort import stow

    body, kind = _body(paths)
    outcome = stow.store(io.BytesIO(body).read, kind, peer="bench")
    assert outcome.status == 200
    shutil.rmtree(Path(settings.INCOMING_DIR) / "open")


def _stow(server: orthanc.Orthanc, paths: list[Path]) -> None:
    import urllib3

    body, kind = _body(paths)
    answer = urllib3.request(
        "POST", f"{server.dicomweb}/studies", body=body, timeout=120,
        headers={"Content-Type": kind, "Accept": "application/dicom+json"},
    )  # fmt: skip
    assert answer.status == 200, answer.data[:300]


def _c_store(server: orthanc.Orthanc, paths: list[Path]) -> None:
    ae = AE("BENCH")
    images = [pydicom.dcmread(path) for path in paths]
    ae.add_requested_context(images[0].SOPClassUID, images[0].file_meta.TransferSyntaxUID)
    association = ae.associate("127.0.0.1", server.dicom_port, ae_title=orthanc.AE_TITLE)
    assert association.is_established
    for image in images:
        assert association.send_c_store(image).Status == 0
    association.release()
