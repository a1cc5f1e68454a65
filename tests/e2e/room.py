"""The reading room as a test finds it: cases of the worklist, the draft that is kept, grades on the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser, Locator, Page

from tests.e2e.pages import Person, sign_in, wait_until


def signed_in(browser: Browser, url: str, username: str, password: str) -> Iterator[Person]:
    """What a fixture yields from: somebody's page, closed when the test is over."""
    person = sign_in(browser, url, username, password)
    yield person
    person.page.context.close()


def codes(person: Person) -> list[str]:
    """Of the cases on the person's worklist, in its order."""
    items = person.page.request.get(f"{person.url}api/reading/worklist/").json()["items"]
    return [item["code"] for item in items]


def code_of(person: Person) -> str:
    return person.page.url.rsplit("/", 1)[-1]


def case_of(person: Person, code: str) -> dict[str, Any]:
    """The case as the server gives it."""
    return dict(person.page.request.get(f"{person.url}api/reading/cases/{code}/").json())


def opens(person: Person, code: str) -> None:
    person.goes_to(f"/read/{code}")
    person.case_is_readable()
    is_saved(person.page)


def save_state(page: Page) -> str | None:
    return page.get_by_test_id("save-state").get_attribute("data-status")


def is_saved(page: Page) -> None:
    wait_until(lambda: save_state(page) == "saved", "the draft to be saved", 40)


def cell(page: Page, name: str) -> Locator:
    """A finding's grades on one scan, "Baseline: Pannus"."""
    return page.get_by_role("radiogroup", name=name, exact=True)


def value(page: Page, name: str) -> str | None:
    return cell(page, name).get_attribute("data-value")
