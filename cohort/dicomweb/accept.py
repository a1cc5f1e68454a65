"""Content negotiation of DICOMweb: Accept ranges with type and transfer syntax. No Django.

After PS3.18 2024e, 8.7.3 (DICOM media types), 8.7.4 (rendered ones) and 8.7.5 (acceptable media types).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"
#: Whatever the store holds: ``transfer-syntax=*``.
STORED = "*"

_PARAMETER = re.compile(r';\s*([\w!#$%&\'*+.^`|~-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;,\s]*)')
_MEDIA = re.compile(r"[\w!#$&^.+*-]+/[\w!#$&^.+*-]+")
#: Commas inside quotes do not separate.
_ITEM = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+')


class BadAccept(ValueError):
    """The Accept header or parameter cannot be read."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a resource can be sent as; the first syntax is the default of the media type."""

    media: str
    syntaxes: tuple[str, ...] = ()
    #: Whether it may be sent as one body, and inside multipart/related.
    single: bool = False
    multipart: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    media: str
    #: A transfer syntax UID, ``STORED``, or empty where there is none.
    syntax: str
    multipart: bool


@dataclass(frozen=True, slots=True)
class _Range:
    media: str
    syntax: str | None
    multipart: bool | None  # None: either
    quality: float


def choose(accept: str, offers: Sequence[Offer]) -> Choice | None:
    """The first offer, in the client's order of preference, that it accepts; None for 406.

    Parameters
    ----------
    accept
        The header's text; empty means anything.

    Raises
    ------
    BadAccept
        If the text is no list of media ranges.
    """
    ranges = sorted(_parse(accept or "*/*"), key=lambda r: -r.quality)
    refused = {r.media for r in ranges if r.quality == 0 and "*" not in r.media}
    for wanted in ranges:
        if wanted.quality == 0:
            continue
        for offer in offers:
            choice = _match(wanted, offer)
            if choice and choice.media not in refused:
                return choice
    return None


def _match(wanted: _Range, offer: Offer) -> Choice | None:
    if not _covers(wanted.media, offer.media):
        return None
    if wanted.syntax is None:
        syntax = offer.syntaxes[0] if offer.syntaxes else ""
    elif wanted.syntax in offer.syntaxes:
        syntax = wanted.syntax
    elif wanted.syntax == STORED and not offer.syntaxes:
        syntax = ""
    else:
        return None
    if wanted.multipart is None:
        return Choice(offer.media, syntax, offer.multipart)
    if not (offer.multipart if wanted.multipart else offer.single):
        return None
    return Choice(offer.media, syntax, wanted.multipart)


def _covers(pattern: str, media: str) -> bool:
    kind, _, name = pattern.partition("/")
    return pattern == media or pattern == "*/*" or (name == "*" and media.startswith(f"{kind}/"))


def _parse(text: str) -> list[_Range]:
    found = []
    for item in _ITEM.findall(text):
        media, _, tail = item.strip().partition(";")
        if not _MEDIA.fullmatch(media.strip()):
            raise BadAccept(f"not a list of media types: {text[:200]!r}")
        found.append(_range(media.strip().lower(), f";{tail}"))
    return found


def _range(media: str, tail: str) -> _Range:
    parameters = {name.lower(): value.strip('"') for name, value in _PARAMETER.findall(tail)}
    try:
        quality = min(max(float(parameters.get("q", "1")), 0.0), 1.0)
    except ValueError:
        raise BadAccept(f"q={parameters['q']!r} is not a number") from None
    syntax = parameters.get("transfer-syntax")
    if media in {"multipart/related", "multipart/*"}:
        return _Range(parameters.get("type", "*/*").lower(), syntax, True, quality)
    return _Range(media, syntax, None if media == "*/*" else False, quality)
