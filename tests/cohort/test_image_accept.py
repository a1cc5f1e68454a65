"""The lead's image addresses answer a DICOMweb client, whatever types it says it accepts."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

FRAME = "/api/cohort/series/2.25.1/instances/2.25.2/frames/1"
METADATA = "/api/cohort/series/2.25.1/metadata/"


@pytest.mark.parametrize(
    ("address", "accept"),
    [
        (FRAME, 'multipart/related; type="application/octet-stream"; transfer-syntax=*'),
        (FRAME, "image/jphc"),
        (METADATA, "application/dicom+json"),
    ],
)
def test_the_clients_accept_header_is_no_reason_to_refuse(
    address: str, accept: str, as_lead: APIClient
) -> None:
    # Nothing is stored here: a missing image is 404; 406 would keep the viewer from any image.
    assert as_lead.get(address, HTTP_ACCEPT=accept).status_code == 404
