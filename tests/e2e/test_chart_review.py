"""The lead at the flow and the chart-review queue: a box opens its patients; decisions by keyboard alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser

from config import demo
from tests.builders import write_export
from tests.e2e.demo_site import ROOT, Site
from tests.e2e.hands import violations
from tests.e2e.pages import Person, sign_in, wait_until


def test_a_box_of_the_flow_opens_its_patients(browser: Browser, site: Site) -> None:
    lead = sign_in(browser, site.url, "lead", demo.PASSWORD)
    page = lead.page
    lead.goes_to("/cohort")
    page.get_by_text(re.compile(r"Adds up: \d+ sums checked")).wait_for()
    reason = page.get_by_role("link", name=re.compile("^No code of rheumatoid arthritis"))
    count = re.search(r"n\s=\s(\d+)", reason.text_content() or "")
    assert count
    reason.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name=re.compile("No code of rheumatoid arthritis. Show all")).wait_for()
    rows = page.get_by_role("table", name="Patients").get_by_role("row")
    wait_until(lambda: rows.count() == 1 + int(count[1]), "the patients of the box")
    page.context.close()


def charts_wait(site: Site, folder: Path) -> None:
    """Two patients whom the rules keep, their charts unseen; without images, so no reader gets them."""
    if site.data_dir is None:
        return  # a site of somebody else: its own queue will do
    write_export(folder, ["Q1", "Q2"], site="Queue")
    (folder / "chart_review.csv").unlink()
    environment = {**os.environ, "ODONTOID_DATA_DIR": str(site.data_dir)}
    command = [sys.executable, "manage.py", "import_cohort", str(folder), "--phantom"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)


def waiting(lead: Person) -> int:
    text = lead.page.get_by_text(re.compile(r"of [\d,]+ decided")).inner_text()
    found = re.search(r"([\d,]+) waits?$", text)
    assert found, text
    return int(found[1].replace(",", ""))


def skips(lead: Person) -> None:
    heading = lead.page.get_by_role("heading", name=re.compile("^Patient "))
    now = heading.inner_text()
    lead.page.keyboard.press("s")
    wait_until(lambda: heading.inner_text() != now, "the next chart")


def test_charts_are_decided_and_undone_by_keyboard(browser: Browser, site: Site, tmp_path: Path) -> None:
    charts_wait(site, tmp_path)
    lead = sign_in(browser, site.url, "lead", demo.PASSWORD)
    page = lead.page
    lead.goes_to("/cohort/chart-review")
    heading = page.get_by_role("heading", name=re.compile("^Patient "))
    heading.wait_for()
    before, first = waiting(lead), heading.inner_text()

    for _ in range(before):  # past the last it goes round
        skips(lead)
    assert heading.inner_text() == first

    page.keyboard.press("2")
    assert page.get_by_role("radio", name="RA refuted on chart review").is_checked()
    page.keyboard.press("n")
    page.keyboard.type("1 letter: no synovitis")  # digits in a note are text
    page.keyboard.press("Enter")
    wait_until(lambda: waiting(lead) == before - 1, "the decision to be recorded")
    decided = page.get_by_role("listitem").filter(has_text="1 letter: no synovitis").first
    decided.get_by_text("RA refuted on chart review").wait_for()

    page.keyboard.press("u")
    wait_until(lambda: waiting(lead) == before, "the decision to be undone")
    wait_until(lambda: heading.inner_text() == first, "the chart to come back")
    page.get_by_text(re.compile("undone by lead")).first.wait_for()

    page.keyboard.press("6")  # "Other" wants a note
    assert page.get_by_role("button", name="Record the decision").is_disabled()
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    wait_until(lambda: waiting(lead) == before - 1, "the second decision")
    page.context.close()


def test_single_keys_can_be_kept_to_the_decision(browser: Browser, site: Site, tmp_path: Path) -> None:
    charts_wait(site, tmp_path)
    lead = sign_in(browser, site.url, "lead", demo.PASSWORD)
    page = lead.page
    lead.goes_to("/cohort/chart-review")
    page.get_by_role("heading", name=re.compile("^Patient ")).wait_for()
    assert page.title() == "Chart review – Cohort – Odontoid"
    page.get_by_role("switch", name=re.compile("^Letters, digits and signs")).click(force=True)
    assert (found := violations(page)) == [], found
    page.get_by_role("button", name="Skip").focus()
    page.keyboard.press("3")
    assert page.get_by_role("radio", checked=True).count() == 0
    page.get_by_role("radio").first.focus()
    page.keyboard.press("3")
    assert page.get_by_role("radio", name="No adequate follow-up").is_checked()
    page.context.close()
