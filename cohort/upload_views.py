"""Uploads from the lead's browser: listed, sent in pieces, read by a worker."""

from __future__ import annotations

from typing import Any, cast

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cohort import receiving, stow, uploads
from cohort.models import Upload
from cohort.serializers import IngestResultOut
from config.accounts.models import User
from config.accounts.permissions import IsLead
from config.exceptions import RuleViolation

MAX_LISTED = 2000


class UploadOut(serializers.ModelSerializer[Upload]):
    files = serializers.IntegerField()
    bytes = serializers.IntegerField()
    files_received = serializers.IntegerField()
    bytes_received = serializers.IntegerField()

    class Meta:
        model = Upload
        fields = [
            "code", "state", "created_at", "finished_at", "done", "summary", "error", "files", "bytes",
            "files_received", "bytes_received",
        ]  # fmt: skip
        read_only_fields = fields


class OfferedFile(serializers.Serializer[Any]):
    path = serializers.CharField(max_length=4096, trim_whitespace=False)
    size = serializers.IntegerField(min_value=0)
    modified = serializers.IntegerField(help_text="Milliseconds since 1970.")


class FilesIn(serializers.Serializer[Any]):
    files = serializers.ListField(child=OfferedFile(), max_length=MAX_LISTED)


class FileOut(serializers.Serializer[Any]):
    key = serializers.CharField()
    received = serializers.IntegerField(help_text="Bytes that are here already.")


class PieceQuery(serializers.Serializer[Any]):
    offset = serializers.IntegerField(min_value=0)


class PieceOut(serializers.Serializer[Any]):
    received = serializers.IntegerField()


class FinishIn(serializers.Serializer[Any]):
    leave_out = serializers.BooleanField(default=False, help_text="Files that are not here yet.")


class ResultsQuery(serializers.Serializer[Any]):
    start = serializers.IntegerField(min_value=0, default=0)


def _own(request: Request, code: str) -> Upload:
    return get_object_or_404(Upload, code=code, created_by=cast(User, request.user))


def _out(upload: Upload) -> dict[str, Any]:
    for name, value in uploads.progress(upload).items():
        setattr(upload, name, value)
    return dict(UploadOut(upload).data)


class Uploads(APIView):
    permission_classes = [IsLead]

    @extend_schema(responses=UploadOut(many=True))
    def get(self, request: Request) -> Response:
        """One's own uploads that have not ended, and the last ones that have."""
        mine = Upload.objects.filter(created_by=cast(User, request.user)).exclude(
            state=Upload.State.CANCELLED
        )
        return Response([_out(upload) for upload in mine[:5]])

    @extend_schema(request=None, responses={201: UploadOut})
    def post(self, request: Request) -> Response:
        return Response(_out(uploads.start(by=cast(User, request.user))), status=201)


class UploadDetail(APIView):
    permission_classes = [IsLead]

    @extend_schema(responses=UploadOut)
    def get(self, request: Request, code: str) -> Response:
        return Response(_out(_own(request, code)))


class UploadFiles(APIView):
    permission_classes = [IsLead]
    parser_classes = [JSONParser]

    @extend_schema(request=FilesIn, responses=FileOut(many=True))
    def post(self, request: Request, code: str) -> Response:
        """List files of the delivery; the answer says how much of each is here, in the same order."""
        upload = _own(request, code)
        form = FilesIn(data=request.data)
        form.is_valid(raise_exception=True)
        return Response(uploads.add(upload=upload, files=form.validated_data["files"]))


class UploadPiece(APIView):
    permission_classes = [IsLead]

    @extend_schema(
        parameters=[PieceQuery],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses=PieceOut,
    )
    def put(self, request: Request, code: str, key: str) -> Response:
        """Bytes of one file from ``offset`` on, which must be where it ends."""
        upload = _own(request, code)
        form = PieceQuery(data=request.query_params)
        form.is_valid(raise_exception=True)
        try:
            received = uploads.write(
                upload=upload, key=key, offset=form.validated_data["offset"],
                read=stow.reader(request._request),
            )  # fmt: skip
        except receiving.NoRoom as error:
            raise RuleViolation("The server's disk is full.", code="disk_full") from error
        return Response({"received": received})


class FinishUpload(APIView):
    permission_classes = [IsLead]

    @extend_schema(request=FinishIn, responses=UploadOut)
    def post(self, request: Request, code: str) -> Response:
        upload = _own(request, code)
        form = FinishIn(data=request.data)
        form.is_valid(raise_exception=True)
        return Response(_out(uploads.finish(upload=upload, **form.validated_data)))


class CancelUpload(APIView):
    permission_classes = [IsLead]

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, code: str) -> Response:
        uploads.cancel(upload=_own(request, code))
        return Response(status=204)


class UploadResults(APIView):
    permission_classes = [IsLead]

    @extend_schema(parameters=[ResultsQuery], responses=IngestResultOut(many=True))
    def get(self, request: Request, code: str) -> Response:
        """What became of the files, from number ``start`` on; more come while they are read."""
        upload = _own(request, code)
        form = ResultsQuery(data=request.query_params)
        form.is_valid(raise_exception=True)
        return Response(uploads.results(upload, form.validated_data["start"]))
