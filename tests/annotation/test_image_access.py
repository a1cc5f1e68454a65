"""Every access to images is on record: one row for each opening, with what was given."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection

from annotation import audit, image_access
from annotation.models import Assignment, AuditEvent, Case
from cohort.models import Series
from tests.annotation.conftest import assignment, disagree


def rows() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(verb="open_images").order_by("pk"))


@pytest.mark.django_db
def test_one_row_for_page_metadata_and_frames(
    case: Case, readers: dict[str, Any], as_observer_a: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cohort import pacs

    monkeypatch.setattr(pacs, "read_frame", lambda instance: (b"pixels", "1.2.840.10008.1.2.1"))
    code = assignment(case, readers["observer_a"]).code
    page = as_observer_a.get(f"/api/reading/cases/{code}/").json()
    for scan in page["scans"]:
        base = f"/api/reading/cases/{code}/wado/studies/{scan['study_uid']}/series/{scan['series_uid']}"
        assert as_observer_a.get(f"{base}/metadata").status_code == 200
        for one in scan["instances"]:
            assert as_observer_a.get(f"{base}/instances/{one['sop_uid']}/frames/1").status_code == 200
    as_observer_a.get(f"/api/reading/cases/{code}/")
    (row,) = rows()
    assert (row.actor, row.object_id) == (
        readers["observer_a"],
        str(assignment(case, readers["observer_a"]).pk),
    )
    assert {key: scan["images"] for key, scan in row.detail["scans"].items()} == {
        "baseline": 3,
        "follow_up": 3,
    }
    assert row.detail["case"] == case.pk


@pytest.mark.django_db
def test_a_frame_alone_is_on_record_too(
    case: Case, readers: dict[str, Any], as_observer_a: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who kept an address from an earlier session asks for nothing but pixels."""
    from annotation import queries
    from cohort import pacs

    monkeypatch.setattr(pacs, "read_frame", lambda instance: (b"pixels", "1.2.840.10008.1.2.1"))
    own = queries.assignment_of(readers["observer_a"], assignment(case, readers["observer_a"]).code)
    scan = queries.blind_scans(own)[0]
    base = f"/api/reading/cases/{own.code}/wado/studies/{scan['study_uid']}/series/{scan['series_uid']}"
    as_observer_a.get(f"{base}/instances/{scan['instances'][0]['sop_uid']}/frames/1")
    assert len(rows()) == 1


@pytest.mark.django_db
def test_frames_cost_no_query_more(
    case: Case, readers: dict[str, Any], django_assert_num_queries: Any
) -> None:
    own = Assignment.objects.select_related("reader", "case").get(reader=readers["observer_a"])
    image_access.note(own)
    with django_assert_num_queries(0):
        image_access.note(own)


@pytest.mark.django_db
def test_a_later_opening_is_another_row(
    case: Case, readers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = assignment(case, readers["observer_a"])
    image_access.note(own)
    cache.clear()  # another process, or the time has passed
    image_access.note(own)
    assert len(rows()) == 1
    monkeypatch.setattr(image_access, "OPENING", timedelta(0))
    cache.clear()
    image_access.note(own)
    assert len(rows()) == 2


@pytest.mark.django_db
def test_what_a_stranger_may_not_see_is_no_access(
    case: Case, readers: dict[str, Any], as_observer_b: Any
) -> None:
    code = assignment(case, readers["observer_a"]).code
    assert as_observer_b.get(f"/api/reading/cases/{code}/").status_code == 404
    assert rows() == []


@pytest.mark.django_db
def test_the_consensus_room_and_the_lead_are_on_record(
    case: Case, readers: dict[str, Any], as_observer_b: Any, as_lead: Any
) -> None:
    session = disagree(case, readers).consensus
    as_observer_b.get(f"/api/consensus/{session.code}/")
    series = Series.objects.first()
    as_lead.get(f"/api/cohort/series/{series.series_uid}/metadata/")
    assert [(row.actor.username, row.object_type) for row in rows()] == [
        ("observer_b", "annotation.assignment"),
        ("lead", "cohort.series"),
    ]


@pytest.mark.django_db(transaction=True)
def test_many_requests_at_once_leave_one_row(case: Case, readers: dict[str, Any]) -> None:
    """Twenty requests for one case, each in a process that has not seen it: one row, no lock error."""
    own = Assignment.objects.select_related("reader", "case").get(reader=readers["observer_a"])
    gate, failures = threading.Barrier(20), []

    def ask() -> None:
        try:
            connection.ensure_connection()
            gate.wait()
            cache.clear()
            image_access.note(own)
        except Exception as error:
            failures.append(repr(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert failures == []
    assert len(rows()) == 1
    assert not list(audit.broken_rows())
