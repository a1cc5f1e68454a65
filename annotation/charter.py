"""The study's settings: a typed, hashed record that is frozen when reading starts.

A change is a new version with a reason. Cases keep the version they were opened under, so a change
never reaches back into reads that are already planned.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from annotation import audit, rubric
from annotation.canonical import sha256
from annotation.models import Charter
from cohort import flow
from cohort.phantom import exercise
from config.accounts.models import User
from config.exceptions import RuleViolation

_CHOICES = {
    "read_design": ("paired", "independent"),
    "discrepancy_rule": ("category", "any_finding"),
    "intermediate_policy": ("negative", "exclude", "positive"),
}


#: Of a test on phantoms, one for each finding.
PASS_MARKS = ("pass_pannus", "pass_vertical_translocation", "pass_dens_erosion", "pass_facet_blossoming")
SHARES = ("reread_share", "sham_share", *PASS_MARKS)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a charter fixes; the defaults are the paper's where the paper says, else the method's.

    Raises
    ------
    ValueError
        Naming the setting, if a value is out of its range.
    """

    #: "paired": both scans side by side, named. "independent": one scan at a time, unnamed.
    read_design: str = "paired"
    #: Independent design: reads between one patient's two scans, at least.
    min_gap_reads: int = 20
    #: "category": a scan's two categories differ. "any_finding": any grade differs.
    discrepancy_rule: str = "category"
    #: Whether the two observers meet before the adjudicator is asked, as in the paper.
    consensus: bool = True
    #: Share of an observer's cases that come back to them under another code.
    reread_share: float = 0.1
    #: Other reads between a case and its return, at least. A list too short for that has no re-reads.
    washout_reads: int = 20
    #: Share of concordant cases mixed into the adjudicator's queue. With a fifth of cases discrepant,
    #: 0.1 makes about a third of the queue shams, for 8 reads more in 100 cases.
    sham_share: float = 0.1
    #: None: drawn when the charter is frozen.
    plan_seed: int | None = None
    sham_seed: int | None = None
    rubric_version: int = rubric.VERSION
    #: What an intermediate follow-up counts as; the paper's 33 of 220 implies "negative".
    intermediate_policy: str = "negative"
    #: Days between baseline and follow-up, at least; the paper says 3 years and filtered by 1000 days.
    min_interval_days: int = 1000
    #: Whether readers see their first case only after they have passed a test on phantoms.
    qualification_required: bool = False
    #: Cases of one attempt, in whole blocks of the phantoms' mix.
    qualification_cases: int = 12
    #: Share of a test's scans that a reader must grade exactly as the truth is, by finding; the four facet
    #: joints count together. 80 % is the usual least agreement (McHugh 2012).
    pass_pannus: float = 0.8
    pass_vertical_translocation: float = 0.8
    pass_dens_erosion: float = 0.8
    pass_facet_blossoming: float = 0.8

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}: {getattr(self, name)!r} is not one of {', '.join(allowed)}")
        for name in ("consensus", "qualification_required"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name}: {getattr(self, name)!r} is neither true nor false")
        for name in SHARES:
            share = getattr(self, name)
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
                raise ValueError(f"{name}: {share!r} is not a share between 0 and 1")
        for name in PASS_MARKS:
            if getattr(self, name) <= exercise.COMMONEST:
                raise ValueError(
                    f"{name}: {getattr(self, name)!r} is passed by giving the commonest grade every time;"
                    f" it must exceed {exercise.COMMONEST:.3f}"
                )
        cases = self.qualification_cases
        if type(cases) is not int or not 0 < cases <= 600 or cases % exercise.BLOCK:
            raise ValueError(
                f"qualification_cases: {cases!r} is not a multiple of {exercise.BLOCK} from"
                f" {exercise.BLOCK} to 600"
            )
        for name in ("plan_seed", "sham_seed"):
            seed = getattr(self, name)
            if seed is not None and (type(seed) is not int or not 0 <= seed < 2**53):
                raise ValueError(f"{name}: {seed!r} is not a whole number from 0 to 2^53")
        for name, least in (("min_gap_reads", 0), ("washout_reads", 1), ("min_interval_days", 1)):
            value = getattr(self, name)
            if type(value) is not int or not least <= value < 2**31:
                raise ValueError(f"{name}: {value!r} is not a whole number from {least}")
        if self.rubric_version != rubric.VERSION:
            raise ValueError(f"rubric_version: {self.rubric_version!r}; this server has {rubric.VERSION}")

    @classmethod
    def of(cls, mapping: Mapping[str, Any]) -> Terms:
        """Terms of a mapping that may name only some; unknown names are errors."""
        unknown = sorted(set(mapping) - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise ValueError(f"{unknown[0]}: unknown setting")
        return cls(**mapping)

    def as_dict(self) -> dict[str, Any]:
        # 1 and 1.0 are equal settings and different JSON.
        shares = {name: float(getattr(self, name)) for name in SHARES}
        return {**dataclasses.asdict(self), **shares}

    def hash(self) -> str:
        """sha256 of the canonical JSON of all settings, defaults included."""
        return sha256(self.as_dict())

    def with_seeds(self) -> Terms:
        return dataclasses.replace(
            self,
            plan_seed=secrets.randbits(48) if self.plan_seed is None else self.plan_seed,
            sham_seed=secrets.randbits(48) if self.sham_seed is None else self.sham_seed,
        )


def current() -> Charter | None:
    """The newest version, or None before reading starts."""
    return Charter.objects.order_by("-version").first()


def terms_of(charter: Charter) -> Terms:
    return Terms.of(charter.terms)


def is_intact(charter: Charter) -> bool:
    """Whether the stored terms are the ones that were hashed; a later release may know more settings."""
    try:
        terms_of(charter)
    except (TypeError, ValueError):
        return False
    return sha256(charter.terms) == charter.hash


def freeze(*, by: User | None, changes: Mapping[str, Any] | None = None, reason: str = "") -> Charter:
    """Freeze the next version: the last one (else the defaults) with ``changes``.

    Raises
    ------
    RuleViolation
        If a setting is unknown or out of range, if nothing changes, or if a change has no reason.
    """
    with transaction.atomic():
        audit.hold(audit.Lock.PLAN)  # one version at a time
        last = current()
        try:
            terms = Terms.of({**(last.terms if last else {}), **(changes or {})}).with_seeds()
        except (TypeError, ValueError) as error:
            raise RuleViolation(str(error), code="bad_terms") from error
        # By value: a version of an earlier release lacks the settings that it did not know.
        if last and terms == Terms.of(last.terms):
            raise RuleViolation(f"Nothing differs from version {last.version}.", code="no_change")
        if last and not reason.strip():
            raise RuleViolation("A change of the charter needs a reason.", code="reason_missing")
        if last and terms.read_design != last.terms["read_design"]:
            raise RuleViolation(
                "The read design cannot change once reading has started: the cases already read would"
                " not compare with the new ones.",
                code="design_is_fixed",
            )
        charter = Charter.objects.create(
            version=last.version + 1 if last else 1,
            terms=terms.as_dict(),
            hash=terms.hash(),
            reason=reason.strip(),
            frozen_by=by,
            frozen_at=timezone.now(),
        )
        audit.record("freeze_charter", charter, by=by, version=charter.version, terms=charter.hash)
        if terms.min_interval_days != flow.current_interval():
            # In the same transaction: a charter that names one interval beside a flow that used
            # another would be a contradiction on record.
            flow.refresh(min_interval_days=terms.min_interval_days)
    return charter
