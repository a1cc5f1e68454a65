"""Every role on every route. A route that is not in the table fails the test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db

#: Who gets past the door, by what the door is called.
ALL_ROLES = {"observer_a", "neurosurgeon", "lead", "outsider"}
DOORS = {
    "anyone": ALL_ROLES,
    "signed_in": {"observer_a", "neurosurgeon", "lead"},
    "reader": {"observer_a", "neurosurgeon"},
    "observer": {"observer_a"},
    "lead": {"lead"},
}
_SERIES = "api/reading/cases/<str:code>/wado/studies/<str:study>/series/<str:series>/"
_PHANTOM = "api/qualification/reads/<str:code>/wado/studies/<str:study>/series/<str:series>/"
_STUDY = "studies/<str:study>"
_ONE_SERIES = f"{_STUDY}/series/<str:series>"
_INSTANCE = f"{_ONE_SERIES}/instances/<str:sop>"
#: Route → (door, methods). The front end's pages and files are public; they hold no data.
API: dict[str, tuple[str, str]] = {
    "api/auth/me/": ("anyone", "GET"),
    "api/auth/login/": ("anyone", "POST"),
    "api/auth/logout/": ("anyone", "POST"),
    "api/schema/": ("anyone", "GET"),
    "api/docs/": ("anyone", "GET"),
    "api/reading/rubric/": ("signed_in", "GET"),
    "api/reading/worklist/": ("reader", "GET"),
    "api/reading/cases/<str:code>/": ("reader", "GET"),
    "api/reading/cases/<str:code>/draft/": ("reader", "PUT"),
    "api/reading/cases/<str:code>/sign/": ("reader", "POST"),
    "api/reading/cases/<str:code>/amend/": ("reader", "POST"),
    f"{_SERIES}metadata": ("reader", "GET"),
    f"{_SERIES}instances/<str:sop>/frames/1": ("reader", "GET"),
    "api/consensus/<str:code>/": ("observer", "GET"),
    "api/consensus/<str:code>/draft/": ("observer", "PUT"),
    "api/consensus/<str:code>/propose/": ("observer", "POST"),
    "api/consensus/<str:code>/confirm/": ("observer", "POST"),
    "api/consensus/<str:code>/decline/": ("observer", "POST"),
    "api/qualification/": ("reader", "GET"),
    "api/qualification/attempts/": ("reader", "POST"),
    "api/qualification/training/<int:pk>/": ("reader", "POST"),
    "api/qualification/overview/": ("lead", "GET"),
    "api/qualification/cases/": ("lead", "POST"),
    "api/qualification/reads/<str:code>/": ("reader", "GET"),
    "api/qualification/reads/<str:code>/draft/": ("reader", "PUT"),
    "api/qualification/reads/<str:code>/sign/": ("reader", "POST"),
    f"{_PHANTOM}metadata": ("reader", "GET"),
    f"{_PHANTOM}instances/<str:sop>/frames/1": ("reader", "GET"),
    "api/progress/": ("lead", "GET"),
    "api/progress/monitoring/": ("lead", "GET"),
    "api/progress/tables/<str:name>.csv": ("lead", "GET"),
    "api/agreement/": ("lead", "GET"),
    "api/labels/": ("lead", "GET"),
    "api/labels/<int:pk>/": ("lead", "GET"),
    "api/labels/<int:pk>/attestation/": ("lead", "GET"),
    "api/reads.csv": ("lead", "GET"),
    "api/reads.json": ("lead", "GET"),
    "api/reads/sr.zip": ("lead", "GET"),
    "api/reads/<int:pk>/sr.zip": ("lead", "GET"),
    "api/lead-review/": ("lead", "GET"),
    "api/lead-review/<int:pk>/resolve/": ("lead", "POST"),
    "api/read-plan/": ("lead", "POST"),
    "api/read-plan/replace/": ("lead", "POST"),
    "api/charter/": ("lead", "GET POST"),
    "api/charter/check/": ("lead", "POST"),
    "api/notices/": ("signed_in", "GET"),
    "api/table-one/": ("lead", "GET"),
    "api/table-one.csv": ("lead", "GET"),
    "api/audit/": ("lead", "GET"),
    "api/audit/choices/": ("lead", "GET"),
    "api/audit/verify/": ("lead", "POST"),
    "api/cohort/flow/": ("lead", "GET"),
    "api/cohort/criteria/": ("lead", "GET"),
    "api/cohort/flow.svg": ("lead", "GET"),
    "api/cohort/flow.csv": ("lead", "GET"),
    "api/cohort/patients/": ("lead", "GET"),
    "api/cohort/patients/<str:pseudonym>/": ("lead", "GET"),
    "api/cohort/patients/<str:pseudonym>/scan-pair/": ("lead", "POST"),
    "api/cohort/patients/<str:pseudonym>/scan-pair/restore-rule/": ("lead", "POST"),
    "api/cohort/patients/<str:pseudonym>/chart-review/": ("lead", "POST"),
    "api/cohort/chart-review/": ("lead", "GET"),
    "api/cohort/chart-review/<int:pk>/take-back/": ("lead", "POST"),
    "api/cohort/imports/": ("lead", "GET POST"),
    "api/cohort/imports/columns/": ("lead", "GET"),
    "api/cohort/imports/templates/<str:kind>.csv": ("lead", "GET"),
    "api/cohort/imports/<int:pk>/": ("lead", "GET"),
    "api/cohort/imports/<int:pk>/check/": ("lead", "POST"),
    "api/cohort/imports/<int:pk>/commit/": ("lead", "POST"),
    "api/cohort/imports/<int:pk>/cancel/": ("lead", "POST"),
    "api/cohort/imports/<int:pk>/errors.csv": ("lead", "GET"),
    "api/cohort/received/": ("lead", "GET"),
    "api/cohort/uploads/": ("lead", "GET POST"),
    "api/cohort/uploads/<str:code>/": ("lead", "GET"),
    "api/cohort/uploads/<str:code>/files/": ("lead", "POST"),
    "api/cohort/uploads/<str:code>/files/<str:key>": ("lead", "PUT"),
    "api/cohort/uploads/<str:code>/finish/": ("lead", "POST"),
    "api/cohort/uploads/<str:code>/cancel/": ("lead", "POST"),
    "api/cohort/uploads/<str:code>/results/": ("lead", "GET"),
    "api/cohort/nodes/": ("lead", "GET"),
    "api/cohort/nodes/<str:name>/check/": ("lead", "POST"),
    "api/cohort/pulls/": ("lead", "GET POST"),
    "api/cohort/pulls/<int:pk>/": ("lead", "GET"),
    "api/cohort/pulls/<int:pk>/items/": ("lead", "GET"),
    "api/cohort/pulls/<int:pk>/cancel/": ("lead", "POST"),
    "api/cohort/pulls/<int:pk>/report.csv": ("lead", "GET"),
    "api/stow/studies": ("lead", "POST"),
    "api/stow/studies/<str:study>": ("lead", "POST"),
    "api/cohort/patients/<str:pseudonym>/deidentification/": ("lead", "GET"),
    "api/cohort/patients/<str:pseudonym>/deidentification.csv": ("lead", "GET"),
    "api/cohort/quarantine/": ("lead", "GET"),
    "api/cohort/quarantine/<str:series_uid>/release/": ("lead", "POST"),
    "api/cohort/quarantine/<str:series_uid>/discard/": ("lead", "POST"),
    "api/cohort/series/<str:series_uid>/metadata/": ("lead", "GET"),
    "api/cohort/series/<str:series_uid>/nifti": ("lead", "GET"),
    "api/cohort/series/<str:series_uid>/instances/<str:sop_uid>/frames/1": ("lead", "GET"),
    **{
        f"dicom-web/{route}": ("lead", "GET")
        for route in (
            "studies",
            "series",
            "instances",
            f"{_STUDY}/series",
            f"{_STUDY}/instances",
            f"{_ONE_SERIES}/instances",
            _STUDY,
            _ONE_SERIES,
            _INSTANCE,
            f"{_STUDY}/metadata",
            f"{_ONE_SERIES}/metadata",
            f"{_INSTANCE}/metadata",
            f"{_INSTANCE}/frames/<str:frames>",
            f"{_INSTANCE}/bulkdata/<str:tag>",
            f"{_STUDY}/rendered",
            f"{_ONE_SERIES}/rendered",
            f"{_INSTANCE}/rendered",
            f"{_INSTANCE}/frames/<str:frames>/rendered",
            f"{_STUDY}/thumbnail",
            f"{_ONE_SERIES}/thumbnail",
            f"{_INSTANCE}/thumbnail",
            f"{_INSTANCE}/frames/<str:frames>/thumbnail",
        )
    },
    "api/label-sets/": ("lead", "GET POST"),
    "api/label-sets/<int:pk>/": ("lead", "GET"),
    "api/label-sets/<int:pk>/manifest.json": ("lead", "GET"),
    "api/runs/": ("lead", "GET POST"),
    "api/runs/<int:pk>/": ("lead", "GET"),
    "api/runs/<int:pk>/cancel/": ("lead", "POST"),
    "api/runs/<int:pk>/retry/": ("lead", "POST"),
    "api/runs/<int:pk>/log/": ("lead", "GET"),
    "api/runs/<int:pk>/predictions/": ("lead", "GET"),
    "api/runs/<int:pk>/predictions.csv": ("lead", "GET"),
    "api/runs/<int:pk>/patients/<str:pseudonym>/": ("lead", "GET"),
    "api/runs/<int:pk>/trust/": ("lead", "GET POST"),
    "api/runs/<int:pk>/networks/<str:name>": ("lead", "GET"),
    "api/runs/<int:pk>/bundle.zip": ("lead", "GET"),
    "api/runs/<int:pk>/model-card.md": ("lead", "GET"),
    "api/runs/<int:pk>/patients/<str:pseudonym>/overlay.png": ("lead", "GET"),
    "api/runs/<int:pk>/patients/<str:pseudonym>/map.dcm": ("lead", "GET"),
    "api/run-pairs/": ("lead", "GET"),
    "api/recipes/": ("lead", "GET"),
    "api/paper/": ("lead", "GET"),
    "api/paper/check/": ("lead", "POST"),
}
#: Answered without a role: health, the single page and its file names.
PUBLIC = {"healthz", r"^(?!api/|dicom-web/|static/|admin/|assets/).*$"}
VALUES = {
    "code": "0" * 16, "study": "2.25.1", "series": "2.25.2", "sop": "2.25.3", "series_uid": "2.25.4",
    "sop_uid": "2.25.5", "kind": "patients", "pseudonym": "0" * 20, "pk": "999999", "name": "nowhere",
    "key": "x",
    "frames": "1", "tag": "7FE00010",
}  # fmt: skip
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def routes(resolver: Any = None, prefix: str = "") -> Iterator[str]:
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, route)
        elif isinstance(entry, URLPattern):
            yield route


def address(route: str) -> str:
    """The route with values that name nothing."""
    for kind in ("str", "int"):
        for name, value in VALUES.items():
            route = route.replace(f"<{kind}:{name}>", value)
    assert "<" not in route, f"give {route} a value in VALUES"
    return f"/{route}"


def test_every_route_is_in_the_table() -> None:
    found = {route for route in routes() if not route.startswith("admin/")}
    assert found - PUBLIC == set(API)


@pytest.fixture
def clients(cast: dict[str, Any]) -> dict[str, APIClient]:
    made = {}
    for name in ALL_ROLES:
        made[name] = APIClient()
        made[name].force_login(cast[name], backend="django.contrib.auth.backends.ModelBackend")
    return made


@pytest.fixture
def missing(clients: dict[str, APIClient]) -> bytes:
    """The 404 that everything forbidden must equal."""
    answer = clients["observer_a"].get("/api/reading/cases/0000000000000000/")
    assert answer.status_code == 404
    return bytes(answer.content)


@pytest.mark.parametrize("route", API)
def test_who_gets_in(route: str, clients: dict[str, APIClient], missing: bytes) -> None:
    door, allowed = API[route]
    for name, client in clients.items():
        for method in METHODS:
            answer = client.generic(method, address(route))
            where = f"{method} {route} as {name}: {answer.status_code}"
            if name not in DOORS[door]:
                assert (answer.status_code, answer.content) == (404, missing), where
            elif method in allowed.split():
                # Inside: what is asked for does not exist, or the empty body is refused.
                assert answer.status_code in (200, 201, 204, 400, 404, 409), where
            else:
                assert answer.status_code == 405, where


@pytest.mark.parametrize("route", [route for route, (door, _) in API.items() if door != "anyone"])
def test_a_stranger_is_sent_to_the_login(route: str, stranger: APIClient) -> None:
    for method in METHODS:
        answer = stranger.generic(method, address(route))
        assert answer.status_code == 403, f"{method} {route}"
        assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("route", API)
def test_api_answers_are_not_stored(route: str, clients: dict[str, APIClient]) -> None:
    answer = clients["lead"].get(address(route))
    assert "no-store" in answer["Cache-Control"], route
    assert not answer.has_header("ETag"), route
    assert not answer.has_header("Last-Modified"), route


@pytest.mark.parametrize(
    "route", [r for r in routes() if r.startswith("admin/") and "<" not in r and "(" not in r]
)
def test_the_admin_is_closed_to_every_role(route: str, clients: dict[str, APIClient]) -> None:
    """Roles are not staff; a role's session only ever meets the login page."""
    if route in ("admin/login/", "admin/logout/", "admin/jsi18n/"):
        return
    for client in clients.values():
        answer = client.get(f"/{route}")
        assert answer.status_code in (302, 404), route


def test_staff_without_the_lead_role_sees_no_study_data(cast: dict[str, Any]) -> None:
    operator = cast["outsider"]
    operator.is_staff = True
    operator.save()
    client = APIClient()
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    for page in ("annotation/reading/", "annotation/finallabel/", "annotation/auditevent/"):
        assert client.get(f"/admin/{page}").status_code == 403


def test_the_single_page_is_public_and_holds_no_data(
    clients: dict[str, APIClient], stranger: APIClient
) -> None:
    bodies = {client.get("/read/0000000000000000").content for client in (*clients.values(), stranger)}
    assert len(bodies) == 1
