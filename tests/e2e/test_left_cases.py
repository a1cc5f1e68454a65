"""A case that was left leaves nothing in the page: a reader's day is one page."""

from __future__ import annotations

import re

from playwright.sync_api import Browser

from config import demo
from tests.e2e import memory
from tests.e2e.demo_site import Site
from tests.e2e.pages import sign_in, wait_until


def test_a_case_that_was_left_leaves_nothing(browser: Browser, site: Site) -> None:
    reader = sign_in(browser, site.url, "observer_b", demo.PASSWORD)
    page = reader.page
    links = page.get_by_role("link", name=re.compile("^Read case "))

    def reads(index: int) -> None:
        links.nth(index).click()
        reader.case_is_readable()
        wait_until(lambda: memory.kept(devtools).canvases > frames_of_one, "the next case to be loaded ahead")
        page.get_by_role("link", name="Worklist").click()
        links.first.wait_for()

    devtools = page.context.new_cdp_session(page)
    frames_of_one = 17  # the tallest phantom's stack; a case has two
    links.first.wait_for()
    cases = min(2, links.count() - 1)

    def nothing_is_decoded() -> memory.Kept:
        """What was on its way when the case was left arrives, and goes."""
        found: list[memory.Kept] = []

        def nothing() -> bool:
            found.append(memory.kept(devtools))
            return found[-1].canvases == 0

        wait_until(nothing, "the decoded frames of the cases that were left to go")
        return found[-1]

    reads(0)  # loads the code, which stays
    before = nothing_is_decoded()
    for number in range(3):
        reads(number % cases)
    after = nothing_is_decoded()
    assert after.nodes <= before.nodes + 5
    assert after.listeners <= before.listeners + 2
    page.context.close()
