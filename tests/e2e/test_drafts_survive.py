"""Nothing entered is lost: the network goes, the tab is killed, two tabs edit one case."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from config import demo
from tests.e2e.demo_site import Site
from tests.e2e.hands import dialog_violations
from tests.e2e.pages import Person, lose_one_answer, sign_in, sign_in_again, wait_until
from tests.e2e.room import cell, is_saved, save_state, value


@pytest.fixture
def reader(browser: Browser, site: Site) -> Iterator[Person]:
    person = sign_in(browser, site.url, "observer_a", demo.PASSWORD)
    person.opens_next_case()
    yield person
    person.page.context.close()


def give(page: Page, finding: str, key: str) -> None:
    cell(page, finding).focus()
    page.keyboard.press(key)


def test_a_lost_network_and_a_killed_tab_lose_nothing(reader: Person) -> None:
    page, context = reader.page, reader.page.context
    address = page.url
    give(page, "Baseline: Pannus", "1")
    is_saved(page)
    context.set_offline(True)
    give(page, "Baseline: Pannus", "2")
    give(page, "Follow-up: Dens erosion", "1")
    wait_until(lambda: save_state(page) == "offline", "the page to say that it is offline")
    assert page.get_by_text("Offline – kept in this browser").is_visible()
    page.keyboard.press("c")
    page.keyboard.type("behind the dens")
    page.close(run_before_unload=False)  # killed: no unload handler runs

    context.set_offline(False)
    reader.page = again = context.new_page()
    again.goto(address)
    reader.case_is_readable()
    assert value(again, "Baseline: Pannus") == "2"
    assert value(again, "Follow-up: Dens erosion") == "1"
    is_saved(again)
    kept = again.request.get(f"{reader.url}api/reading/cases/{address.rsplit('/', 1)[-1]}/").json()["reading"]
    assert kept["content"]["baseline"]["grades"]["pannus"] == 2
    assert kept["content"]["follow_up"]["comments"]["dens_erosion"] == "behind the dens"


def test_two_tabs_choose_and_neither_draft_is_lost(reader: Person) -> None:
    page = reader.page
    is_saved(page)
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_role("radiogroup", name="Baseline: Pannus", exact=True).wait_for()
    give(page, "Baseline: Pannus", "1")
    is_saved(page)
    give(other, "Baseline: Pannus", "0")
    dialog = other.get_by_role("dialog", name="Two drafts of this case")
    assert (found := dialog_violations(other)) == [], found
    dialog.wait_for()
    assert dialog.get_by_text("Baseline, Pannus: None here, Doubtful there").is_visible()
    dialog.get_by_role("button", name="Keep what is on this page").click()
    is_saved(other)
    assert value(other, "Baseline: Pannus") == "0"
    code = page.url.rsplit("/", 1)[-1]
    kept = page.request.get(f"{reader.url}api/reading/cases/{code}/").json()["reading"]
    assert kept["content"]["baseline"]["grades"]["pannus"] == 0


def test_a_lost_answer_is_no_conflict(reader: Person) -> None:
    page = reader.page
    lost = lose_one_answer(page, "**/draft/")
    give(page, "Baseline: Dens erosion", "1" if value(page, "Baseline: Dens erosion") != "1" else "0")
    wait_until(lambda: save_state(page) == "offline", "the page to miss the answer")
    assert page.get_by_test_id("save-reason").is_visible()
    page.get_by_role("button", name="Try again").click()
    is_saved(page)
    assert lost == [200]
    assert not page.get_by_role("dialog").is_visible()


def test_two_tabs_are_put_together_and_a_choice_can_be_taken_back(reader: Person) -> None:
    page = reader.page
    give(page, "Baseline: Pannus", "1")
    give(page, "Follow-up: Pannus", "1")
    is_saved(page)
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_role("radiogroup", name="Baseline: Pannus", exact=True).wait_for()
    give(page, "Follow-up: Pannus", "2")
    is_saved(page)
    give(other, "Baseline: Pannus", "2")
    is_saved(other)
    assert value(other, "Follow-up: Pannus") == "2"
    give(page, "Baseline: Pannus", "0")
    page.get_by_role("button", name="Use the other draft").click()
    is_saved(page)
    assert (value(page, "Baseline: Pannus"), value(page, "Follow-up: Pannus")) == ("2", "2")
    page.get_by_role("button", name="Other draft", exact=True).click()
    page.get_by_role("menuitem", name="Take the other draft back").click()
    wait_until(lambda: value(page, "Baseline: Pannus") == "0", "the other draft")
    is_saved(page)


def test_signing_out_asks_about_what_is_not_sent(reader: Person) -> None:
    page = reader.page
    page.route("**/draft/", lambda route: route.abort())
    given = "1" if value(page, "Baseline: Pannus") != "1" else "0"
    give(page, "Baseline: Pannus", given)
    wait_until(lambda: save_state(page) == "offline", "the page to say that it is offline")
    code = page.url.rsplit("/", 1)[-1]
    page.get_by_role("link", name="Worklist").click()
    page.get_by_test_id(f"case-{code}").get_by_test_id("unsent").wait_for()

    def signs_out() -> None:
        page.get_by_role("button", name="observer_a").click()
        page.get_by_role("menuitem", name="Sign out").click()

    signs_out()
    dialog = page.get_by_role("dialog", name="Not everything is on the server")
    dialog.get_by_text(code).wait_for()
    dialog.get_by_role("button", name="Stay signed in").click()

    # Nobody is signed out while the server has not said so.
    page.route("**/auth/logout/", lambda route: route.abort())
    signs_out()
    dialog.get_by_role("button", name="Keep them here and sign out").click()
    failed = page.get_by_role("dialog", name="You are still signed in")
    failed.get_by_role("alert").wait_for()
    page.unroute("**/auth/logout/")
    failed.get_by_role("button", name="Sign out again").click()
    dialog.get_by_role("button", name="Keep them here and sign out").click()
    page.get_by_label("User name").wait_for()

    # What was kept is there at the next sign-in, and arrives.
    page.unroute("**/draft/")
    sign_in_again(page, "observer_a", demo.PASSWORD)
    page.get_by_test_id(f"case-{code}").get_by_test_id("unsent").wait_for()
    reader.goes_to(f"/read/{code}")
    reader.case_is_readable()
    assert value(page, "Baseline: Pannus") == given
    is_saved(page)
    page.get_by_role("link", name="Worklist").click()
    page.get_by_test_id(f"case-{code}").wait_for()
    assert page.get_by_test_id("unsent").count() == 0
    signs_out()
    page.get_by_label("User name").wait_for()
