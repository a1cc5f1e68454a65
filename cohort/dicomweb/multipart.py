"""Bodies of many parts: multipart/related after RFC 2387 as PS3.18 8.6.1.2 wants it. No Django."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    content: bytes
    #: With its transfer syntax, where it has one.
    content_type: str
    location: str = ""


def content_type(media: str, syntax: str = "") -> str:
    return f"{media}; transfer-syntax={syntax}" if syntax else media


def new_boundary() -> str:
    """Random, so that no part can hold it."""
    return uuid.uuid4().hex


def related(media: str, boundary: str) -> str:
    """The header of the whole: the parts' own types may say more."""
    return f'multipart/related; type="{media}"; boundary={boundary}'


def body(parts: Iterable[Part], boundary: str) -> Iterator[bytes]:
    """The parts one by one, each read only when its turn comes."""
    for part in parts:
        head = f"--{boundary}\r\nContent-Type: {part.content_type}\r\nContent-Length: {len(part.content)}\r\n"
        if part.location:
            head += f"Content-Location: {part.location}\r\n"
        yield b"".join((head.encode("ascii"), b"\r\n", part.content, b"\r\n"))
    yield f"--{boundary}--\r\n".encode("ascii")
