from django.contrib import admin

from config.accounts.read_only_admin import LeadReadsOnly
from modeling import models


@admin.register(models.LabelSet)
class LabelSetAdmin(LeadReadsOnly):
    list_display = ["pk", "name", "hash", "patients", "positives", "charter_version", "frozen_at"]


@admin.register(models.Run)
class RunAdmin(LeadReadsOnly):
    list_display = ["pk", "label_set", "profile", "state", "attempts", "fence", "device", "created_at"]
    list_filter = ["state", "profile"]


@admin.register(models.RunPart)
class RunPartAdmin(LeadReadsOnly):
    list_display = ["pk", "run", "repeat", "fold", "state", "attempts", "fence", "device"]
    list_filter = ["state"]


@admin.register(models.TrustJob)
class TrustJobAdmin(LeadReadsOnly):
    list_display = ["pk", "run", "state", "attempts", "fence", "device"]
    list_filter = ["state"]


@admin.register(models.Prediction)
class PredictionAdmin(LeadReadsOnly):
    list_display = ["pk", "run", "patient", "split", "outcome", "score"]
    list_filter = ["split", "outcome"]
