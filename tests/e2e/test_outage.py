"""An outage in the middle of scoring: no network for half a minute, a killed server, a killed tab."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.e2e import small_study
from tests.e2e.hands import by_keys
from tests.e2e.pages import Person, wait_until
from tests.e2e.room import case_of, cell, codes, is_saved, opens, save_state, signed_in, value
from tests.e2e.small_study import Study

OUTAGE = 30.0


@pytest.fixture
def reader(browser: Browser, plain: Study) -> Iterator[Person]:
    yield from signed_in(browser, plain.url, "observer_a", small_study.PASSWORD)


def test_lost_network_killed_tab_and_restarted_server_lose_nothing(reader: Person, plain: Study) -> None:
    page, context = reader.page, reader.page.context
    page.clock.install()
    code = codes(reader)[0]
    opens(reader, code)
    cell(page, "Baseline: C0–C1 left").focus()
    page.keyboard.press("1")
    is_saved(page)
    context.set_offline(True)
    page.keyboard.press("0")
    cell(page, "Follow-up: Pannus").focus()
    page.keyboard.press("2")
    by_keys(page, "d", 2)
    page.get_by_test_id("measurement").wait_for()
    page.keyboard.press("Escape")
    wait_until(lambda: save_state(page) == "offline", "the page to say that it is offline")
    page.clock.run_for(30_000)  # it tries again, and goes on keeping
    assert save_state(page) in ("offline", "saving")
    plain.stop()
    page.close(run_before_unload=False)  # killed: no unload handler runs
    plain.start()
    context.set_offline(False)

    reader.page = again = context.new_page()
    opens(reader, code)
    assert value(again, "Baseline: C0–C1 left") == "0"
    assert value(again, "Follow-up: Pannus") == "2"
    own = case_of(reader, code)["reading"]
    assert own["content"]["baseline"]["grades"]["facet_c0c1_left"] == 0
    assert own["content"]["follow_up"]["grades"]["pannus"] == 2
    assert [one["kind"] for one in own["measurements"]] == ["atlantodental"]


def test_half_a_minute_without_network_and_a_killed_server_are_made_up_for_in_the_same_tab(
    reader: Person, plain: Study
) -> None:
    page, context = reader.page, reader.page.context
    code = codes(reader)[1]
    opens(reader, code)
    cell(page, "Baseline: C1–C2 left").focus()
    page.keyboard.press("1")
    is_saved(page)
    context.set_offline(True)
    began = time.monotonic()
    page.keyboard.press("0")
    wait_until(lambda: save_state(page) == "offline", "the page to say that it is offline")
    plain.kill()
    cell(page, "Follow-up: Dens erosion").focus()
    page.keyboard.press("2")
    page.keyboard.press("c")
    page.keyboard.type("written while nothing answered")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")  # the images are in the page
    plain.start()
    while time.monotonic() - began < OUTAGE:
        page.wait_for_timeout(500)
        assert save_state(page) in ("offline", "saving")
    context.set_offline(False)
    is_saved(page)  # by itself: nobody reloads, nobody presses a button
    own = case_of(reader, code)["reading"]
    assert own["content"]["baseline"]["grades"]["facet_c1c2_left"] == 0
    assert own["content"]["follow_up"]["grades"]["dens_erosion"] == 2
    assert own["content"]["follow_up"]["comments"]["dens_erosion"] == "written while nothing answered"
    assert not page.get_by_role("dialog").is_visible()
