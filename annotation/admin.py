"""Read-only admin pages of reading and labels."""

from __future__ import annotations

from django.contrib import admin

from annotation import models
from config.accounts.read_only_admin import LeadReadsOnly

for _model, _columns in (
    (models.Charter, ["version", "hash", "frozen_by", "frozen_at"]),
    (models.Case, ["pk", "patient", "state", "charter"]),
    (models.Assignment, ["pk", "case", "reader", "kind", "code"]),
    (models.Reading, ["pk", "assignment", "version", "state", "signed_at"]),
    (models.Consensus, ["pk", "case", "outcome"]),
    (models.ReviewDecision, ["pk", "case", "action", "decided_by", "decided_at"]),
    (models.FinalLabel, ["pk", "scan", "category", "how", "decided_at"]),
    (models.QualificationCase, ["pk", "purpose", "seed", "number", "made_by"]),
    (models.QualificationAttempt, ["pk", "reader", "state", "started_at", "finished_at"]),
    (models.QualificationRead, ["pk", "reader", "case", "attempt", "state", "signed_at"]),
    (models.AuditEvent, ["pk", "at", "actor", "verb", "object_type", "object_id"]),
):
    admin.site.register(_model, type(f"{_model.__name__}Admin", (LeadReadsOnly,), {"list_display": _columns}))
