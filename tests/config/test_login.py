"""Login, logout and who-am-I."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from config.accounts.models import Role, User

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture
def reader() -> User:
    return User.objects.create_user("reader_one", password=PASSWORD, role=Role.OBSERVER)


def test_stranger_is_nobody(client) -> None:
    answer = client.get("/api/auth/me/")
    assert answer.status_code == 200
    assert answer.json() == {"user": None}
    assert "csrftoken" in answer.cookies
    assert "no-store" in answer["Cache-Control"]


def test_login_and_logout(client, reader: User) -> None:
    answer = client.post(
        "/api/auth/login/", {"username": "reader_one", "password": PASSWORD}, content_type="application/json"
    )
    assert answer.status_code == 200
    assert answer.json()["user"] == {
        "username": "reader_one",
        "first_name": "",
        "last_name": "",
        "role": "observer",
    }
    assert client.get("/api/auth/me/").json()["user"]["username"] == "reader_one"
    out = client.post("/api/auth/logout/")
    assert out.status_code == 204
    assert out["Clear-Site-Data"] == '"cache"', "drafts kept in the browser must stay"
    assert client.get("/api/auth/me/").json() == {"user": None}


@pytest.mark.parametrize(
    "body", [{"username": "reader_one", "password": "wrong"}, {"username": "nobody", "password": PASSWORD}]
)
def test_wrong_credentials_do_not_say_which(client, reader: User, body: dict[str, str]) -> None:
    answer = client.post("/api/auth/login/", body, content_type="application/json")
    assert answer.status_code == 400
    assert "do not match" in answer.json()["detail"]


def test_malformed_names_the_field(client) -> None:
    answer = client.post("/api/auth/login/", {"username": "x"}, content_type="application/json")
    assert answer.status_code == 400
    assert "password" in answer.json()


def test_wrong_method(client) -> None:
    assert client.get("/api/auth/login/").status_code == 405


def test_lockout_after_many_failures(client, reader: User, settings) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT):
        client.post(
            "/api/auth/login/",
            {"username": "reader_one", "password": "wrong"},
            content_type="application/json",
        )
    answer = client.post(
        "/api/auth/login/", {"username": "reader_one", "password": PASSWORD}, content_type="application/json"
    )
    assert answer.status_code in (400, 403, 429)
    assert client.get("/api/auth/me/").json() == {"user": None}


def test_login_needs_a_csrf_token(reader: User) -> None:
    strict = APIClient(enforce_csrf_checks=True)
    answer = strict.post("/api/auth/login/", {"username": "reader_one", "password": PASSWORD})
    assert answer.status_code == 403
