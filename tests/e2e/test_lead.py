"""The lead's day: a charter checked, the trail verified, plots drawn, a label traced to who saw what."""

from __future__ import annotations

from playwright.sync_api import Browser

from config.demo import PASSWORD
from tests.e2e.demo_site import Site
from tests.e2e.pages import Person, sign_in, wait_until


def test_progress_is_drawn_and_downloaded(lead: Person) -> None:
    lead.goes_to("progress")
    page = lead.page
    page.get_by_role("img", name="Disagreement index").wait_for()
    page.get_by_role("img", name="median").wait_for()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download agreement as CSV").click()
    text = waiting.value.path().read_text()
    assert text.startswith("comparison,scan,finding,n,percent_agreement")


def test_a_charter_is_drafted_and_checked(lead: Person) -> None:
    lead.goes_to("charter")
    page = lead.page
    page.get_by_role("textbox", name="Control share").fill("0")
    page.get_by_text("Without controls the neurosurgeon knows").wait_for()
    page.get_by_role("button", name="Freeze version 2").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("table", name="What changes").wait_for()
    assert dialog.get_by_role("button", name="Freeze").is_disabled(), "a change needs a reason"
    page.keyboard.press("Escape")
    page.reload()
    share = page.get_by_role("textbox", name="Control share")
    wait_until(lambda: share.input_value() == "0 %", "the draft that was kept")
    page.get_by_role("button", name="Discard changes").click()


def test_the_trail_is_searched_and_verified(lead: Person) -> None:
    lead.goes_to("audit")
    page = lead.page
    page.get_by_role("button", name="Verify now").click()
    page.get_by_text("Newest hash", exact=True).wait_for()
    page.get_by_label("Act", exact=True).first.click()
    page.get_by_role("option", name="freeze_charter").click()
    page.get_by_role("cell", name="freeze_charter").wait_for()
    page.get_by_text("1–1 of 1").or_(page.get_by_text("1-1 of 1")).wait_for()


def test_a_label_says_who_could_see_what(lead: Person) -> None:
    lead.goes_to("labels")
    page = lead.page
    page.get_by_role("button", name="reads behind the").first.click()
    attestation = page.get_by_role("region", name="Attestation")
    attestation.get_by_text("No record speaks against the blinding").wait_for()
    attestation.get_by_text("Every signature still fits").wait_for()


def test_nothing_of_a_case_stays_in_the_browser(browser: Browser, site: Site) -> None:
    """Storage, page and caches after leaving a case and after signing out."""
    reader = sign_in(browser, site.url, "observer_a", PASSWORD)
    page = reader.page
    code = reader.opens_next_case()
    uid = page.request.get(f"{site.url}api/reading/cases/{code}/").json()["scans"][0]["series_uid"]
    reader.goes_to("/")
    page.get_by_role("link", name="Next case").or_(page.get_by_role("button", name="Next case")).wait_for()
    left = page.evaluate(
        "() => JSON.stringify([{...localStorage}, {...sessionStorage}]) + document.documentElement.outerHTML"
    )
    assert uid not in left
    page.get_by_role("button", name="observer_a").click()
    page.get_by_role("menuitem", name="Sign out").click()
    page.get_by_label("User name").wait_for()
    stored, caches, html = page.evaluate(
        "async () => [JSON.stringify([{...localStorage}, {...sessionStorage}]), await caches.keys(),"
        " document.documentElement.outerHTML]"
    )
    assert caches == []
    assert "odontoid:draft" not in stored
    for secret in (uid, code):
        assert secret not in stored
        assert secret not in html
    assert page.request.get(f"{site.url}api/reading/cases/{code}/").status == 403
    page.context.close()
