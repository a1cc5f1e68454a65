"""A pull as tests make and work on it, line by line."""

from __future__ import annotations

from cohort import pulls
from cohort.models import Pull, PullItem


def start(text: str = "patient_id,accession\nP1,P1-E1\n") -> Pull:
    return pulls.create(node="hospital", content=text.encode(), by=None)


def work(pull: Pull) -> PullItem:
    assert pulls.work_on(pull.pk)
    return pull.items.order_by("line")[0]


def everything(pull: Pull) -> None:
    while pulls.work_on(pull.pk):
        pass
