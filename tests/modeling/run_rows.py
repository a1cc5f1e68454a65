"""A run's row as tests move it: claimed, silent, aged, published."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from modeling import runs
from modeling.models import Prediction, Run
from modeling.results import Result
from modeling.runs import Claim


def claimed(run: Run) -> Claim:
    claim = runs.claim(run.pk)
    assert claim is not None
    return claim


def silence(run: Run) -> None:
    """The worker of this run reports no more, and its lease is over."""
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def age(run: Run, **fields: timedelta) -> None:
    Run.objects.filter(pk=run.pk).update(**{name: timezone.now() - past for name, past in fields.items()})


def fresh(run: Run) -> Run:
    run.refresh_from_db()
    return run


def result_of(run: Run) -> Result:
    content = {"environment": {"code_version": "abc123"}, "metrics": {"auc": None}}
    row = Prediction(
        run_id=run.pk, patient="p00", split="test", outcome=0, logit=-1.0, score=0.27, threshold=0.5
    )
    return Result(content, [row])


def publish(claim: Claim, run: Run) -> None:
    runs.publish(claim, path=f"{run.pk}/attempt-{claim.fence}", result=result_of(run))
