"""What is stored, pushed to a real archive by STOW-RS and read back."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pydicom
import pytest
import urllib3

from cohort import pacs as store
from cohort.dicomweb import multipart, retrieve
from tests.orthanc import Orthanc

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("as_stored", [True, False])
def test_an_archive_takes_stored_series_and_gives_back_the_pixels(
    as_stored: bool, included: Callable[..., list[Any]], pacs: Orthanc
) -> None:
    (patient,) = included("P1", dtype="int16")
    series = patient.scan_pair.baseline
    instances = list(series.instances.select_related("series").order_by("index"))

    def content(instance: Any) -> bytes:
        return store.read_file(instance)[0] if as_stored else store.read_file_uncompressed(instance)

    boundary = multipart.new_boundary()
    body = b"".join(
        b"--%s\r\nContent-Type: application/dicom\r\n\r\n%s\r\n" % (boundary.encode(), content(instance))
        for instance in instances
    )
    answer = urllib3.request(
        "POST",
        f"{pacs.dicomweb}/studies",
        body=body + f"--{boundary}--\r\n".encode(),
        headers={
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
            "Accept": "application/dicom+json",
        },
        timeout=60,
    )
    assert answer.status == 200, answer.data[:500]
    for instance in instances:
        (held,) = pacs.ask("POST", "/tools/lookup", instance.sop_uid.encode())
        kept = urllib3.request("GET", f"{pacs.url}/instances/{held['ID']}/file").data
        ds = pydicom.dcmread(io.BytesIO(kept))
        assert (ds.file_meta.TransferSyntaxUID == store.HTJ2K_LOSSLESS) == as_stored
        np.testing.assert_array_equal(ds.pixel_array, retrieve.values(instance))
        assert [float(v) for v in ds.ImagePositionPatient] == pytest.approx(instance.position)
        assert ds.PatientID == patient.pseudonym
    assert len(pacs.ask("GET", "/instances")) == len(instances)
