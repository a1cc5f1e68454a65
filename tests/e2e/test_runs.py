"""Runs followed on their page: each fold as a job, and a trust report asked for afterwards."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.pages import Person

#: Two folds that a processor trains in seconds.
TINY = (
    "depth=18\nsize=32\nepochs=1\nfolds=2\nrepeats=1\ninner_folds=0\nthreshold_rule=train\n"
    "calibration=none\nsaliency=no\ntrust=none\nonnx=no"
)
#: The trainer starts a process for each job.
PATIENCE = 90_000


def test_each_fold_is_followed(lead: Person) -> None:
    lead.goes_to("runs")
    page = lead.page
    page.get_by_role("button", name="Launch a run").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Profile", exact=True).first.click()
    page.get_by_role("option", name="Recommended").click()
    form.get_by_label("Overrides").fill(TINY)
    form.get_by_role("button", name="Launch", exact=True).click()
    page.wait_for_url(re.compile(r"/runs/\d+$"))
    folds = page.get_by_role("table", name="Folds of the run")
    expect(folds.get_by_role("row")).to_have_count(3)
    for fold in ("Fold 1", "Fold 2"):
        row = folds.get_by_role("row").filter(has_text=fold)
        expect(row.get_by_text("Succeeded")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("2 of 2 done")).to_be_visible()
    folds.get_by_role("row").filter(has_text="Fold 2").get_by_role("button", name="show").click()
    expect(page.get_by_role("region", name="Log of r0-f1")).to_contain_text("== attempt 1")
    expect(page.get_by_text("AUC", exact=True).first).to_be_visible(timeout=PATIENCE)


def test_a_trust_report_is_made_from_the_page(lead: Person) -> None:
    lead.goes_to("runs/1/trust")
    page = lead.page
    page.get_by_role("button", name=re.compile("^Make the trust report")).click()
    status = page.get_by_role("status").filter(has_text="trust report")
    expect(status).to_contain_text(re.compile("waits for a trainer|being made"))
    expect(page.get_by_role("button", name="Make the trust report again")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("heading", name="Randomisation")).to_be_visible()
    expect(page.get_by_text("could not be made")).to_have_count(0)
