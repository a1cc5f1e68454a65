"""Freezing: the final labels as they stand become a file with a hash, which is all a run ever reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from annotation import audit, charter, rubric
from annotation.models import Charter, FinalLabel, Scan
from cohort import flow
from cohort.models import Patient, Series
from config.accounts.models import User
from config.exceptions import RuleViolation
from modeling import recipe as recipes
from modeling import runs
from modeling.manifest import (
    VERSION,
    ManifestError,
    canonical_bytes,
    manifest_sha256,
    outcome_under,
    parse_manifest,
)
from modeling.models import LabelSet
from modeling.recipe import Recipe
from modeling.training.atomic import replacing

DAYS_PER_YEAR = 365.25


def default_recipe() -> Recipe:
    """The recipe that freezing starts: the settings' profile and overrides.

    Raises
    ------
    RuleViolation
        If the environment names a profile or setting that there is not.
    """
    try:
        profile = recipes.profile(settings.DEFAULT_PROFILE)
        return profile.with_overrides(settings.DEFAULT_OVERRIDES)
    except recipes.RecipeError as error:
        raise RuleViolation(
            f"ODONTOID_DEFAULT_PROFILE and ODONTOID_DEFAULT_OVERRIDES make no recipe: {error}",
            code="bad_default_recipe",
        ) from error


def freeze(*, by: User | None, name: str = "", start_run: bool = True) -> LabelSet:
    """Freeze the final labels into a label set, and queue a run of the default recipe on it.

    Taken are the eligible patients with a final label of both scans and no *case* at baseline.
    Labels that were frozen before give the same label set again, and no second run.

    Raises
    ------
    RuleViolation
        ``no_charter``, ``no_labels``, ``phantoms_and_patients``, ``bad_interval``, ``one_outcome`` or
        ``bad_label_set``;
        ``bad_default_recipe`` if the environment's default recipe is none.
    """
    recipe = default_recipe() if start_run else None
    content = collect()
    # The file comes before the row and outside the transaction: it is named by its content, so one
    # that no row names harms nobody, while a row without its file could never be trained on.
    path = _write(content)
    outcomes = [row["outcome"] for row in content["patients"]]
    with transaction.atomic():
        label_set, new = LabelSet.objects.get_or_create(
            hash=manifest_sha256(content),
            defaults={
                "path": path.name,
                "name": name.strip(),
                "charter_version": content["charter"]["version"],
                "patients": len(outcomes),
                "positives": sum(outcomes),
                "frozen_by": by,
            },
        )
        if new:
            audit.record(
                "freeze_labels",
                label_set,
                by=by,
                hash=label_set.hash,
                patients=label_set.patients,
                charter=content["charter"]["hash"],
            )
            if recipe is not None:
                runs.create_from(recipe, label_set=label_set, by=by)
    return label_set


def collect() -> dict[str, Any]:
    """The manifest of the final labels as they stand; shape in :mod:`modeling.manifest`."""
    terms = charter.current()
    if terms is None:
        raise RuleViolation("There is no charter yet: reading has not started.", code="no_charter")
    policy = terms.terms["intermediate_policy"]
    labels = _final_labels()
    patients, waiting = [], 0
    for patient in flow.eligible().select_related("scan_pair__baseline__exam", "scan_pair__follow_up__exam"):
        pair = labels.get(patient.pk, {})
        if set(pair) != {Scan.Key.BASELINE, Scan.Key.FOLLOW_UP}:
            waiting += 1
        elif pair[Scan.Key.BASELINE].category != rubric.CASE:
            patients.append((patient, pair))
    _refuse_mixture([patient for patient, _ in patients])
    rows = [row for patient, pair in patients if (row := _row(patient, pair, policy)) is not None]
    _refuse_unusable(rows, waiting=waiting)
    content = {
        "version": VERSION,
        "study": "phantoms" if patients[0][0].phantom else "patients",
        "phantom": patients[0][0].phantom,
        "charter": _charter(terms),
        "intermediate_policy": policy,
        "patients": sorted(rows, key=lambda row: row["patient"]),
    }
    try:
        parse_manifest(content)  # what the trainer would refuse is refused here, before it has a name
    except ManifestError as error:
        raise RuleViolation(f"These labels cannot be trained on: {error}.", code="bad_label_set") from error
    return content


def _final_labels() -> dict[int, dict[str, FinalLabel]]:
    """Patient's key → scan's key → the final label of the series that stands for it now.

    A label of a series that the lead has since replaced by another is a label of other images.
    """
    found: dict[int, dict[str, FinalLabel]] = {}
    labels = FinalLabel.objects.select_related(
        "scan__case__patient__scan_pair", "scan__series", "charter"
    ).prefetch_related("readings__assignment", "scan__series__instances")
    for label in labels.filter(scan__case__patient__scan_pair__isnull=False).order_by("pk"):
        pair = label.scan.case.patient.scan_pair
        chosen = pair.baseline_id if label.scan.key == Scan.Key.BASELINE else pair.follow_up_id
        if label.scan.series_id == chosen:
            found.setdefault(label.scan.case.patient_id, {})[label.scan.key] = label
    return found


def _refuse_mixture(patients: Iterable[Patient]) -> None:
    kinds = [patient.phantom for patient in patients]
    if any(kinds) and not all(kinds):
        raise RuleViolation(
            f"{sum(kinds)} phantoms and {len(kinds) - sum(kinds)} patients have final labels: "
            "they never share a label set. Exclude one or the other first.",
            code="phantoms_and_patients",
        )


def _refuse_unusable(rows: list[dict[str, Any]], *, waiting: int) -> None:
    pending = f" {waiting} eligible patients still wait for a final label." if waiting else ""
    if not rows:
        raise RuleViolation(
            f"No eligible patient has final labels of both scans and no case at baseline.{pending}",
            code="no_labels",
        )
    positives = sum(row["outcome"] for row in rows)
    if positives in (0, len(rows)):
        kind = "a case" if positives else "no case"
        raise RuleViolation(
            f"All {len(rows)} labelled patients have {kind} at follow-up: with one outcome there is "
            f"nothing to learn or to test.{pending}",
            code="one_outcome",
        )


def _row(patient: Patient, pair: Mapping[str, FinalLabel], policy: str) -> dict[str, Any] | None:
    """One patient of the manifest; None where the policy leaves an intermediate follow-up out."""
    baseline, follow_up = pair[Scan.Key.BASELINE], pair[Scan.Key.FOLLOW_UP]
    outcome = outcome_under(policy, follow_up.category)
    if outcome is None:
        return None
    start, end = _date(patient.scan_pair.baseline), _date(patient.scan_pair.follow_up)
    years = _years(start, end)
    if years is None or years <= 0:
        raise RuleViolation(
            f"Patient {patient.pseudonym}: the follow-up scan is not later than the baseline scan.",
            code="bad_interval",
            patient=patient.pseudonym,
        )
    return {
        "patient": patient.pseudonym,
        "site": patient.site,
        "outcome": outcome,
        "baseline_category": baseline.category,
        "follow_up_category": follow_up.category,
        # The follow-up's: it is the label that makes the outcome.
        "provenance": follow_up.how,
        "follow_up_years": years,
        "covariates": {
            "age": _years(patient.birth_date, start),
            "sex": patient.sex or None,
            "rf": patient.rf,
            "anti_ccp": patient.anti_ccp,
            "disease_years": _years(patient.ra_diagnosis_date, start),
        },
        "labels": {key: _label(label) for key, label in pair.items()},
        "series": _series(baseline.scan.series),
    }


def _date(series: Series) -> date:
    assert series.exam is not None  # only a series in quarantine has none
    return series.exam.date


def _years(start: date | None, end: date | None) -> float | None:
    if start is None or end is None:
        return None
    return round((end - start).days / DAYS_PER_YEAR, 6)


def _label(label: FinalLabel) -> dict[str, Any]:
    readings = sorted(label.readings.all(), key=lambda reading: reading.pk)
    return {
        "id": label.pk,
        "category": label.category,
        "grades": label.grades,
        "how": label.how,
        "charter_version": label.charter.version,
        "readings": [
            {
                "id": reading.pk,
                # The account's number, not its name: the file leaves the server.
                "reader": reading.assignment.reader_id,
                "kind": reading.assignment.kind,
                "version": reading.version,
                "category": reading.categories.get(label.scan.key),
                "content_hash": reading.content_hash,
            }
            for reading in readings
        ],
    }


def _series(series: Series) -> dict[str, Any]:
    instances = sorted(series.instances.all(), key=lambda instance: instance.index)
    return {
        "uid": series.series_uid,
        "content_hash": series.content_hash,
        "path": series.path,
        "files": [instance.file for instance in instances],
        "scanner": _scanner(series),
    }


def _scanner(series: Series) -> str:
    """Make and field strength, as "Siemens 1.5 T": finer cuts leave a handful of patients each."""
    strength = f"{series.field_strength:g} T" if series.field_strength else ""
    return " ".join(part for part in (series.manufacturer.strip(), strength) if part)


def _charter(terms: Charter) -> dict[str, Any]:
    return {"version": terms.version, "hash": terms.hash, "terms": terms.terms}


def _write(content: Mapping[str, Any]) -> Path:
    """Write the manifest under its hash, whole or not at all."""
    path = Path(settings.LABEL_SETS_DIR) / f"{manifest_sha256(content)}.json"
    with replacing(path) as part:
        part.write_bytes(canonical_bytes(content))
    return path
