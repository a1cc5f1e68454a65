"""DICOMweb out against clients of the standard: the conformance table and dicomweb-client, over HTTP."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pydicom.uid import ExplicitVRLittleEndian, HTJ2KLossless
from rest_framework.test import APIClient

from cohort import pacs
from cohort.models import Instance, Series
from tests.builders import make_series
from tests.cohort import dicomweb_conformance as conformance
from tests.cohort.intake import ingest, only

JSON = "application/dicom+json"


@pytest.fixture
def session(live_server: Any, cast: dict[str, Any]) -> requests.Session:
    """The lead's session, as an ordinary HTTP client carries it."""
    browser = Client()
    browser.force_login(cast["lead"], backend="django.contrib.auth.backends.ModelBackend")
    session = requests.Session()
    session.cookies.update({name: morsel.value for name, morsel in browser.cookies.items()})
    return session


@pytest.fixture
def originals(included: Callable[..., Any], tmp_path: Path) -> dict[tuple[Any, ...], np.ndarray]:
    """One patient, two studies; the delivered pixels by position and study."""
    included("P1", slices=5, shape=(32, 24))
    found = {}
    for path in (tmp_path / "delivery" / "dicom").rglob("*.dcm"):
        ds = pydicom.dcmread(path)
        found[(*map(float, ds.ImagePositionPatient), str(ds.AccessionNumber))] = ds.pixel_array
    return found


@pytest.mark.django_db(transaction=True)
def test_every_requirement_of_the_conformance_table(
    originals: Any, live_server: Any, session: requests.Session
) -> None:
    outcomes = list(conformance.run(conformance.Server(f"{live_server.url}/dicom-web", session)))
    assert len(outcomes) > 35
    assert [o for o in outcomes if not o.passed] == []


@pytest.mark.django_db(transaction=True)
def test_dicomweb_client_finds_and_retrieves_pixels_bit_for_bit(
    originals: dict[Any, np.ndarray], live_server: Any, session: requests.Session
) -> None:
    client = DICOMwebClient(f"{live_server.url}/dicom-web", session=session)
    studies = client.search_for_studies()
    assert len(studies) == 2
    delivered = sorted(originals.items(), key=lambda item: (item[0][3], item[0][0]))
    first, last = Series.objects.order_by("study_date")
    for series, accession in ((first, "P1-E1"), (last, "P1-E2")):
        expected = {place[:3]: pixels for place, pixels in delivered if place[3] == accession}
        assert len(client.search_for_series(series.study_uid)) == 1
        assert len(client.search_for_instances(series.study_uid, series.series_uid)) == 5
        metadata = client.retrieve_series_metadata(series.study_uid, series.series_uid)
        assert [m["00080018"]["Value"][0] for m in metadata] == [i.sop_uid for i in series.instances.all()]
        for media, syntax in (
            (None, ExplicitVRLittleEndian),
            ((("application/dicom", "1.2.840.10008.1.2.1"),), ExplicitVRLittleEndian),
            ((("application/dicom", "*"),), HTJ2KLossless),
        ):
            files = client.retrieve_series(series.study_uid, series.series_uid, media_types=media)
            assert {ds.file_meta.TransferSyntaxUID for ds in files} == {syntax}
            for ds in files:
                place = tuple(map(float, ds.ImagePositionPatient))
                np.testing.assert_array_equal(ds.pixel_array, expected[place])
        for instance in series.instances.all():
            (frame,) = client.retrieve_instance_frames(
                series.study_uid, series.series_uid, instance.sop_uid, [1],
                media_types=("application/octet-stream",),
            )  # fmt: skip
            np.testing.assert_array_equal(
                np.frombuffer(frame, "<u2").reshape(32, 24), expected[tuple(instance.position)]
            )
            one = client.retrieve_instance(series.study_uid, series.series_uid, instance.sop_uid)
            assert one.SOPInstanceUID == instance.sop_uid
        # The client's Host header leaves out the port, and so does every address made from it.
        address = metadata[0]["7FE00010"]["BulkDataURI"].replace("http://localhost/", f"{live_server.url}/")
        bulk = client.retrieve_bulkdata(address)
        assert len(bulk) == 1
        picture = client.retrieve_instance_rendered(
            series.study_uid,
            series.series_uid,
            metadata[0]["00080018"]["Value"][0],
            media_types=("image/png",),
        )
        assert picture.startswith(b"\x89PNG")
    assert len(client.retrieve_study(first.study_uid)) == 5
    assert client.search_for_studies(search_filters={"PatientID": "nobody"}) == []
    dates = f"{first.study_date:%Y%m%d}-{first.study_date:%Y%m%d}"
    (hit,) = client.search_for_studies(search_filters={"StudyDate": dates})
    assert hit["0020000D"]["Value"] == [first.study_uid]


