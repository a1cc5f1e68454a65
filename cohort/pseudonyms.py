"""The study's own pseudonymiser: deidentify.Pseudonymiser under the secret key of the settings."""

from __future__ import annotations

from django.conf import settings

from cohort.deidentify import Pseudonymiser


def study_pseudonyms() -> Pseudonymiser:
    return Pseudonymiser(settings.PSEUDONYM_KEY)
