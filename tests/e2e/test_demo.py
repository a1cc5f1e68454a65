"""``manage.py demo``: what it prints and serves. demo_site checks that Ctrl-C leaves nothing behind."""

from __future__ import annotations

import urllib.request

import pytest

from config import demo
from tests.e2e.demo_site import Site


def test_it_prints_the_logins(site: Site) -> None:
    if site.data_dir is None:
        pytest.skip("the demo is served by somebody else: its output is not ours to read")
    printed = (site.data_dir / "demo.log").read_text()
    for username, _, _ in demo.LOGINS:
        assert username in printed
    assert demo.PASSWORD in printed
    assert "not a medical device" in printed


def test_page_names_itself(site: Site) -> None:
    with urllib.request.urlopen(site.url) as response:
        assert "<title>Odontoid" in response.read().decode()
        assert "script-src 'self'" in response.headers["Content-Security-Policy"]


def test_browser_tests_share_a_worker(request: pytest.FixtureRequest, site: Site) -> None:
    """One demo and one order: a pytest that xdist cannot group with would deal them out to all workers."""
    if hasattr(request.config, "workerinput"):
        assert request.node.nodeid.endswith("@site")