@pytest.mark.django_db
def test_quarantine_does_not_exist(known: None, as_lead: APIClient, tmp_path: Path) -> None:
    make_series(tmp_path / "in", tags={"BurnedInAnnotation": "YES"})
    assert only(tmp_path / "in").outcome == "quarantined"
    series = Series.objects.get()
    sop = series.instances.all()[0].sop_uid
    at = f"/dicom-web/studies/{series.study_uid}"
    for search in ("/dicom-web/studies", "/dicom-web/series", "/dicom-web/instances", f"{at}/series"):
        assert as_lead.get(search).status_code == 204
    one = f"{at}/series/{series.series_uid}"
    for path in (at, f"{at}/metadata", f"{at}/rendered", f"{at}/thumbnail", one, f"{one}/instances/{sop}",
                 f"{one}/instances/{sop}/frames/1"):  # fmt: skip
        assert as_lead.get(path).status_code == 404, path


@pytest.mark.django_db
def test_queries_do_not_grow_with_the_rows(known: None, as_lead: APIClient, tmp_path: Path) -> None:
    def counts() -> list[int]:
        found = []
        study = Series.objects.order_by("pk")[0].study_uid
        for path in ("studies", "studies?includefield=all", "series?includefield=all", "instances",
                     f"studies/{study}/metadata", f"studies/{study}"):  # fmt: skip
            with CaptureQueriesContext(
                connection,
            ) as queries:
                answer: Any = as_lead.get(f"/dicom-web/{path}")
                b"".join(answer.streaming_content) if answer.streaming else answer.content
            found.append(len(queries))
        return found

    make_series(tmp_path / "a", slices=2)
    ingest(tmp_path / "a")
    few = counts()
    for k in range(4):
        make_series(tmp_path / f"b{k}", slices=9, seed=k + 1)
    ingest(tmp_path)
    assert Instance.objects.count() > 30
    assert counts() == few
    assert max(few) <= 6  # session and user among them


@pytest.mark.django_db
def test_signed_slices_and_inverted_greys_are_drawn_by_their_window(
    known: None, as_lead: APIClient, tmp_path: Path
) -> None:
    from PIL import Image

    def ramp(ds: Any, k: int) -> None:
        values = np.tile(np.linspace(-100, 99, 24), (32, 1)).round().astype(np.int16)
        ds.PixelData = values.tobytes()

    make_series(
        tmp_path / "in", dtype="int16", slices=3, edit=ramp,
        tags={"PhotometricInterpretation": "MONOCHROME1", "RescaleSlope": 2, "RescaleIntercept": 10},
    )  # fmt: skip
    only(tmp_path / "in")
    series = Series.objects.get()
    at = f"/dicom-web/studies/{series.study_uid}/series/{series.series_uid}/instances"
    answer = as_lead.get(
        f"{at}/{series.instances.all()[0].sop_uid}/rendered?window=10,400,LINEAR-EXACT",
        headers={"accept": "image/png"},
    )
    grey = np.asarray(Image.open(io.BytesIO(answer.content)))[0].astype(int)
    assert grey[0] > 250
    assert grey[-1] < 5
    assert (np.diff(grey) < 0).all()


@pytest.mark.django_db
def test_a_slice_stored_raw_is_given_raw_and_refused_as_htj2k(
    known: None, as_lead: APIClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cohort.pixels.encode", lambda values: None)
    paths = make_series(tmp_path / "in", slices=3)
    only(tmp_path / "in")
    series = Series.objects.get()
    at = f"/dicom-web/studies/{series.study_uid}/series/{series.series_uid}"
    htj2k = 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.201'
    assert as_lead.get(at, headers={"accept": htj2k}).status_code == 406
    assert (
        as_lead.get(at, headers={"accept": htj2k.replace("1.2.840.10008.1.2.4.201", "*")}).status_code == 200
    )
    first = f"{at}/instances/{series.instances.all()[0].sop_uid}"
    assert as_lead.get(f"{first}/frames/1", headers={"accept": "image/jphc"}).status_code == 406
    raw = as_lead.get(f"{first}/frames/1", headers={"accept": "application/octet-stream"})
    assert raw.content == pydicom.dcmread(paths[0]).PixelData
    assert as_lead.get(f"{first}/rendered").status_code == 200


@pytest.mark.django_db
def test_uncompressed_files_differ_in_pixels_and_syntax_only(
    known: None, as_lead: APIClient, tmp_path: Path
) -> None:
    make_series(tmp_path / "in", slices=2, shape=(33, 27), dtype="uint8")
    only(tmp_path / "in")
    for instance in Instance.objects.select_related("series"):
        stored = pydicom.dcmread(pacs.instance_path(instance))
        plain = pydicom.dcmread(io.BytesIO(pacs.read_file_uncompressed(instance)))
        np.testing.assert_array_equal(stored.pixel_array, plain.pixel_array)
        assert plain.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert plain.file_meta.MediaStorageSOPInstanceUID == instance.sop_uid
        del stored.PixelData, plain.PixelData
        assert stored == plain
