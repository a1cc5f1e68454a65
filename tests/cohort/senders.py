"""What machines send: multipart bodies and the like, made without the code under test."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

BOUNDARY = "a simple boundary"
RELATED = f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}"'


def related(parts: Iterable[bytes | Path], content_type: str = "application/dicom") -> bytes:
    """A multipart/related body."""
    body = b""
    for part in parts:
        content = part if isinstance(part, bytes) else part.read_bytes()
        body += f"--{BOUNDARY}\r\nContent-Type: {content_type}\r\n\r\n".encode() + content + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def send(client: Any, parts: Iterable[bytes | Path], token: str | None = None, path: str = "") -> Any:
    """STOW-RS by a test client."""
    headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"} if token else {}
    return client.generic("POST", f"/api/stow/studies{path}", related(parts), RELATED, **headers)
