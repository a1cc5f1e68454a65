"""Environment readers: defaults, values, files, and failures that name the variable."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env


def test_unset_gives_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ODONTOID_X", raising=False)
    assert env.text("ODONTOID_X", "a") == "a"
    assert env.flag("ODONTOID_X", True) is True
    assert env.integer("ODONTOID_X", 7) == 7
    assert env.words("ODONTOID_X", ["a"]) == ["a"]


@pytest.mark.parametrize(("value", "expected"), [("yes", True), ("1", True), ("Off", False), ("no", False)])
def test_flag(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.setenv("ODONTOID_X", value)
    assert env.flag("ODONTOID_X", not expected) is expected


def test_words_are_trimmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODONTOID_X", "a.example, b.example ,")
    assert env.words("ODONTOID_X", []) == ["a.example", "b.example"]


def test_secret_from_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("kept\n")
    monkeypatch.setenv("ODONTOID_X_FILE", str(secret))
    monkeypatch.setenv("ODONTOID_X", "not this one")
    assert env.text("ODONTOID_X") == "kept"


@pytest.mark.parametrize(("read", "value"), [(env.flag, "maybe"), (env.integer, "3.5")])
def test_malformed_names_the_variable(monkeypatch: pytest.MonkeyPatch, read, value: str) -> None:
    monkeypatch.setenv("ODONTOID_X", value)
    with pytest.raises(ImproperlyConfigured, match=f"ODONTOID_X='{value}'"):
        read("ODONTOID_X", 0)


def test_missing_secret_file_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODONTOID_X_FILE", "/nowhere")
    with pytest.raises(ImproperlyConfigured, match="ODONTOID_X_FILE='/nowhere'"):
        env.text("ODONTOID_X")
