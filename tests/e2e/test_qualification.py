"""A reader whom the charter locks out passes the qualification, and the lead sees how."""

from __future__ import annotations

import re

from playwright.sync_api import Browser

from annotation.rubric import FINDINGS
from tests.e2e import small_study
from tests.e2e.pages import sign_in, wait_until


def keys_of(truth: dict[str, int]) -> list[str]:
    """The keys of these grades, of an adequate scan without a reason to exclude."""
    return [*(str(truth[finding.key]) for finding in FINDINGS), "1", "0"]


def test_a_locked_reader_passes_and_is_let_in(browser: Browser, study: small_study.Study) -> None:
    reader = sign_in(browser, study.url, "observer_c", small_study.PASSWORD)
    page = reader.page
    page.get_by_text("Qualification first").wait_for()
    assert page.get_by_test_id("progress").count() == 0
    page.get_by_role("link", name="Go to the qualification cases").click()
    page.get_by_role("button", name="Start an attempt").click()
    page.get_by_role("dialog").get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**/training/*")
    for number in range(1, small_study.TEST_CASES + 1):
        code = reader.case_is_readable()
        assert page.get_by_role("radio", checked=True).count() <= 2, "an empty form"
        truth = study.truth(code)
        if number == 1:  # one slip is not the end
            truth["baseline"]["pannus"] = (truth["baseline"]["pannus"] + 1) % 3
        reader.grades(keys_of(truth["baseline"]), keys_of(truth["follow_up"]))
        reader.signs()
        page.keyboard.press("Enter")  # show the truth
        page.get_by_text(f"{13 if number == 1 else 14} of 14 findings graded as the truth").wait_for()
        if number == 2:  # one may stop, and go on later
            reader.goes_to("/training")
            page.get_by_text(re.compile(r"; 2 of 6 signed$")).wait_for()
            page.get_by_role("link", name="Go on").click()
        elif number < small_study.TEST_CASES:
            page.get_by_role("button", name="Next case").click()
        wait_until(lambda: number == small_study.TEST_CASES or code not in page.url, "the next case")  # noqa: B023
    page.get_by_role("button", name="Training").click()
    page.get_by_text("You have passed the qualification").wait_for()
    results = page.get_by_role("table", name=re.compile("^Results of attempt"))
    pannus = results.get_by_role("row").filter(has=page.get_by_role("cell", name="Pannus", exact=True))
    assert re.search(r"11 of 12.*reached", pannus.inner_text().replace("\n", " ").replace("\t", " "))
    assert results.get_by_text("not reached").count() == 0
    reader.goes_to("/")
    page.get_by_text("No cases are assigned to you yet").wait_for()
    assert page.get_by_text("Qualification first").count() == 0
    page.context.close()

    lead = sign_in(browser, study.url, "lead", small_study.PASSWORD)
    lead.goes_to("/qualification")
    attempt = lead.page.get_by_role("region", name=re.compile("of observer_c$"))
    attempt.get_by_text("Passed", exact=True).wait_for()
    assert attempt.get_by_text("11 of 12").count() == 1
    lead.page.context.close()
