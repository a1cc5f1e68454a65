"""One scan at a time: unnamed, one of them twice, a dispute settled, and all of it as files."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pydicom
import pytest
from playwright.sync_api import Browser, Page
from pydicom.uid import Comprehensive3DSRStorage

from tests.e2e import demo_site, small_study
from tests.e2e.pages import CLEAN, PANNUS, Person, picture, sign_in, wait_until
from tests.e2e.small_study import SECOND_SLICES, SLICES, Study

#: Scans of two patients, and one of the four a second time.
CASES = 5
NAMES = re.compile("baseline|follow.?up", re.IGNORECASE)


@pytest.fixture(scope="module")
def singles(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    with small_study.running(tmp_path_factory.mktemp("singles"), "independent") as here:
        yield here


def said(page: Page) -> str:
    """Everything the page says to the eye and to a screen reader."""
    labels = "[...document.querySelectorAll('*')].flatMap((e) => [e.ariaLabel, e.title])"
    return " ".join(filter(None, page.evaluate(f"[document.title, document.body.innerText, ...{labels}]")))


def reads_the_keys(page: Page) -> None:
    """The sheet names no scan, and no key that wants two."""
    page.keyboard.press("?")
    page.get_by_role("dialog").get_by_text("Grade the finding").wait_for()
    assert not NAMES.search(said(page)), "the sheet of keys says which scan it is"
    assert "both" not in page.get_by_role("dialog").inner_text()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")


def image(person: Person) -> np.ndarray:
    """What is drawn of the scan, below the buttons of its series."""
    person.page_is_there()
    person.image_is_drawn("scan")
    return picture(person.page.get_by_test_id("viewport-scan").locator("canvas").first)[40:].astype(int)


def reads_all(person: Person, of_two_series: list[str]) -> dict[str, str]:
    """Grade every scan clean, except the one with a second series; code → image as drawn."""
    page = person.page
    seen: dict[str, str] = {}
    person.goes_to("/")
    page.get_by_role("link", name="Next case").click()
    page.wait_for_url("**/read/*")
    while True:
        drawn = image(person)
        code = page.url.rsplit("/", 1)[-1]
        assert page.locator("[data-testid^=viewport-]").count() == 1
        assert not NAMES.search(said(page)), "the page says which scan it is"
        if not seen:
            reads_the_keys(page)
        chosen = page.get_by_role("radio", checked=True).all()
        names = [str(radio.get_attribute("aria-label")) for radio in chosen]
        assert all("Reason to exclude: None" in name for name in names), f"not an empty form: {names}"
        seen[code] = drawn.tobytes().hex()
        two_series = page.get_by_role("group", name="Series of Scan").count() == 1
        for key in of_two_series if two_series else CLEAN:
            page.keyboard.press(key)
            page.keyboard.press("s")  # "the same as at baseline": there is nothing to copy to
            page.keyboard.press("ArrowDown")
        person.signs()
        onward = page.get_by_role("dialog").get_by_role("button", name="Next case")
        if not onward.is_visible():
            return seen
        onward.click()
        wait_until(lambda code=code: code not in page.url, "the next case")  # type: ignore[misc]


def enters_consensus(person: Person) -> None:
    person.goes_to("/")
    person.page.get_by_role("link", name=re.compile("^Open consensus ")).click()
    person.page.wait_for_url("**/consensus/*")
    person.image_is_drawn("scan")
    assert not NAMES.search(said(person.page)), "the page says which scan it is"
    reads_the_keys(person.page)


def settles(person: Person, act: str) -> None:
    person.page.get_by_role("button", name=act, exact=True).click()
    dialog = person.page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Password").fill(person.password)
    dialog.get_by_role("button", name=act, exact=True).click()
    dialog.wait_for(state="hidden")


def downloads(lead: Person, name: str) -> bytes:
    lead.page.get_by_role("button", name="Download reads").click()
    with lead.page.expect_download() as waiting:
        lead.page.get_by_role("menuitem", name=name).click()
    return waiting.value.path().read_bytes()


def reports(packed: bytes) -> list[pydicom.Dataset]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return [pydicom.dcmread(io.BytesIO(archive.read(name))) for name in archive.namelist()]


def test_scans_are_read_one_by_one_settled_and_given_out(browser: Browser, singles: Study) -> None:
    first, second = (
        sign_in(browser, singles.url, f"observer_{letter}", small_study.PASSWORD) for letter in "ab"
    )
    # Five cases, and one image among them twice, under another code.
    seen = reads_all(first, PANNUS)
    assert sorted(Counter(seen.values()).values()) == [1, 1, 1, 2], "no scan came back"
    seen_by_second = reads_all(second, CLEAN)
    assert not set(seen) & set(seen_by_second), "two readers know a case by one code"
    assert set(seen.values()) == set(seen_by_second.values()), "not the same four scans"

    # The room shows either series of the scan; what they differ in stands first.
    enters_consensus(first)
    page = first.page
    viewport = page.get_by_test_id("viewport-scan")
    before = image(first)
    page.get_by_role("button", name="Series 2 of 2, Scan").click()
    wait_until(lambda: viewport.get_attribute("data-slices") == str(SECOND_SLICES), "the series")
    assert np.abs(image(first) - before).mean() > 5, "the same image"
    page.keyboard.press("x")
    wait_until(lambda: viewport.get_attribute("data-slices") == str(SLICES), "the first series")
    assert np.array_equal(image(first), before), "not the image from before"
    agreed = page.get_by_role("radiogroup", name="Agreed Scan: Pannus", exact=True)
    agreed.focus()
    page.keyboard.press("2")
    page.keyboard.press("s")
    wait_until(lambda: page.get_by_test_id("category-scan").text_content() == "Case", "the category")
    settles(first, "Propose")
    page.get_by_text("You proposed this read").wait_for()
    enters_consensus(second)
    settles(second, "Confirm")

    # The lead has it all as files: ten reads, in a table and as reports that refer to real images.
    lead = sign_in(browser, singles.url, "lead", small_study.PASSWORD)
    lead.goes_to("/labels")
    rows = list(csv.DictReader(io.StringIO(downloads(lead, "Table, CSV").decode())))
    assert Counter(row["kind"] for row in rows) == {"read": 8, "reread": 2}
    assert Counter(row["scan"] for row in rows if row["kind"] == "read") == {"baseline": 4, "follow_up": 4}
    assert {row["reader"] for row in rows if row["category"] == "case"} == {"observer_a"}
    document = json.loads(downloads(lead, "With measurements and signatures, JSON"))
    assert {one["signature"]["content_hash"] for one in document} == {row["content_hash"] for row in rows}
    every = reports(downloads(lead, "DICOM SR, one a scan, zip"))
    assert {report.SOPClassUID for report in every} == {Comprehensive3DSRStorage}
    assert len({report.SOPInstanceUID for report in every}) == 2 * CASES
    lead.page.get_by_role("button", name="2 reads behind").first.click()
    with lead.page.expect_download() as waiting:
        lead.page.get_by_role("link", name="Download the read of observer_b as DICOM SR").click()
    (one,) = reports(waiting.value.path().read_bytes())
    assert one.SOPInstanceUID in {report.SOPInstanceUID for report in every}

    for person in (first, second, lead):
        person.page.context.close()
    for command in ("verify_plan", "verify_audit"):
        subprocess.run(
            [sys.executable, "manage.py", command],
            cwd=demo_site.ROOT, env=demo_site.environment(singles.folder), check=True,
        )  # fmt: skip
