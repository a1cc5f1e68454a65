"""The reader's endpoints: worklist, cases, blinded images, consensus. They parse, check access and call."""

from __future__ import annotations

import json
from typing import Any

from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import (
    image_access,
    notices,
    qualified,
    queries,
    rubric,
    serializers,
    signature,
    wado_proxy,
    workflow,
)
from annotation.models import Assignment, Consensus
from cohort.models import Instance, Series
from config.accounts.models import User
from config.accounts.permissions import IsObserver, IsReader, IsSignedIn
from config.exceptions import RuleViolation
from config.negotiation import AnyAccept

_REFUSED = {404: OpenApiResponse(description="No such case for this reader."), 409: serializers.RefusalOut}


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # the permission classes let nobody else in
    return request.user


def _read(form: type[serializers.Closed], request: Request) -> dict[str, Any]:
    filled = form(data=request.data)
    filled.is_valid(raise_exception=True)
    return dict(filled.validated_data)


class Rubric(APIView):
    permission_classes = [IsSignedIn]

    @extend_schema(responses=serializers.RubricOut)
    def get(self, request: Request) -> Response:
        return Response(rubric.as_json())


class Notices(APIView):
    permission_classes = [IsSignedIn]

    @extend_schema(responses=serializers.NoticeOut(many=True))
    def get(self, request: Request) -> Response:
        """What waits for this person; never more than their own pages show."""
        return Response([vars(notice) for notice in notices.of(_user(request))])


class Worklist(APIView):
    permission_classes = [IsReader]

    @extend_schema(responses=serializers.WorklistOut)
    def get(self, request: Request) -> Response:
        return Response(queries.worklist(_user(request)))


class CaseView(APIView):
    """Base of everything under one assignment."""

    permission_classes = [IsReader]

    def assignment(self, code: str) -> Assignment:
        found = queries.assignment_of(_user(self.request), code)
        if found is None:
            if qualified.waits_for(_user(self.request), code):
                raise RuleViolation(qualified.LOCKED, code="qualification_required")
            raise Http404  # without words: another's case and none look the same
        return found


class ReadCase(CaseView):
    @extend_schema(responses={200: serializers.CaseOut, **_REFUSED})
    def get(self, request: Request, code: str) -> Response:
        assignment = self.assignment(code)
        image_access.note(assignment)
        return Response(serializers.CaseOut(queries.case_page(assignment)).data)


class SaveDraft(CaseView):
    @extend_schema(
        request=serializers.DraftIn,
        responses={200: serializers.DraftSavedOut, **_REFUSED, 409: serializers.StaleDraftOut},
    )
    def put(self, request: Request, code: str) -> Response:
        assignment = self.assignment(code)
        form = _read(serializers.DraftIn, request)
        case = assignment.case
        content, measurements = queries.from_reader(case, form["content"], form["measurements"])
        with queries.in_readers_words(case, assignment):
            reading = workflow.save_draft(
                assignment=assignment,
                by=_user(request),
                revision=form["revision"],
                content=content,
                measurements=measurements,
                active_seconds=form["active_seconds"],
            )
        shown = queries.to_reader(case, reading.content)
        return Response(
            {
                "revision": reading.revision,
                "saved": True,
                "categories": rubric.categories(shown, tuple(queries.names(case).values())),
            }
        )


class SignReading(CaseView):
    @extend_schema(
        request=serializers.SignIn,
        responses={200: serializers.SignedOut, **_REFUSED, 409: serializers.SignRefusalOut},
    )
    def post(self, request: Request, code: str) -> Response:
        assignment = self.assignment(code)
        form = _read(serializers.SignIn, request)
        signature.require_password(request, form["password"])
        with queries.in_readers_words(assignment.case, assignment):
            reading = workflow.sign_reading(
                assignment=assignment,
                by=_user(request),
                revision=form["revision"],
                meaning=form["meaning"],
                active_seconds=form["active_seconds"],
            )
        return Response(
            {
                "status": "signed",
                "content_hash": queries.hash_to_reader(assignment.case, reading.content_hash),
                "next": queries.next_code(assignment),
            }
        )


class AmendReading(CaseView):
    @extend_schema(request=serializers.AmendIn, responses={200: serializers.CaseOut, **_REFUSED})
    def post(self, request: Request, code: str) -> Response:
        assignment = self.assignment(code)
        form = _read(serializers.AmendIn, request)
        workflow.amend_reading(assignment=assignment, by=_user(request), reason=form["reason"])
        return Response(serializers.CaseOut(queries.case_page(assignment)).data)


# --- Images


