"""The data manager at the import page: uploads that break off, the quarantine, a pull from a real archive.

On a server of its own, empty but for three patients, so that it can be killed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests import orthanc
from tests.builders import make_series, write_export
from tests.e2e import demo_site
from tests.e2e.pages import Person, sign_in, wait_until
from tests.ports import free_port

PASSWORD = "correct horse battery staple"
_SET_UP = """
from config.accounts.models import User
from cohort.importing import import_directory
User.objects.create_user("lead", password={password!r}, role="lead")
assert import_directory({folder!r}).committed
"""


@dataclass
class Registry:
    """A served study with the tables of three patients and no images, which can be killed and started."""

    data_dir: Path
    port: int = field(default_factory=free_port)
    running: ExitStack = field(default_factory=ExitStack)

    @property
    def nodes(self) -> Path:
        return self.data_dir / "pacs.toml"

    def start(self) -> None:
        serving = demo_site.serving(
            self.data_dir, "serve", port=self.port, ODONTOID_PACS_NODES=str(self.nodes)
        )
        self.site = self.running.enter_context(serving)

    def kill(self) -> None:
        demo_site.kill(self.site)
        self.running.close()

    def import_tables(self, folder: Path) -> None:
        code = _SET_UP.format(password=PASSWORD, folder=str(write_export(folder, ["D1", "D2", "D3"])))
        command = [sys.executable, "manage.py", "shell", "-c", code]
        environment = demo_site.environment(self.data_dir)
        subprocess.run(command, cwd=demo_site.ROOT, env=environment, check=True, capture_output=True)

    def stored(self) -> set[str]:
        """The folders of stored series that hold a file."""
        images = self.data_dir / "images"
        return {str(path.parent) for path in images.rglob("*.dcm")}

    def left_over(self) -> list[Path]:
        """Files of deliveries that are neither stored nor gone."""
        places = (self.data_dir / "images" / ".incoming", self.data_dir / "uploads")
        waiting = (self.data_dir / "incoming" / "uploads").glob("*/files/*")
        return [*(path for place in places for path in place.rglob("*") if path.is_file()), *waiting]


@pytest.fixture(scope="module")
def registry(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    made = Registry(tmp_path_factory.mktemp("registry"))
    made.nodes.touch()
    made.start()
    try:
        made.import_tables(tmp_path_factory.mktemp("tables"))
        yield made
    finally:
        made.running.close()


@pytest.fixture
def lead(browser: Browser, registry: Registry) -> Iterator[Person]:
    person = sign_in(browser, registry.site.url, "lead", PASSWORD)
    person.goes_to("/cohort/import")
    yield person
    person.page.context.close()


def line(page: Page, bytes_per_second: int) -> None:
    """How fast the hospital sends; -1 is as fast as can be."""
    session = page.context.new_cdp_session(page)
    session.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_second},
    )


def choose_folder(page: Page, folder: Path) -> None:
    page.get_by_label("DICOM folder").set_input_files(folder)


#: Bytes a second: each of 14 files of half a megabyte takes one, so that there is time to break off.
SLOW = 500_000
#: For what the workers do, ms.
PATIENCE = 120_000


def some_have_arrived(page: Page) -> None:
    page.get_by_text(re.compile(r"Sending [2-9] of 14 files")).wait_for()


def result(page: Page, outcome: str) -> None:
    page.get_by_role("group", name="Outcome").or_(page.get_by_role("radiogroup", name="Outcome")).get_by_text(
        outcome, exact=True
    ).wait_for(timeout=PATIENCE)


def two_series(folder: Path, patient: str) -> Path:
    """14 files of half a megabyte."""
    for number, day in ((1, date(2010, 3, 1)), (2, date(2015, 3, 1))):
        make_series(
            folder / f"E{number}", patient_id=patient, exam_id=f"{patient}-E{number}", study_date=day,
            seed=number, shape=(512, 512),
        )  # fmt: skip
    return folder


def test_a_folder_goes_on_where_a_closed_tab_left_it(
    lead: Person, registry: Registry, tmp_path: Path
) -> None:
    folder, before = two_series(tmp_path / "export", "D1"), registry.stored()
    page, context = lead.page, lead.page.context
    line(page, SLOW)
    choose_folder(page, folder)
    some_have_arrived(page)
    page.close(run_before_unload=False)
    assert registry.stored() == before

    lead.page = again = context.new_page()
    lead.goes_to("/cohort/import")
    again.get_by_text(re.compile(r"An upload of .* was not finished")).wait_for()
    choose_folder(again, folder)
    again.get_by_text("had arrived before and are not sent again").wait_for()
    result(again, "Accepted (2)")
    assert len(registry.stored() - before) == 2
    wait_until(lambda: registry.left_over() == [], "what was sent to be deleted")


def test_a_killed_server_loses_nothing_of_an_upload(lead: Person, registry: Registry, tmp_path: Path) -> None:
    folder, before = two_series(tmp_path / "export", "D2"), registry.stored()
    page = lead.page
    line(page, SLOW)
    choose_folder(page, folder)
    some_have_arrived(page)
    registry.kill()
    page.get_by_text("The server cannot be reached; trying again").wait_for()
    assert registry.stored() == before
    registry.start()
    line(page, -1)
    page.context.set_offline(True)
    page.context.set_offline(False)  # a page that hears of a network does not wait for its next attempt
    result(page, "Accepted (2)")
    assert len(registry.stored() - before) == 2
    wait_until(lambda: registry.left_over() == [], "what was sent to be deleted")


def test_a_held_series_is_released_with_a_reason(lead: Person, registry: Registry, tmp_path: Path) -> None:
    make_series(
        tmp_path / "held", patient_id="D3", exam_id="D3-E1", seed=3, tags={"BurnedInAnnotation": "YES"}
    )
    page = lead.page
    choose_folder(page, tmp_path / "held")
    result(page, "Quarantined (1)")
    held = (
        page.get_by_role("table", name="Series in quarantine").get_by_role("row").filter(has_text="7 slices")
    )
    held.get_by_text("A person must look").wait_for()
    held.get_by_role("button", name="Review").click()
    review = page.get_by_role("dialog")
    release = review.get_by_role("button", name="Release")
    assert release.is_disabled()
    review.get_by_label("Why it may be released").fill("Looked at every slice: no writing on any.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("Released.").wait_for()
    wait_until(lambda: held.count() == 0, "the series to leave the quarantine")
    waiting = page.request.get(f"{lead.url}api/cohort/quarantine/").json()
    assert waiting == []


def test_a_pull_says_what_is_missing(lead: Person, registry: Registry, tmp_path: Path) -> None:
    if reason := orthanc.missing():
        pytest.skip(reason)
    server = orthanc.start(tmp_path / "orthanc")
    try:
        server.load(make_series(tmp_path / "in", patient_id="D3", exam_id="D3-E2", seed=4, slices=9))
        registry.nodes.write_text(f'[hospital]\nurl = "{server.dicomweb}"\n')
        wanted = tmp_path / "wanted.csv"
        wanted.write_text("patient_id,accession\nD3,D3-E2\nD3,D3-E9\nX9,X9-E1\n")
        page = lead.page
        page.reload()
        page.get_by_role("button", name="Does it answer?").click()
        page.get_by_role("status").wait_for()
        with page.expect_file_chooser() as chooser:
            page.get_by_label("List (CSV)").click()
        chooser.value.set_files(wanted)
        page.get_by_role("button", name="Pull", exact=True).click()
        page.get_by_text(
            re.compile("3 of 3 lines · 1 complete · 1 not found · 1 not in the cohort")
        ).wait_for(timeout=PATIENCE)
        page.get_by_text("9 of 9 images").wait_for()
        with page.expect_download() as download:
            page.get_by_role("link", name="What is missing (CSV)").click()
        report = download.value.path().read_text()
        rows = [line.split(",") for line in report.splitlines()[1:]]
        assert [(row[0], row[2]) for row in rows] == [("3", "missing"), ("4", "refused")]
        assert "D3" not in report  # the hospital's ids leave with the list
        lines = page.get_by_role("table", name="Lines that are not complete").get_by_role("row")
        lines.filter(has_text="Not found").wait_for()
    finally:
        server.stop()
