"""Read-only admin pages of the cohort."""

from __future__ import annotations

from django.contrib import admin

from cohort import models
from config.accounts.read_only_admin import LeadReadsOnly


@admin.register(models.Patient)
class PatientAdmin(LeadReadsOnly):
    list_display = ("pseudonym", "site", "sex", "phantom", "imported_at")
    list_filter = ("site", "sex", "phantom")
    search_fields = ("pseudonym",)


@admin.register(models.Series)
class SeriesAdmin(LeadReadsOnly):
    list_display = ("series_uid", "patient_pseudonym", "state", "plane", "weighting", "slices", "ingested_at")
    list_filter = ("state", "plane", "weighting", "manufacturer")
    search_fields = ("series_uid", "patient_pseudonym")


@admin.register(models.Exclusion)
class ExclusionAdmin(LeadReadsOnly):
    list_display = ("patient", "step", "reason", "source", "leaving", "excluded_by", "excluded_at")
    list_filter = ("step", "source", "leaving")
    list_select_related = ("patient", "excluded_by")


@admin.register(models.ImportBatch)
class ImportBatchAdmin(LeadReadsOnly):
    list_display = ("created_at", "kind", "created_by", "summary")
    list_select_related = ("created_by",)
