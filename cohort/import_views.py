"""The lead's way in for tables: upload, look, decide."""

from __future__ import annotations

from typing import Any, cast

from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cohort import columns, importing, table_imports
from cohort import import_serializers as shapes
from cohort.models import ImportBatch, TableImport
from cohort.serializers import ImportBatchOut
from config.accounts.models import User
from config.accounts.permissions import IsLead
from config.negotiation import AnyAccept

_CSV = {(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR)}


def _answer(job: TableImport) -> Response:
    waiting = job.state in table_imports.ACTIVE
    return Response(
        shapes.ImportOut(job).data, status=status.HTTP_202_ACCEPTED if waiting else status.HTTP_200_OK
    )


class Imports(ListAPIView[ImportBatch]):
    permission_classes = [IsLead]
    serializer_class = ImportBatchOut
    queryset = ImportBatch.objects.select_related("created_by")
    pagination_class = None
    parser_classes = [MultiPartParser]

    @extend_schema(
        request={"multipart/form-data": shapes.ImportIn},
        responses={200: shapes.ImportOut, 202: shapes.ImportOut},
    )
    def post(self, request: Request) -> Response:
        """Check CSV files: what importing them would do. 202: a worker does it, ask again at its address.

        With ``commit`` they are stored at once if nothing is in error, or with ``skip_errors`` all the same.
        """
        form = shapes.ImportIn(data=request.data)
        form.is_valid(raise_exception=True)
        sent = form.validated_data
        job = table_imports.receive(
            files={name: sent[name] for name in shapes.FILES if name in sent},
            by=cast(User, request.user),
            commit=sent["commit"],
            skip_errors=sent["skip_errors"],
            said=sent.get("mapping"),
        )
        return _answer(job)


class Columns(APIView):
    permission_classes = [IsLead]

    @extend_schema(responses=shapes.FileColumnsOut(many=True))
    def get(self, request: Request) -> Response:
        """What each file holds, and what earlier imports said of other headers and spellings."""
        known = importing.remembered()
        return Response(
            [
                {
                    "kind": kind,
                    "columns": [
                        {
                            "name": c.name, "kind": c.kind, "meaning": c.meaning, "example": c.example,
                            "required": c.required, "allowed": c.allowed(),
                        }
                        for c in described
                    ],
                    "remembered": known[kind].as_json() if kind in known else {},
                }
                for kind, described in columns.FILES.items()
            ]
        )  # fmt: skip


class Template(APIView):
    permission_classes = [IsLead]
    content_negotiation_class = AnyAccept

    @extend_schema(responses=_CSV)
    def get(self, request: Request, kind: str) -> HttpResponse:
        """An empty file of this kind, its columns explained in comment rows that an import passes over."""
        if kind not in columns.FILES:
            raise Http404
        # The byte order mark makes spreadsheets read UTF-8.
        response = HttpResponse("\ufeff" + columns.template(kind), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{kind}.csv"'
        return response


class OneImport(APIView):
    permission_classes = [IsLead]

    @extend_schema(responses=shapes.ImportOut)
    def get(self, request: Request, pk: int) -> Response:
        """How far it is, and what was found. Its list of errors is the first 200."""
        job = get_object_or_404(TableImport.objects.select_related("created_by"), pk=pk)
        return Response(shapes.ImportOut(job).data)


class CheckAgain(APIView):
    permission_classes = [IsLead]
    parser_classes = [JSONParser]

    @extend_schema(request=shapes.MappingIn, responses={200: shapes.ImportOut, 202: shapes.ImportOut})
    def post(self, request: Request, pk: int) -> Response:
        """Read the same files again, with other meanings of their headers, spellings or dates."""
        form = shapes.MappingIn(data=request.data)
        form.is_valid(raise_exception=True)
        job = get_object_or_404(TableImport, pk=pk)
        return _answer(table_imports.check_again(job=job, said=form.validated_data["mapping"]))


class Commit(APIView):
    permission_classes = [IsLead]

    @extend_schema(request=shapes.CommitIn, responses={200: shapes.ImportOut, 202: shapes.ImportOut})
    def post(self, request: Request, pk: int) -> Response:
        """Store what was checked: all, or nothing if a row is in error, or with ``skip_errors`` the rest."""
        form = shapes.CommitIn(data=request.data)
        form.is_valid(raise_exception=True)
        job = get_object_or_404(TableImport, pk=pk)
        return _answer(table_imports.commit(job=job, skip_errors=form.validated_data["skip_errors"]))


class Cancel(APIView):
    permission_classes = [IsLead]

    @extend_schema(request=None, responses=shapes.ImportOut)
    def post(self, request: Request, pk: int) -> Response:
        """Leave the files unstored and delete them."""
        job = table_imports.cancel(job=get_object_or_404(TableImport, pk=pk))
        return Response(shapes.ImportOut(job).data)


class Errors(APIView):
    permission_classes = [IsLead]
    content_negotiation_class = AnyAccept

    @extend_schema(responses=_CSV)
    def get(self, request: Request, pk: int, **kwargs: Any) -> FileResponse:
        """Every row in error: file, row, column, what is wrong. No values of the files."""
        path = table_imports.errors_file(get_object_or_404(TableImport, pk=pk))
        if path is None:
            raise Http404
        return FileResponse(
            path.open("rb"), as_attachment=True, filename="import-errors.csv", content_type="text/csv"
        )
