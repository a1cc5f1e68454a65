"""Take multipart/related apart as it streams in (RFC 2387, RFC 2046), within bounds. No Django.

Of what a peer says about sizes nothing is believed: bytes are counted as they come.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message

BLOCK = 256 * 1024
MAX_HEADER = 16 * 1024
#: RFC 2046 5.1.1, but for the length: it allows 70 characters, and Orthanc's STOW client sends 73.
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,199}[0-9A-Za-z'()+_,\-./:=?]")


class MultipartError(ValueError):
    """The body is malformed, cut off or out of bounds; the message says which."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one body: parts, bytes a part, bytes in all, and seconds until the last byte."""

    parts: int = 10_000
    part_bytes: int = 2 * 2**30
    total_bytes: int = 16 * 2**30
    seconds: float = 3600.0


@dataclass(frozen=True, slots=True)
class Part:
    """``chunks`` can be read once, before the next part is asked for; what is left of it is skipped."""

    content_type: str
    chunks: Iterator[bytes]


def related(content_type: str) -> tuple[str, str]:
    """The boundary and the ``type`` parameter, in lower case, of a multipart/related content type.

    Raises
    ------
    MultipartError
        If it is something else, or has no usable boundary.
    """
    message = Message()
    message["Content-Type"] = content_type
    if message.get_content_type() != "multipart/related":
        raise MultipartError("the content type is not multipart/related")
    boundary = message.get_param("boundary")
    if not isinstance(boundary, str) or not _BOUNDARY.fullmatch(boundary):
        raise MultipartError("the content type names no usable boundary")
    kind = message.get_param("type")
    return boundary, kind.strip().lower() if isinstance(kind, str) else ""


def parts(read: Callable[[int], bytes], boundary: str, limits: Limits) -> Iterator[Part]:
    """The parts of a body, each to be read before the next.

    Parameters
    ----------
    read
        Gives up to so many bytes, none at the end.

    Raises
    ------
    MultipartError
        If the body is malformed, ends before its closing boundary, or passes a limit.
    """
    body = _Body(read, boundary, limits)
    for _ in body.until_boundary(limits.total_bytes):
        pass  # what stands before the first boundary has no meaning
    count = 0
    while body.another():
        count += 1
        if count > limits.parts:
            raise MultipartError(f"there are more than {limits.parts} parts")
        kind = body.content_type()
        chunks = body.until_boundary(limits.part_bytes)
        yield Part(kind, chunks)
        for _ in chunks:
            pass
    if count == 0:
        raise MultipartError("there is no part in it")


class _Body:
    def __init__(self, read: Callable[[int], bytes], boundary: str, limits: Limits) -> None:
        self._read, self._limits = read, limits
        self._delimiter = b"\r\n--" + boundary.encode("ascii")
        self._buffer = bytearray()
        self._total = 0
        self._deadline = time.monotonic() + limits.seconds

    def _fill(self) -> None:
        if time.monotonic() > self._deadline:
            raise MultipartError(f"it did not end within {self._limits.seconds:.0f} s")
        block = self._read(BLOCK)
        if not block:
            raise MultipartError("it ends before its closing boundary")
        self._total += len(block)
        if self._total > self._limits.total_bytes:
            raise MultipartError(f"it is larger than {self._limits.total_bytes >> 20} MiB")
        self._buffer += block

    def until_boundary(self, limit: int) -> Iterator[bytes]:
        """Bytes up to the next boundary, which is consumed."""
        given, bare = 0, self._delimiter[2:]
        while len(self._buffer) < len(bare):
            self._fill()
        if self._buffer.startswith(bare):  # nothing before it, so no line break of its own either
            del self._buffer[: len(bare)]
            return
        while True:
            at = self._buffer.find(self._delimiter)
            end = at if at >= 0 else len(self._buffer) - len(self._delimiter) + 1
            if end > 0:
                given += end
                if given > limit:
                    raise MultipartError(f"a part is larger than {limit >> 20} MiB")
                chunk = bytes(self._buffer[:end])
                del self._buffer[:end]
                yield chunk
            if at >= 0:
                del self._buffer[: len(self._delimiter)]
                return
            self._fill()

    def another(self) -> bool:
        """Whether a part follows the boundary that was just consumed."""
        while len(self._buffer) < 2:
            self._fill()
        if self._buffer[:2] == b"--":
            return False
        line = self._line()
        if line.strip(b" \t"):
            raise MultipartError("a boundary is followed by something else")
        return True

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > MAX_HEADER:
                raise MultipartError("a header line is too long")
            self._fill()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def content_type(self) -> str:
        """Read the headers of a part; its content type in lower case."""
        found, length = "", 0
        while line := self._line():
            length += len(line)
            if length > MAX_HEADER:
                raise MultipartError("the headers of a part are too long")
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-type":
                found = value.decode("latin-1").strip().lower()
        return found
