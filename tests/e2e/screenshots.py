"""``make screenshots``: the pictures in README.md, from a demo of the default size.

Serves one of its own, or takes the one at ``ODONTOID_E2E_URL``.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import django

from tests.e2e import demo_site
from tests.e2e.pages import browser, sign_in, wait_until

TARGET = demo_site.ROOT / "docs"


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from config import demo  # its imports need the apps

    TARGET.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        demo_site.running(
            Path(folder), patients=60, overrides="depth=18,grid=fit,size=128,epochs=12"
        ) as site,
        browser("--disable-3d-apis") as instance,
    ):
        observer = sign_in(instance, site.url, "observer_a", demo.PASSWORD)
        observer.opens_next_case()
        for key in ("0", "ArrowDown", "0", "ArrowDown", "1", "ArrowDown"):
            observer.page.keyboard.press(key)
        observer.page.get_by_text("Saved").first.wait_for()
        observer.page.screenshot(path=TARGET / "reading-room.png")

        lead = sign_in(instance, site.url, "lead", demo.PASSWORD)
        lead.goes_to("/runs/1")
        lead.page.locator("svg.recharts-surface").first.wait_for()
        wait_until(lambda: lead.page.locator(".recharts-line path").count() > 0, "the ROC curve")
        lead.page.wait_for_timeout(800)  # the curve is drawn in
        lead.page.screenshot(path=TARGET / "run-page.png")
    print(f"{TARGET}/reading-room.png, {TARGET}/run-page.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
