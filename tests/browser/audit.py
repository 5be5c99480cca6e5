"""What every page is held against: the rules of axe, and no sideways scrolling."""

from collections.abc import Iterator

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WIDTHS = (1280, 380)
NARROWEST = 320
_EVERYTHING = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# A theme changes colours and nothing else, so in the dark only what looks at colours is asked again.
_COLOURS = ["color-contrast", "link-in-text-block"]


def faults(page: Page) -> list[str]:
    """What is wrong with the page as it stands, at each width and in both themes."""
    found: list[str] = []
    # Bootstrap's buttons fade from theme to theme, and half-way their contrast means nothing.
    page.emulate_media(reduced_motion="reduce")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme="light")
        found += [f"{width} light: {fault}" for fault in _axe(page, {"type": "tag", "values": _EVERYTHING})]
        found += [f"{width}: {fault}" for fault in _overflow(page)]
        page.emulate_media(color_scheme="dark")
        found += [f"{width} dark: {fault}" for fault in _axe(page, {"type": "rule", "values": _COLOURS})]
    page.set_viewport_size({"width": NARROWEST, "height": 900})
    return found + [f"{NARROWEST}: {fault}" for fault in _overflow(page)]


def _axe(page: Page, run_only: dict) -> Iterator[str]:
    options = {"resultTypes": ["violations"], "runOnly": run_only, "preload": False}
    if not page.evaluate("!!window.axe"):
        page.evaluate(Axe().axe_script)
    for violation in page.evaluate("options => axe.run(options).then(result => result.violations)", options):
        for node in violation["nodes"][:3]:
            yield f"{violation['id']}: {node['target']} {node['html'][:160]}"


def _overflow(page: Page) -> Iterator[str]:
    width, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    if width > room:
        yield f"scrolls sideways: {width} in {room}; {page.evaluate(_WIDEST)}"


# The elements that stick out, unless they scroll inside a region of their own.
_WIDEST = """[...document.querySelectorAll("body *")]
    .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1
        && !element.closest(".table-wrap") && element.getBoundingClientRect().width)
    .slice(0, 4).map((element) => element.outerHTML.slice(0, 120)).join(" | ")"""
