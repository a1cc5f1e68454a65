"""``make screenshots``: the pictures in README.md, from a demo of the default size.

Serves one of its own, or takes the one at ``ODONTOID_E2E_URL``.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import django

from tests.e2e import demo_site, phantom_truth
from tests.e2e.pages import Person, browser, sign_in, wait_until

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
        grade_examples(observer)
        if site.data_dir is not None:
            mcrae(observer, site.data_dir)

        lead = sign_in(instance, site.url, "lead", demo.PASSWORD)
        lead.goes_to("/runs/1")
        lead.page.locator("svg.recharts-surface").first.wait_for()
        wait_until(lambda: lead.page.locator(".recharts-line path").count() > 0, "the ROC curve")
        lead.page.wait_for_timeout(800)  # the curve is drawn in
        lead.page.screenshot(path=TARGET / "run-page.png")
    print(*(str(path) for path in sorted(TARGET.glob("*.png"))), sep="\n")
    return 0


def grade_examples(observer: Person) -> None:
    """The score panel with the phantom pictures of a finding's grades, on the case that is open."""
    page = observer.page
    page.get_by_role("radiogroup", name="Baseline: Pannus", exact=True).focus()
    page.keyboard.press("h")
    page.get_by_role("img", name="Phantom: Pannus").first.wait_for()
    page.wait_for_timeout(500)  # the pictures are decoded
    page.screenshot(path=TARGET / "grade-examples.png")
    page.keyboard.press("h")


def mcrae(observer: Person, data_dir: Path) -> None:
    """McRae's line where the phantom has its landmarks, on the enlarged baseline of the case that is open."""
    page = observer.page
    code = page.url.rsplit("/", 1)[-1]
    page.keyboard.press("b")
    page.keyboard.press("e")
    viewport = page.get_by_test_id("viewport-follow_up")
    wait_until(lambda: not viewport.is_visible(), "one scan")
    observer.image_is_drawn("baseline")
    shown = phantom_truth.shown(observer, data_dir, code, "baseline")
    page.keyboard.press("v")
    for name in ("basion", "opisthion", "dens_tip"):
        page.mouse.click(*shown.on_screen(name))
    page.locator("[data-testid=measurement][data-kind=mcrae]").first.wait_for()
    page.get_by_role("radiogroup", name="Baseline: Vertical translocation").focus()
    page.get_by_test_id("proposal").wait_for()
    page.get_by_text("Saved").first.wait_for()
    page.screenshot(path=TARGET / "mcrae.png")
    page.keyboard.press("e")


if __name__ == "__main__":
    sys.exit(main())
