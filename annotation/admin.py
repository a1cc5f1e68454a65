"""Read-only pages for a study lead who is also staff. Nobody else: an operator sees no study data."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from annotation import models


class LeadReadsOnly(admin.ModelAdmin):
    def _is_lead(self, request: HttpRequest) -> bool:
        return bool(getattr(request.user, "is_lead", False))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._is_lead(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_lead(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


for _model, _columns in (
    (models.Charter, ["version", "hash", "frozen_by", "frozen_at"]),
    (models.Case, ["pk", "patient", "state", "charter"]),
    (models.Assignment, ["pk", "case", "reader", "kind", "code"]),
    (models.Reading, ["pk", "assignment", "version", "state", "signed_at"]),
    (models.Consensus, ["pk", "case", "outcome"]),
    (models.ReviewDecision, ["pk", "case", "action", "decided_by", "decided_at"]),
    (models.FinalLabel, ["pk", "scan", "category", "how", "decided_at"]),
    (models.AuditEvent, ["pk", "at", "actor", "verb", "object_type", "object_id"]),
):
    admin.site.register(_model, type(f"{_model.__name__}Admin", (LeadReadsOnly,), {"list_display": _columns}))
