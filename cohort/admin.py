"""Read-only pages for a study lead who is also staff. Corrections go through the verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from cohort import models

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
else:
    _Admin = admin.ModelAdmin


class _LeadReads(_Admin):
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


@admin.register(models.Patient)
class PatientAdmin(_LeadReads):
    list_display = ("pseudonym", "site", "sex", "phantom", "imported_at")
    list_filter = ("site", "sex", "phantom")
    search_fields = ("pseudonym",)


@admin.register(models.Series)
class SeriesAdmin(_LeadReads):
    list_display = ("series_uid", "patient_pseudonym", "state", "plane", "weighting", "slices", "ingested_at")
    list_filter = ("state", "plane", "weighting", "manufacturer")
    search_fields = ("series_uid", "patient_pseudonym")


@admin.register(models.Exclusion)
class ExclusionAdmin(_LeadReads):
    list_display = ("patient", "step", "reason", "source", "leaving", "excluded_by", "excluded_at")
    list_filter = ("step", "source", "leaving")
    list_select_related = ("patient", "excluded_by")


@admin.register(models.ImportBatch)
class ImportBatchAdmin(_LeadReads):
    list_display = ("created_at", "kind", "created_by", "summary")
    list_select_related = ("created_by",)
