"""Write the files of a series: as pydicom does, with each distinct element encoded once. No Django.

The slices of a series share most of their header. Encoding an element is a function of its tag, value
representation and value alone, under one character set and transfer syntax, so its bytes can be kept.
"""

from __future__ import annotations

from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element, write_file_meta_info
from pydicom.tag import Tag

_PREAMBLE = b"\0" * 128 + b"DICM"
_PIXELS = Tag("PixelData")
#: (7FE0,0010) in explicit little endian: encapsulated OB of undefined length, OW of a length.
_ENCAPSULATED = b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff"
_SEQUENCE_END = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
_NATIVE = b"\xe0\x7f\x10\x00OW\x00\x00"


class SeriesWriter:
    """Writes Part 10 files, explicit little endian or encapsulated, with pixel data last."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str, str], bytes] = {}

    def write(self, header: Dataset, meta: FileMetaDataset, pixels: bytes, *, encapsulated: bool) -> bytes:
        """The bytes of a file.

        Parameters
        ----------
        header
            Without pixel data; its character set must be UTF-8 (ISO_IR 192).
        pixels
            One compressed frame, or little-endian values of even length.
        """
        head = DicomBytesIO()
        head.is_little_endian, head.is_implicit_VR = True, False
        write_file_meta_info(head, meta, enforce_standard=True)
        tags = sorted(header.keys())
        if tags and tags[-1] >= _PIXELS:
            raise ValueError("pixel data must be last")
        body = [self._encoded(header[tag]) for tag in tags]
        if encapsulated:
            tail = [_ENCAPSULATED, encapsulate([pixels]), _SEQUENCE_END]
        else:
            tail = [_NATIVE, len(pixels).to_bytes(4, "little"), pixels]
        return b"".join([_PREAMBLE, head.getvalue(), *body, *tail])

    def _encoded(self, element: DataElement) -> bytes:
        # A sequence is known by all that it holds, anything else by how its value is written.
        value = element.to_json() if element.VR == "SQ" else repr(_plain(element.value))
        key = (int(element.tag), str(element.VR), value)
        found = self._known.get(key)
        if found is None:
            out = DicomBytesIO()
            out.is_little_endian, out.is_implicit_VR = True, False
            write_data_element(out, element, ["utf-8"])
            found = self._known[key] = out.getvalue()
        return found


def _plain(value: Any) -> Any:
    """A value whose ``repr`` tells it from every other: decimal strings keep the text they came with."""
    if hasattr(value, "original_string"):
        return (str(value), value.original_string)
    if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue":
        return [_plain(v) for v in value]
    return value
