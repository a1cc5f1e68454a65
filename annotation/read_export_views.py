"""The lead's files of signed reads; only final cases, see read_export."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any, TypeVar

from django.db.models import QuerySet
from django.http import Http404, HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from annotation import read_export
from annotation.models import Reading
from config.accounts.permissions import IsLead
from config.negotiation import AnyAccept

Response = TypeVar("Response", HttpResponse, StreamingHttpResponse)


class ReadsView(APIView):
    permission_classes = [IsLead]
    content_negotiation_class = AnyAccept


class ReadsTable(ReadsView):
    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request) -> HttpResponse:
        text = read_export.as_csv(read_export.exportable())
        return _attachment(HttpResponse(text, content_type="text/csv; charset=utf-8"), "reads.csv")


class ReadsDocument(ReadsView):
    @extend_schema(responses={(200, "application/json"): OpenApiTypes.OBJECT})
    def get(self, request: Request) -> StreamingHttpResponse:
        return _attachment(StreamingHttpResponse(_document(), content_type="application/json"), "reads.json")


class AllReports(ReadsView):
    """Every reading's structured reports, sent while they are made."""

    @extend_schema(operation_id="reads_sr_all", responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request) -> StreamingHttpResponse:
        parts = _packed(read_export.exportable())
        return _attachment(StreamingHttpResponse(parts, content_type="application/zip"), "reads-sr.zip")


class ReadReports(ReadsView):
    """One reading's structured reports, one a scan."""

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int) -> HttpResponse:
        found = read_export.exportable().filter(pk=pk)
        if not found:
            raise Http404
        packed = b"".join(_packed(found))
        return _attachment(HttpResponse(packed, content_type="application/zip"), f"read-{pk}-sr.zip")


class _Outbox(io.RawIOBase):
    """A file that can only be written to; what was written is taken out to be sent."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def _packed(readings: QuerySet[Reading]) -> Iterator[bytes]:
    """A zip of the readings' reports, in pieces of one reading."""
    outbox = _Outbox()
    with zipfile.ZipFile(outbox, "w", zipfile.ZIP_DEFLATED) as archive:
        for reading in readings.iterator(chunk_size=200):
            for name, report in read_export.reports(reading):
                file = io.BytesIO()
                report.save_as(file, enforce_file_format=True)
                archive.writestr(name, file.getvalue())
            yield outbox.take()
    yield outbox.take()


def _document() -> Iterator[str]:
    lead = "["
    for reading in read_export.exportable().iterator(chunk_size=200):
        yield lead + json.dumps(read_export.as_json(reading))
        lead = ",\n"
    yield "]\n" if lead != "[" else "[]\n"


def _attachment(response: Response, name: str) -> Response:
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
