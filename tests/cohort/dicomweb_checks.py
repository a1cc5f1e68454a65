"""A DICOMweb server under test, and the list that checks of it enter themselves in."""

from __future__ import annotations

import email.parser
import email.policy
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

JSON = "application/dicom+json"
DICOM = 'multipart/related; type="application/dicom"'
OCTETS = 'multipart/related; type="application/octet-stream"'
MISSING = "2.25.99999999999999999999"


@dataclass(frozen=True)
class Outcome:
    requirement: str
    clause: str
    passed: bool
    detail: str = ""


@dataclass
class Server:
    """A client, and one instance that was found on the server."""

    base: str
    session: requests.Session
    study: str = ""
    series: str = ""
    sop: str = ""

    def get(self, path: str, accept: str | None = None, method: str = "GET") -> requests.Response:
        headers = {"Accept": accept} if accept is not None else {"Accept": "*/*"}
        return self.session.request(method, f"{self.base}/{path}", headers=headers, timeout=60)

    def rows(self, path: str) -> list[dict[str, Any]]:
        answer = self.get(path, JSON)
        assert answer.status_code in (200, 204), f"{path}: {answer.status_code}"
        return answer.json() if answer.content else []

    @property
    def at_series(self) -> str:
        return f"studies/{self.study}/series/{self.series}"

    @property
    def at(self) -> str:
        return f"{self.at_series}/instances/{self.sop}"


def parts(answer: requests.Response) -> list[tuple[dict[str, str], bytes]]:
    """The parts of a multipart answer, read by the standard library's MIME parser."""
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + answer.content)
    assert message.is_multipart(), answer.headers["Content-Type"]
    assert not message.defects, message.defects
    # The parser may touch line ends in binary bodies: take the bytes by hand, the headers from it.
    boundary = re.search(r'boundary="?([^";]+)', answer.headers["Content-Type"])
    assert boundary
    raw = answer.content.split(b"--" + boundary.group(1).encode())[1:-1]
    bodies = [part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n") for part in raw]
    assert answer.content.rstrip().endswith(b"--"), "no closing boundary"
    heads = [{k.lower(): str(v) for k, v in part.items()} for part in message.iter_parts()]
    return list(zip(heads, bodies, strict=True))


def value(row: dict[str, Any], tag: str) -> Any:
    return (row.get(tag, {}).get("Value") or [None])[0]


Check = Callable[[Server], Any]
CHECKS: list[tuple[str, str, Check]] = []


def check(requirement: str, clause: str) -> Callable[[Check], Check]:
    def register(function: Check) -> Check:
        CHECKS.append((requirement, clause, function))
        return function

    return register


def equal(found: Any, expected: Any) -> None:
    assert found == expected, f"{found!r} instead of {expected!r}"


def status(answer: requests.Response, *expected: int) -> requests.Response:
    assert answer.status_code in expected, f"status {answer.status_code} instead of {expected}"
    return answer


def kind(answer: requests.Response) -> str:
    return answer.headers.get("Content-Type", "").split(";")[0].strip()
