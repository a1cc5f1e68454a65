"""multipart/related, whatever way its bytes are cut, against the standard library; and its bounds."""

from __future__ import annotations

import contextlib
import email
import io
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohort.multipart import Limits, MultipartError, parts, related
from tests.cohort.senders import BOUNDARY, RELATED
from tests.cohort.senders import related as made

CUTS = [1, 7, 40, 10**6]


def dribble(body: bytes, size: int) -> Callable[[int], bytes]:
    """Reads like a socket that gives up to ``size`` bytes at a time."""
    stream = io.BytesIO(body)
    return lambda n: stream.read(min(n, size))


def contents(body: bytes, size: int = 10**6, limits: Limits | None = None) -> list[bytes]:
    return [b"".join(part.chunks) for part in parts(dribble(body, size), BOUNDARY, limits or Limits())]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=200), min_size=1, max_size=5), st.sampled_from(CUTS))
def test_parts_come_out_as_they_went_in(given_: list[bytes], size: int) -> None:
    assert contents(made(given_), size) == given_


def test_it_agrees_with_the_standard_library() -> None:
    texts = [b"one", b"two\r\n--not it", b"three --" + BOUNDARY.encode()]
    body = made(texts, "text/plain")
    message = email.message_from_bytes(b"Content-Type: " + RELATED.encode() + b"\r\n\r\n" + body)
    assert [p.get_payload(decode=True) for p in message.get_payload()] == contents(body) == texts


@pytest.mark.parametrize("size", CUTS)
def test_preamble_epilogue_and_unread_parts(size: int) -> None:
    body = b"a preamble\r\n" + made([b"one" * 500, b"two"]) + b"an epilogue"
    assert contents(body, size) == [b"one" * 500, b"two"]
    assert len(list(parts(dribble(body, size), BOUNDARY, Limits()))) == 2  # none of it read


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(parts=2), "more than 2 parts"), (Limits(part_bytes=10), "a part is larger"),
        (Limits(total_bytes=100), "it is larger"), (Limits(seconds=-1), "did not end"),
    ],
)  # fmt: skip
def test_bounds(limits: Limits, message: str) -> None:
    with pytest.raises(MultipartError, match=message):
        contents(made([b"x" * 50] * 3), 10, limits)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "ends before"), (b"no boundary at all", "ends before"), (made([]), "no part"),
        (f"--{BOUNDARY}oops\r\n\r\n".encode(), "something else"),
        (f"--{BOUNDARY}\r\nX: {'y' * 20_000}".encode(), "too long"),
        (f"--{BOUNDARY}\r\n".encode() + b"X: y\r\n" * 5000, "too long"),
    ],
)  # fmt: skip
def test_malformed(body: bytes, message: str) -> None:
    with pytest.raises(MultipartError, match=message):
        contents(body)


def test_every_truncation_is_noticed() -> None:
    body = made([b"some content"] * 2)
    for end in range(len(body) - 3):
        with pytest.raises(MultipartError):
            contents(body[:end], 5)


def test_noise_never_hangs_or_crashes() -> None:
    chance = random.Random(1)
    base = bytearray(made([b"abc" * 30] * 3))
    for _ in range(1500):
        noisy = bytearray(base)
        for _ in range(chance.randrange(1, 8)):
            noisy[chance.randrange(len(noisy))] = chance.randrange(256)
        with contextlib.suppress(MultipartError):
            contents(bytes(noisy), chance.choice(CUTS[1:]), Limits(parts=10))


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "multipart/form-data; boundary=a",
        "multipart/related",
        "",
        "multipart/related; boundary=",
    ],
)
def test_other_content_types(kind: str) -> None:
    with pytest.raises(MultipartError):
        related(kind)


def test_content_type_parameters() -> None:
    assert related(RELATED) == (BOUNDARY, "application/dicom")
    assert related("Multipart/Related;boundary=x;type=application/dicom") == ("x", "application/dicom")