class ImageView(CaseView):
    content_negotiation_class = AnyAccept

    def series(self, assignment: Assignment, study: str, series: str) -> Series:
        found = wado_proxy.find_series(assignment, study, series)
        if found is None:
            raise Http404
        image_access.note(assignment)
        return found


class SeriesMetadata(ImageView):
    @extend_schema(
        responses={(200, "application/dicom+json"): OpenApiTypes.OBJECT, **_REFUSED},
    )
    def get(self, request: Request, code: str, study: str, series: str) -> HttpResponse:
        assignment = self.assignment(code)
        body = json.dumps(wado_proxy.metadata(assignment, self.series(assignment, study, series)))
        return HttpResponse(body, content_type="application/dicom+json")


class Frame(ImageView):
    @extend_schema(responses={(200, "image/jphc"): OpenApiTypes.BINARY, **_REFUSED})
    def get(self, request: Request, code: str, study: str, series: str, sop: str) -> HttpResponse:
        assignment = self.assignment(code)
        instance = wado_proxy.find_instance(assignment, self.series(assignment, study, series), sop)
        if instance is None:
            raise Http404
        return frame_response(instance)


def frame_response(instance: Instance) -> HttpResponse:
    """A stored frame under an address that holds the code of one read."""
    pixels, content_type = wado_proxy.frame(instance)
    response = HttpResponse(pixels, content_type=content_type)
    # A frame never changes, and its address is this read's. No ETag, no Last-Modified: either would be
    # the same for every reader of the image.
    response["Cache-Control"] = "private, max-age=86400, immutable"
    return response


# --- Consensus


class ConsensusView(APIView):
    permission_classes = [IsObserver]

    def session(self, code: str) -> Consensus:
        found = queries.consensus_of(_user(self.request), code)
        if found is None:
            raise Http404
        return found

    def state(self, session: Consensus) -> Response:
        return Response(queries.consensus_state(session, _user(self.request)))


class ReadConsensus(ConsensusView):
    @extend_schema(responses={200: serializers.ConsensusOut, 404: _REFUSED[404]})
    def get(self, request: Request, code: str) -> Response:
        session = self.session(code)
        page = queries.consensus_page(session, _user(request))
        own = queries.assignment_of(_user(request), page["case_code"])
        assert own is not None  # the page was made from it
        image_access.note(own)
        return Response(serializers.ConsensusOut(page).data)


class SaveConsensus(ConsensusView):
    @extend_schema(
        request=serializers.ConsensusDraftIn,
        responses={200: serializers.ConsensusStateOut, **_REFUSED, 409: serializers.StaleDraftOut},
    )
    def put(self, request: Request, code: str) -> Response:
        session = self.session(code)
        form = _read(serializers.ConsensusDraftIn, request)
        content, _ = queries.from_reader(session.case, form["content"])
        with queries.in_readers_words(session.case):
            workflow.save_consensus(
                session=session, by=_user(request), revision=form["revision"], content=content
            )
        return self.state(session)


class ProposeConsensus(ConsensusView):
    @extend_schema(
        request=serializers.ConsensusSignIn,
        responses={200: serializers.ConsensusStateOut, **_REFUSED, 409: serializers.SignRefusalOut},
    )
    def post(self, request: Request, code: str) -> Response:
        session = self.session(code)
        form = _read(serializers.ConsensusSignIn, request)
        signature.require_password(request, form.pop("password"))
        with queries.in_readers_words(session.case):
            workflow.propose_consensus(session=session, by=_user(request), **form)
        return self.state(session)


class ConfirmConsensus(ConsensusView):
    @extend_schema(
        request=serializers.ConsensusSignIn,
        responses={200: serializers.ConsensusStateOut, **_REFUSED, 409: serializers.StaleDraftOut},
    )
    def post(self, request: Request, code: str) -> Response:
        session = self.session(code)
        form = _read(serializers.ConsensusSignIn, request)
        signature.require_password(request, form.pop("password"))
        with queries.in_readers_words(session.case):
            workflow.confirm_consensus(session=session, by=_user(request), **form)
        return self.state(session)


class DeclineConsensus(ConsensusView):
    @extend_schema(
        request=serializers.ConsensusDeclineIn, responses={200: serializers.ConsensusStateOut, **_REFUSED}
    )
    def post(self, request: Request, code: str) -> Response:
        session = self.session(code)
        form = _read(serializers.ConsensusDeclineIn, request)
        signature.require_password(request, form.pop("password"))
        workflow.decline_consensus(session=session, by=_user(request), **form)
        return self.state(session)
