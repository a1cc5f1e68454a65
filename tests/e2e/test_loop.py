"""The whole path, by mouse and keyboard: two reads, no consensus, adjudication, freezing, training, maps."""

from __future__ import annotations

import re

import numpy as np
from playwright.sync_api import Browser, Locator

from config import demo
from tests.e2e.demo_site import Site
from tests.e2e.pages import CLEAN, PANNUS, Person, grey, picture, sign_in, wait_until

TRAINING_TIMEOUT = 600


def reads_everything(person: Person, follow_ups: list[list[str]]) -> list[str]:
    """Read all open cases, the n-th with the n-th follow-up (then clean); returns the codes."""
    codes = [person.opens_next_case()]
    while True:
        follow_up = follow_ups[len(codes) - 1] if len(codes) <= len(follow_ups) else CLEAN
        person.grades(CLEAN, follow_up)
        person.signs()
        dialog = person.page.get_by_role("dialog")
        onward = dialog.get_by_role("button", name="Next case")
        if not onward.is_visible():
            dialog.get_by_role("button", name="Back to the worklist").click()
            person.page.get_by_text("cases signed").wait_for()
            return codes
        onward.click()
        wait_until(lambda: not person.page.url.endswith(codes[-1]), "the next case")
        codes.append(person.case_is_readable())


def open_consensus(person: Person) -> list[str]:
    person.goes_to("/")
    person.page.get_by_text("cases signed").wait_for()
    links = person.page.get_by_role("link", name=re.compile("^Open consensus "))
    return [str(link.get_attribute("href")) for link in links.all()]


def declines(person: Person, path: str) -> None:
    person.goes_to(path)
    for key in ("baseline", "follow_up"):
        person.image_is_drawn(key)
    person.page.get_by_role("button", name="No consensus").click()
    dialog = person.page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Password").fill(person.password)
    dialog.get_by_role("button", name="Declare no consensus").click()
    dialog.wait_for(state="hidden")


def coloured(element: Locator) -> float:
    """Share of the element's pixels that are not grey."""
    return 1 - float(grey(picture(element)).mean())


def test_from_two_reads_to_a_saliency_map(browser: Browser, site: Site) -> None:
    def enter(username: str) -> Person:
        return sign_in(browser, site.url, username, demo.PASSWORD)

    # Two observers read; B sees a pannus where A sees none.
    observer_a, observer_b = enter("observer_a"), enter("observer_b")
    assert observer_a.page.get_by_text("Cohort").count() == 0, "an observer is offered the lead's pages"
    read_by_a = reads_everything(observer_a, [])
    assert len(read_by_a) == demo.OPEN_PATIENTS
    read_by_b = reads_everything(observer_b, [PANNUS])
    assert len(read_by_b) == demo.OPEN_PATIENTS - demo.DISAGREEING
    assert not set(read_by_a) & set(read_by_b), "two readers know a case by one code"

    # They meet and do not agree.
    sessions = open_consensus(observer_a)
    assert sessions, "no discrepancy was found"
    assert sorted(sessions) == sorted(open_consensus(observer_b))
    declines(observer_a, sessions[0])
    assert sessions[0] not in open_consensus(observer_b)

    # The neurosurgeon settles it with an empty form.
    # The queue may hold a sham as well; it looks the same, so all of it is read.
    neurosurgeon = enter("neurosurgeon")
    neurosurgeon.opens_next_case()
    chosen = neurosurgeon.page.get_by_role("radio", checked=True).all()
    names = [str(radio.get_attribute("aria-label")) for radio in chosen]
    # "No reason to exclude" stands for every reader from the start.
    assert all("Reason to exclude: None" in name for name in names), f"not an empty form: {names}"
    assert reads_everything(neurosurgeon, [PANNUS] * demo.OPEN_PATIENTS)

    # The lead freezes; the run starts by itself.
    lead = enter("lead")
    lead.goes_to("/labels")
    lead.page.get_by_role("button", name="Freeze labels").click()
    lead.page.get_by_role("dialog").get_by_role("button", name="Freeze and train").click()
    lead.page.wait_for_url(re.compile(r"/runs/\d+$"))
    run_url = lead.page.url
    badge = lead.page.locator("main").get_by_text(re.compile("^(Succeeded|Failed)$")).first
    wait_until(badge.is_visible, "the run to end", TRAINING_TIMEOUT)
    assert badge.text_content() == "Succeeded"

    # Its page draws a ROC curve, in colour, over the chance diagonal.
    roc = lead.page.locator("svg.recharts-surface").first
    roc.wait_for()
    roc.scroll_into_view_if_needed()
    wait_until(lambda: coloured(roc) > 0.002, "the ROC curve")
    sensitivity = lead.page.get_by_role("table").get_by_text("Sensitivity")
    wait_until(lambda: sensitivity.count() >= 1, "the figures")

    # From a test patient to the pixels: the map colours the image, and the switch takes it away.
    lead.page.locator("a[href*='/patients/']").first.click()
    lead.page.wait_for_url(re.compile(r"/runs/\d+/patients/\w+$"))
    lead.image_is_drawn("baseline")
    viewport = lead.page.get_by_test_id("viewport-baseline")
    wait_until(lambda: viewport.get_attribute("data-overlay") == "shown", "the saliency map")
    wait_until(lambda: coloured(viewport) > 0.05, "saliency colours on the image")
    with_map = picture(viewport)
    by_slice = lead.page.get_by_role("table", name="Attribution by slice").get_by_role("row")
    wait_until(lambda: by_slice.count() == 6, "one row for each input plane")
    lead.page.get_by_role("switch", name="Show the saliency map").click()
    wait_until(lambda: viewport.get_attribute("data-overlay") == "none", "the map to go")
    wait_until(lambda: coloured(viewport) < 0.03, "the colours to go with the map")
    without = picture(viewport)
    assert np.abs(with_map.astype(int) - without).mean() > 1
    # One small run may pass its trust tests or fail them: the page says which.
    patient = lead.page.request.get(lead.page.url.replace("/runs/", "/api/runs/") + "/").json()
    warning = lead.page.get_by_text("Not validated for localisation")
    wait_until(
        lambda: warning.is_visible() is not patient["saliency"]["validated"],
        "what the trust tests said",
    )

    # A reader finds none of this.
    observer_a.page.goto(run_url)
    observer_a.page.get_by_text("Nothing here").wait_for()
