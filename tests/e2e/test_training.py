"""A reader's training case: read in the ordinary room, signed, and then the truth beside the grades."""

from __future__ import annotations

import re

from playwright.sync_api import Browser

from config import demo
from tests.e2e.demo_site import Site
from tests.e2e.pages import CLEAN, PANNUS, Person, lose_one_answer, sign_in, wait_until


def training_case(reader: Person) -> None:
    """Open the first training case; a worker of a new demo may still be drawing it."""
    button = reader.page.get_by_role("button", name=re.compile(r": training case 1$"))

    def there() -> bool:
        reader.goes_to("/training")
        reader.page.get_by_role("heading", name="Training cases").wait_for()
        return button.count() == 1

    wait_until(there, "the phantoms to be drawn", 90)
    button.click()
    reader.page.wait_for_url("**/training/*")
    reader.case_is_readable()


def test_a_training_case_ends_with_the_truth(browser: Browser, site: Site) -> None:
    reader = sign_in(browser, site.url, "observer_b", demo.PASSWORD)
    page = reader.page
    standing = page.get_by_test_id("progress").inner_text()
    training_case(reader)
    page.get_by_text("Phantom, for training").wait_for()
    truth = page.get_by_role("table", name="Your grades and the truth")
    assert truth.count() == 0, "no truth before the signature"
    reader.grades(CLEAN, PANNUS)
    reader.signs()
    page.keyboard.press("Enter")  # show the truth
    truth.wait_for()
    assert truth.get_by_role("row").count() == 1 + 7 + 1
    score = page.get_by_text(re.compile(r"^\d+ of 14 findings graded as the truth$")).inner_text()
    right = truth.get_by_role("cell").filter(has_text="✓")
    categories = truth.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Category"))
    scored = right.count() - categories.get_by_role("cell").filter(has_text="✓").count()
    assert score.startswith(f"{scored} of "), score
    assert 0 < scored < 14
    wrong = truth.get_by_role("cell").filter(has_text=re.compile(r"truth: .* too (high|low)\)"))
    assert wrong.count() == 14 - scored

    page.get_by_role("button", name="Training").click()
    page.wait_for_url("**/training")
    page.get_by_role("link", name=f"{scored} of 14").wait_for()
    page.get_by_role("button", name="Read again: training case 1").click()
    page.wait_for_url("**/training/*")
    reader.case_is_readable()
    assert page.get_by_role("radio", checked=True).count() <= 2, "an empty form"
    reader.goes_to("/")
    assert page.get_by_test_id("progress").inner_text() == standing, "it counts for nothing"
    page.context.close()


def test_a_signature_whose_answer_was_lost_counts(browser: Browser, site: Site) -> None:
    reader = sign_in(browser, site.url, "observer_b", demo.PASSWORD)
    training_case(reader)
    reader.grades(CLEAN, CLEAN)
    lost = lose_one_answer(reader.page, "**/sign/")
    reader.page.keyboard.press("Enter")
    dialog = reader.page.get_by_role("dialog")
    password = dialog.get_by_role("textbox", name="Password")
    for says in ("cannot be reached", "is signed and can no longer be changed"):
        password.fill(reader.password)
        reader.page.keyboard.press("Enter")
        dialog.get_by_text(says).wait_for()
    assert lost == [200]
    reader.dialog_has_focus("BUTTON")
    reader.page.keyboard.press("Enter")
    reader.page.get_by_role("table", name="Your grades and the truth").wait_for()
    reader.page.context.close()
