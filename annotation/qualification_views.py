"""Training and qualification over HTTP: the reader's page and reading room, the lead's overview."""

from __future__ import annotations

import json
import logging

from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import qualification, rubric, serializers, signature, tasks, wado_proxy
from annotation import qualification_queries as pages
from annotation import qualification_serializers as shapes
from annotation.models import QualificationCase, QualificationRead
from annotation.views import _REFUSED, _read, _user, frame_response
from config.accounts.permissions import IsLead, IsReader
from config.negotiation import AnyAccept

logger = logging.getLogger(__name__)


class OwnQualification(APIView):
    permission_classes = [IsReader]

    @extend_schema(responses=shapes.OwnQualificationOut)
    def get(self, request: Request) -> Response:
        return Response(shapes.OwnQualificationOut(pages.own_page(_user(request))).data)


class StartAttempt(APIView):
    permission_classes = [IsReader]

    @extend_schema(request=None, responses={201: shapes.StartedOut, 409: serializers.RefusalOut})
    def post(self, request: Request) -> Response:
        attempt = qualification.start_attempt(by=_user(request))
        first = attempt.reads.order_by("pk")[0]
        return Response({"code": first.code}, status=status.HTTP_201_CREATED)


class StartTraining(APIView):
    permission_classes = [IsReader]

    @extend_schema(request=None, responses={201: shapes.StartedOut, **_REFUSED})
    def post(self, request: Request, pk: int) -> Response:
        """A new read of a training case, or the one that is open."""
        case = QualificationCase.objects.filter(pk=pk, purpose=QualificationCase.Purpose.TRAINING).first()
        if case is None:
            raise Http404
        read = qualification.start_training(case=case, by=_user(request))
        return Response({"code": read.code}, status=status.HTTP_201_CREATED)


# --- The reading room


class PhantomView(APIView):
    """Base of everything under one read of a phantom."""

    permission_classes = [IsReader]

    def phantom(self, code: str) -> QualificationRead:
        found = pages.read_of(_user(self.request), code)
        if found is None:
            raise Http404
        return found


class ReadPhantom(PhantomView):
    @extend_schema(responses={200: shapes.PhantomOut, 404: _REFUSED[404]})
    def get(self, request: Request, code: str) -> Response:
        return Response(shapes.PhantomOut(pages.case_page(self.phantom(code))).data)


class SavePhantomDraft(PhantomView):
    @extend_schema(
        request=serializers.DraftIn,
        responses={200: serializers.DraftSavedOut, **_REFUSED, 409: serializers.StaleDraftOut},
    )
    def put(self, request: Request, code: str) -> Response:
        read = self.phantom(code)
        form = _read(serializers.DraftIn, request)
        with pages.in_readers_words(read):
            read = qualification.save_draft(
                read=read,
                by=_user(request),
                revision=form["revision"],
                content=form["content"],
                measurements=pages.measurements_from_reader(form["measurements"]),
                active_seconds=form["active_seconds"],
            )
        keys = tuple(scan.key for scan in read.case.scans.all())
        return Response(
            {
                "revision": read.revision,
                "saved": True,
                "categories": rubric.categories(read.content, keys),
            }
        )


class SignPhantom(PhantomView):
    @extend_schema(
        request=serializers.SignIn,
        responses={200: serializers.SignedOut, **_REFUSED, 409: serializers.SignRefusalOut},
    )
    def post(self, request: Request, code: str) -> Response:
        read = self.phantom(code)
        form = _read(serializers.SignIn, request)
        signature.require_password(request, form["password"])
        with pages.in_readers_words(read):
            read = qualification.sign(
                read=read,
                by=_user(request),
                revision=form["revision"],
                meaning=form["meaning"],
                active_seconds=form["active_seconds"],
            )
        return Response(
            {"status": "signed", "content_hash": read.content_hash, "next": pages.next_code(read)}
        )


class PhantomMetadata(PhantomView):
    content_negotiation_class = AnyAccept

    @extend_schema(responses={(200, "application/dicom+json"): OpenApiTypes.OBJECT, 404: _REFUSED[404]})
    def get(self, request: Request, code: str, study: str, series: str) -> HttpResponse:
        read = self.phantom(code)
        images = pages.find_images(read, study, series)
        if not images:
            raise Http404
        body = json.dumps(wado_proxy.blinded(read, images))
        return HttpResponse(body, content_type="application/dicom+json")


class PhantomFrame(PhantomView):
    content_negotiation_class = AnyAccept

    @extend_schema(responses={(200, "image/jphc"): OpenApiTypes.BINARY, 404: _REFUSED[404]})
    def get(self, request: Request, code: str, study: str, series: str, sop: str) -> HttpResponse:
        read = self.phantom(code)
        images = pages.find_images(read, study, series)
        image = next((one for one in images if wado_proxy.opaque_uid(read, one.sop_uid) == sop), None)
        if image is None:
            raise Http404
        return frame_response(image)


# --- The lead's


class Overview(APIView):
    permission_classes = [IsLead]

    @extend_schema(responses=shapes.QualificationOverviewOut)
    def get(self, request: Request) -> Response:
        return Response(shapes.QualificationOverviewOut(pages.lead_page()).data)


class MakeCases(APIView):
    permission_classes = [IsLead]

    @extend_schema(
        request=shapes.MakeCasesIn, responses={201: shapes.MadeCasesOut, 409: serializers.RefusalOut}
    )
    def post(self, request: Request) -> Response:
        """Add phantom cases; a worker draws them, some three seconds each."""
        form = _read(shapes.MakeCasesIn, request)
        made = qualification.make_cases(by=_user(request), **form)
        try:
            tasks.draw_qualification_cases.apply_async(retry=False)
        except Exception:  # the broker is away: the worker looks every minute
            logger.warning("The message to draw phantom cases could not be sent", exc_info=True)
        return Response({"made": len(made)}, status=status.HTTP_201_CREATED)
