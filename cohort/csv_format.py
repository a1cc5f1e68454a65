"""How a CSV file is written: its encoding and its delimiter, found in the file itself. No Django."""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import dataclass
from typing import BinaryIO

from cohort.columns import plain

_BLOCK = 1 << 20
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NAMES = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with a byte order mark",
    "cp1252": "Windows-1252",
    "latin-1": "ISO 8859-1 (Latin-1)",
}
# Bytes that Windows-1252 leaves undefined.
_NOT_1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
UNREADABLE = re.compile(r"[\0\ud800-\udfff\ufffd]")


@dataclass(frozen=True, slots=True)
class Format:
    encoding: str
    delimiter: str
    #: Every byte is text of that encoding; else each row is looked at.
    clean: bool

    def as_json(self) -> dict[str, str]:
        return {
            "encoding": _NAMES.get(self.encoding, self.encoding.upper()),
            "delimiter": DELIMITERS[self.delimiter],
        }


def find_format(file: BinaryIO, known: frozenset[str]) -> Format:
    """Read a seekable file once and say how it is written; it is left at its start.

    Parameters
    ----------
    known
        Headers that are expected, as ``columns.plain`` gives them: the delimiter that finds the most wins.

    Notes
    -----
    A byte order mark is believed. Else UTF-8, when every byte fits; or when some characters do and some do
    not, for then it is UTF-8 with broken rows. Text that never fits is Windows-1252, or Latin-1 where it
    holds bytes that Windows-1252 has no character for.
    """
    file.seek(0)
    start = file.read(4096)
    encoding, clean = _encoding(file, start)
    file.seek(0)
    return Format(encoding, _delimiter(file, encoding, known), clean)


def _encoding(file: BinaryIO, start: bytes) -> tuple[str, bool]:
    for mark, name in _BOMS:
        if start.startswith(mark):
            return name, _decodes(file, name)[0]
    # Text in ASCII letters has a zero in every second byte of UTF-16.
    even, odd = start[0::2].count(0), start[1::2].count(0)
    if len(start) >= 4 and max(even, odd) > 0.3 * len(start) and min(even, odd) < 0.05 * len(start):
        name = "utf-16-le" if odd > even else "utf-16-be"
        return name, _decodes(file, name)[0]
    clean, multibyte, undefined, zero = _decodes(file, "utf-8")
    if clean or zero or multibyte:
        return "utf-8", clean
    return ("latin-1" if undefined else "cp1252"), True


def _decodes(file: BinaryIO, encoding: str) -> tuple[bool, bool, bool, bool]:
    """Whether all of it is text; whether it holds valid characters beyond ASCII, undefined bytes, zeros."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
    clean, multibyte, undefined, zero = True, False, False, False
    try:
        ended = False
        while not ended:
            block = file.read(_BLOCK)
            ended = not block
            text = decoder.decode(block, final=ended)
            zero = zero or "\0" in text
            if text.isascii():
                continue
            found = UNREADABLE.search(text)
            clean = clean and not found
            multibyte = multibyte or bool(re.search(r"[^\0-\x7f\ud800-\udfff\ufffd]", text))
            undefined = undefined or bool(_NOT_1252.search(block))
    except UnicodeError:  # UTF-16 has no surrogate escape
        clean = False
    return clean and not zero, multibyte, undefined, zero


def _delimiter(file: BinaryIO, encoding: str, known: frozenset[str]) -> str:
    text = open_text(file, encoding)
    try:
        line = text.readline(1 << 16)
    except UnicodeError:
        line = ""
    finally:
        text.detach()
        file.seek(0)

    def score(delimiter: str) -> tuple[int, int]:
        try:
            cells = next(csv.reader([line], delimiter=delimiter), [])
        except csv.Error:
            return 0, 0
        return len({plain(cell) for cell in cells} & known), len(cells)

    return max(DELIMITERS, key=score)  # the first of equals: the comma


def open_text(file: BinaryIO, encoding: str) -> io.TextIOWrapper:
    """The file as text; what cannot be read becomes a character that ``UNREADABLE`` finds."""
    errors = "replace" if encoding.startswith("utf-16") else "surrogateescape"
    return io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="")
