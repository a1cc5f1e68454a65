"""The lead's files of signed reads; only final cases, see read_export."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import TypeVar

from django.http import Http404, HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from annotation import read_export
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


class ReadReports(ReadsView):
    """One reading's structured reports, one a scan. All at once: ``manage.py export_reads --format sr``."""

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int) -> HttpResponse:
        reading = read_export.exportable().filter(pk=pk).first()
        if reading is None:
            raise Http404
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, report in read_export.reports(reading):
                file = io.BytesIO()
                report.save_as(file, enforce_file_format=True)
                archive.writestr(name, file.getvalue())
        response = HttpResponse(packed.getvalue(), content_type="application/zip")
        return _attachment(response, f"read-{pk}-sr.zip")


def _document() -> Iterator[str]:
    lead = "["
    for reading in read_export.exportable().iterator(chunk_size=200):
        yield lead + json.dumps(read_export.as_json(reading))
        lead = ",\n"
    yield "]\n" if lead != "[" else "[]\n"


def _attachment(response: Response, name: str) -> Response:
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
