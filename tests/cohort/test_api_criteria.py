"""GET /api/cohort/criteria/"""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from cohort import flow

pytestmark = pytest.mark.django_db
URL = "/api/cohort/criteria/"


def test_it_shows_what_the_flow_asks_for_now(as_lead: APIClient, included: Any) -> None:
    before = as_lead.get(URL).json()
    assert (before["min_interval_days"], before["intervals"]) == (1000, [])
    assert before["codes"][0] == {"system": "ICD9", "alone": [], "with_deeper": ["714.0", "714.2"]}
    included("P1")
    flow.refresh(min_interval_days=900)
    after = as_lead.get(URL).json()
    assert (after["min_interval_days"], after["paper_interval_days"]) == (900, 1000)
    assert [one["min_interval_days"] for one in after["intervals"]] == [900]
    assert after["recognised"] == {"sagittal t2": 2, "sagittal T2 cervical": 2}
