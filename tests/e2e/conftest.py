"""One running demo and one browser for all browser tests; a loud skip where there is no browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from config.demo import PASSWORD
from tests.e2e import chromium, demo_site, pages, small_study

# Five seconds of its own are too few where other tests share the machine.
expect.set_options(timeout=pages.PATIENCE)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "e2e" in item.path.parts:
            item.add_marker(pytest.mark.browser)
            # What shares the demo shares a worker, and so does what shares the study; the tests that have
            # studies of their own go beside them.
            used = getattr(item, "fixturenames", ())
            group = next((name for name in ("site", "study") if name in used), "own")
            item.add_marker(pytest.mark.xdist_group(group))


# Not for the session: while Playwright is there its event loop keeps Django from the database.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if chromium.find() is None:
        pytest.skip("NO CHROMIUM: run `make browser`, or set ODONTOID_CHROMIUM to one")
    # The CPU renderer: the same on every machine. test_webgl.py covers the other one.
    with pages.browser("--disable-3d-apis") as instance:
        yield instance


@pytest.fixture(scope="package")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[demo_site.Site]:
    data_dir: Path = tmp_path_factory.mktemp("demo")
    with demo_site.running(data_dir) as running:
        yield running


@pytest.fixture(scope="package")
def study(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[small_study.Study]:
    with small_study.running(tmp_path_factory.mktemp("study")) as here:
        yield here


@pytest.fixture(scope="package")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[small_study.Study]:
    """A second study, for tests that kill its server or sign where others count what is signed."""
    with small_study.running(tmp_path_factory.mktemp("plain"), "plain") as here:
        yield here


@pytest.fixture
def lead(browser: Browser, site: demo_site.Site) -> Iterator[pages.Person]:
    """The study lead, signed in to the demo."""
    person = pages.sign_in(browser, site.url, "lead", PASSWORD)
    yield person
    person.page.context.close()
