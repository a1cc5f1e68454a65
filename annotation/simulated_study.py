"""A whole study of simulated readers with stated errors, and what its statistics should come to.

The truth is exact: every finding errs independently, so the chance of each category follows by adding up
all combinations of grades. Phantom patients as rows, without images: nothing here looks at a pixel.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from annotation import agreement_tables, lead_agreement, lead_monitoring, monitoring, rubric, simulation
from annotation.agreement_tables import Array
from annotation.models import FinalLabel, Reading
from annotation.simulation import EXPERT, ErrorRates, Truth
from cohort.models import Exam, Patient, ScanPair, Series
from config.accounts.models import Role, User

_NOTHING: dict[str, Any] = dict.fromkeys(rubric.BY_KEY, 0)


class Kind(NamedTuple):
    """A kind of true scan, and its share among baselines and follow-ups."""

    grades: dict[str, Any]
    share: tuple[float, float]


KINDS: dict[str, Kind] = {
    "clean": Kind(_NOTHING, (0.65, 0.45)),
    "doubtful pannus": Kind({**_NOTHING, "pannus": 1}, (0.25, 0.20)),
    "doubtful erosion": Kind({**_NOTHING, "dens_erosion": 1}, (0.10, 0.15)),
    "pannus": Kind({**_NOTHING, "pannus": 2}, (0.0, 0.12)),
    "translocation": Kind({**_NOTHING, "vertical_translocation": 1}, (0.0, 0.08)),
}
#: Two observers, one of them worse, and an adjudicator who errs less.
RATES = {
    "observer_a": ErrorRates(pannus=0.06, vertical_translocation=0.03, dens_erosion=0.06, facet=0.01),
    "observer_b": ErrorRates(pannus=0.12, vertical_translocation=0.05, dens_erosion=0.10, facet=0.015),
    "neurosurgeon": EXPERT,
}
AGREE_SHARE = 0.5
SHAM_SHARE = 0.5


@dataclass(frozen=True)
class Row:
    """One statistic: its true value, and what the study found."""

    name: str
    truth: float
    value: float
    low: float
    high: float

    @property
    def inside(self) -> bool:
        return self.low - 1e-12 <= self.truth <= self.high + 1e-12


@dataclass(frozen=True)
class Outcome:
    rows: list[Row]
    #: Reader → share of scans with another category than the truth; "final label" for the labels.
    errors: dict[str, float]

    @property
    def labels_are_better(self) -> bool:
        observers = [error for name, error in self.errors.items() if name.startswith("observer")]
        return self.errors["final label"] < min(observers)


# --- The truth, by adding up


def seen(grades: Mapping[str, Any], rates: ErrorRates) -> Array:
    """Chance of each category, (3,), when a reader with these rates reads a scan with these grades."""
    found = np.zeros(len(rubric.CATEGORIES))
    options = []
    for finding in rubric.FINDINGS:
        steps = [value for value in finding.values if value != rubric.NOT_VISIBLE]
        place, error = steps.index(grades[finding.key]), rates.of(finding.key)
        near = [steps[i] for i in (place - 1, place + 1) if 0 <= i < len(steps)]
        options.append([(steps[place], 1 - error), *((grade, error / len(near)) for grade in near)])
    for combination in product(*options):
        given = {f.key: grade for f, (grade, _) in zip(rubric.FINDINGS, combination, strict=True)}
        chance = np.prod([p for _, p in combination])
        found[rubric.CATEGORIES.index(rubric.classify(given))] += chance
    return found


def truths() -> dict[str, float]:
    """What a study without end would find."""
    chance = {
        (kind, reader): seen(grades, rates)
        for kind, (grades, _) in KINDS.items()
        for reader, rates in RATES.items()
    }
    a, b, n = ({kind: chance[kind, reader] for kind in KINDS} for reader in RATES)
    joint, again = np.zeros((3, 3)), {"observer_a": np.zeros((3, 3)), "observer_b": np.zeros((3, 3))}
    for kind, (_, (first, second)) in KINDS.items():
        share = (first + second) / 2
        joint += share * np.outer(a[kind], b[kind])
        again["observer_a"] += share * np.outer(a[kind], a[kind])
        again["observer_b"] += share * np.outer(b[kind], b[kind])

    def both_scans(of_scan: Callable[[str], float]) -> float:
        """The chance that something holds for both scans of a patient."""
        one, two = (
            sum(of.share[column] * of_scan(kind) for kind, of in KINDS.items() if of.share[column])
            for column in (0, 1)
        )
        return float(one * two)

    alike = both_scans(lambda k: float(a[k] @ b[k]))
    refused = 1 - AGREE_SHARE

    def lost(mine: dict[str, Array]) -> float:
        """Both observers differ, find no consensus, and the adjudicator contradicts this one."""
        with_adjudicator = both_scans(lambda k: float(mine[k] @ n[k]))
        all_alike = both_scans(lambda k: float((a[k] * b[k] * n[k]).sum()))
        return refused * ((1 - with_adjudicator) - (alike - all_alike))

    return {
        "kappa": float(agreement_tables.kappa(joint)),
        "kappa, linear": float(agreement_tables.kappa(joint, "linear")),
        "AC1": float(agreement_tables.ac2(joint)),
        "percent agreement": float(agreement_tables.percent(joint)),
        "kappa, observer_a with re-reads": float(agreement_tables.kappa(again["observer_a"])),
        "kappa, observer_b with re-reads": float(agreement_tables.kappa(again["observer_b"])),
        "adjudication rate": refused * (1 - alike),
        "disagreement index, observer_a": lost(a),
        "disagreement index, observer_b": lost(b),
        "tie-breaker bias, changed": 1 - _of_shams(a, b, n, alike)[0],
        "tie-breaker bias, shift": _of_shams(a, b, n, alike)[1],
    }


def _of_shams(
    a: dict[str, Array], b: dict[str, Array], n: dict[str, Array], alike: float
) -> tuple[float, float]:
    """On scans of concordant cases: the chance that the adjudicator agrees, and their mean shift."""
    steps = np.arange(3)
    share = [{kind: of.share[column] for kind, of in KINDS.items()} for column in (0, 1)]
    # A case is concordant on both scans, so the other scan's chance of being alike weighs in.
    whole = [sum(s[kind] * float(a[kind] @ b[kind]) for kind in KINDS) for s in share]
    agrees = shift = 0.0
    for column in (0, 1):
        other = whole[1 - column]
        for kind in KINDS:
            agreed = share[column][kind] * a[kind] * b[kind] * other / alike
            agrees += float((agreed * n[kind]).sum()) / 2
            shift += float((np.outer(agreed, n[kind]) * (steps[None, :] - steps[:, None])).sum()) / 2
    return agrees, shift


# --- The study


def make_patients(count: int, *, seed: int = 0) -> dict[str, dict[str, dict[str, Any]]]:
    """Phantom patients ready to be read, as rows; returns what is true of them, by pseudonym."""
    rng = random.Random(f"{seed}/patients")
    kinds = list(KINDS)
    truth: dict[str, dict[str, dict[str, Any]]] = {}
    for number in range(count):
        name = f"sim{number:017x}"
        patient = Patient.objects.create(
            pseudonym=name,
            site=f"Site {'ABC'[number % 3]}",
            sex="F",
            phantom=True,
            birth_date=date(1950, 1, 2),
        )
        pair = [_series(patient, day) for day in (date(2010, 3, 1), date(2010, 3, 1) + timedelta(2000))]
        ScanPair.objects.create(patient=patient, baseline=pair[0], follow_up=pair[1])
        truth[name] = {
            key: KINDS[rng.choices(kinds, [KINDS[kind].share[column] for kind in kinds])[0]].grades
            for key, column in (("baseline", 0), ("follow_up", 1))
        }
    return truth


def _series(patient: Patient, day: date) -> Series:
    name = f"{patient.pseudonym}-{day:%Y}"
    exam = Exam.objects.create(
        patient=patient, pseudonym=name, date=day, modality="MR", body_part="CSPINE", sagittal_t2=True
    )
    return Series.objects.create(
        exam=exam, patient_pseudonym=patient.pseudonym, state=Series.State.ACCEPTED,
        study_uid=f"2.25.1{exam.pk}", series_uid=f"2.25.2{exam.pk}",
        frame_of_reference_uid=f"2.25.3{exam.pk}",
        content_hash=f"{exam.pk:064d}", path=name, rows=8, columns=8, slices=13, row_spacing=1.0,
        column_spacing=1.0, slice_spacing=3.3, orientation=[0, 1, 0, 0, 0, -1], plane="sagittal",
        weighting="T2", sagittal_t2_cervical=True,
    )  # fmt: skip


def run(
    truth: Truth,
    *,
    readers: Mapping[str, User],
    seed: int = 0,
    progress: Callable[[str], Any] | None = None,
) -> Outcome:
    """Read, confer and adjudicate every opened case through the real verbs, then look at the result."""
    say = progress or (lambda text: None)
    for name in ("observer_a", "observer_b"):
        read = simulation.read_as(readers[name], truth, rates=RATES[name], seed=seed)
        say(f"{name} signed {read} cases")
    held = simulation.meet(truth, agree_share=AGREE_SHARE, seed=seed)
    say(f"Consensus: {held['agreed']} agreed, {held['declined']} did not")
    read = simulation.read_as(readers["neurosurgeon"], truth, rates=RATES["neurosurgeon"], seed=seed)
    say(f"The neurosurgeon signed {read} cases, controls among them")
    expected = truths()
    found = dict(_found())
    rows = [Row(name, expected[name], *found[name]) for name in expected if name in found]
    return Outcome(rows, _errors(truth))


def _found() -> Iterator[tuple[str, tuple[float, float, float]]]:
    def three(figure: Mapping[str, Any]) -> tuple[float, float, float]:
        return figure["value"], figure["low"], figure["high"]

    row = _category_row(lead_agreement.OBSERVERS)
    assert row is not None  # both observers have read
    yield "kappa", three(row["kappa"])
    yield "kappa, linear", three(row["kappa_linear"])
    yield "AC1", three(row["ac1"])
    yield "percent agreement", three(row["percent_agreement"])
    for name in ("observer_a", "observer_b"):
        again = _category_row(f"same:{name}")
        if again and again["kappa"]["value"] is not None:
            yield f"kappa, {name} with re-reads", three(again["kappa"])
    page = lead_monitoring.monitoring_page()
    yield "adjudication rate", three(page["adjudication_rate"])
    for reader in page["disagreement"]:
        yield f"disagreement index, {reader['reader']}", three(reader["index"])
    if page["tie_breaker"]["changed"]["n"]:
        yield "tie-breaker bias, changed", three(page["tie_breaker"]["changed"])
        yield "tie-breaker bias, shift", three(page["tie_breaker"]["shift"])


def _category_row(comparison: str) -> dict[str, Any] | None:
    page = lead_agreement.agreement_page(comparison)
    rows = page["by"] if page else []
    return next((row for row in rows if (row["scan"], row["finding"]) == ("all", "category")), None)


def _errors(truth: Truth) -> dict[str, float]:
    wrong: dict[str, list[bool]] = {}

    def note(name: str, patient: str, scan: str, category: str) -> None:
        wrong.setdefault(name, []).append(category != rubric.classify(truth[patient][scan]))

    reads = Reading.objects.filter(state="signed", assignment__kind="read").values_list(
        "assignment__reader__username", "assignment__case__patient__pseudonym", "categories"
    )
    for name, patient, categories in reads:
        for scan, category in categories.items():
            note(name, patient, scan, category)
    for label in FinalLabel.objects.select_related("scan__case__patient"):
        note("final label", label.scan.case.patient.pseudonym, label.scan.key, label.category)
    return {name: monitoring.rate(sum(found), len(found)).value for name, found in sorted(wrong.items())}


def make_readers() -> dict[str, User]:
    roles = (
        ("observer_a", Role.OBSERVER),
        ("observer_b", Role.OBSERVER),
        ("neurosurgeon", Role.ADJUDICATOR),
    )
    return {name: User.objects.create_user(name, role=role) for name, role in roles}
