"""Pictures of the main pages of the running demo: python -m tests.browser.screenshots DIR.

Starts a product of its own with the demo's estate, works in it for a while, and photographs each page at 1280 and 380
pixels in both themes. With --readme it also renews the pictures of the README in docs/screenshots.
"""

import argparse
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from integrations.sandbox.estate import DEFAULT_DEVICES

from .desk import Desk
from .places import WRITE, task_of
from .product import PROJECT, Product, running_product, wait_for
from .visitors import Visitors, launch

SHOTS = {
    "login": ("", "/accounts/login/"),
    "dashboard": ("security", "/"),
    "exposure-score": ("security", "/scores/exposure/"),
    "events": ("security", "/events/"),
    "flyout": ("security", "/recommendations/?open={first}"),
    "recommendations": ("security", "/recommendations/"),
    "recommendations-empty": ("security", "/recommendations/?q=no+such+thing"),
    "recommendation": ("security", "/recommendations/{first}/"),
    "software-list": ("security", "/software/"),
    "software": ("security", "/software/{software}/"),
    "software-devices": ("security", "/software/{software}/devices/"),
    "weaknesses": ("security", "/weaknesses/"),
    "weakness": ("security", "/weaknesses/CVE-2025-6554/"),
    "weakness-devices": ("security", "/weaknesses/CVE-2025-6554/devices/"),
    "exposed-devices": ("security", "/recommendations/{first}/devices/"),
    "devices": ("security", "/devices/"),
    "devices-filtered": ("itadmin", "/devices/?coverage=without_entra&level=high"),
    "device": ("security", "/devices/{device}/"),
    "device-software": ("security", "/devices/{device}/software/"),
    "device-weaknesses": ("security", "/devices/{device}/weaknesses/"),
    "device-activities": ("security", "/devices/{device}/activities/"),
    "report-inaccuracy": ("itadmin", "/devices/{device}/inaccuracy/"),
    "inaccuracies": ("security", "/devices/inaccuracies/"),
    "inaccuracy": ("security", "/devices/inaccuracies/{report}/"),
    "search": ("security", "/search/?q=win"),
    "search-empty": ("security", "/search/"),
    "remediation-options": ("security", "/recommendations/{untouched}/remediation/"),
    "exception-options": ("security", "/recommendations/{untouched}/exception/"),
    "activities": ("security", "/remediation/"),
    "exceptions": ("security", "/remediation/exceptions/"),
    "tickets": ("security", "/remediation/tickets/"),
    "imported": ("security", "/remediation/imported/"),
    "activity": ("security", "{claimed}"),
    "activity-accepted": ("itadmin", "{accepted}"),
    "activity-rejected": ("security", "{rejected}"),
    "activity-without-ticket": ("security", "{unticketed}"),
    "settings": ("admin", "/settings/"),
    "settings-sources": ("admin", "/settings/sources/"),
    "settings-syncs": ("admin", "/settings/syncs/"),
    "settings-sync": ("admin", "/settings/syncs/1/"),
    "settings-delivery": ("admin", "/settings/delivery/"),
    "403": ("viewer", "/settings/"),
    "404": ("security", "/recommendations/999999999/"),
}
ONCE_REFUSED = {
    "activity-refused": ("security", "{refused}"),
    "remediation-options-refused": ("security", "/recommendations/{untouched}/remediation/"),
    "settings-refused": ("admin", "/settings/"),
    "settings-delivery-refused": ("admin", "/settings/delivery/"),
}
FOR_README = {"dashboard": 900, "flyout": 840, "remediation-options": 900, "activity": 900}


def work(product: Product) -> dict[str, Any]:
    """A morning's work, so that there is something to see; answers the places by name."""
    security, administrator = Desk(product, "security"), Desk(product, "itadmin")
    picked = security.recommendations()
    days = [2, 9, 14, 30, 5, 20, 12]
    made = [
        security.request(pk, due_on=(date.today() + timedelta(days=day)).isoformat(), priority=priority)
        for pk, day, priority in zip(picked[1:8], days, ["high", "medium", "low", "high", "medium"] * 2, strict=False)
    ]
    unticketed = security.request(picked[9], open_ticket=None)
    wait_for(lambda: all("Created" in security.get(path).text for path in made), 60, lambda: product.log("delivery"))
    sandbox = product.sandbox
    tasks = [task_of(product, security, pk) for pk in picked[1:8]]
    for task in (tasks[0], tasks[3]):
        sandbox.do("accept", task=task, note="Ring 2 tonight.")
    sandbox.do("reject", task=tasks[2], note="These kiosks are replaced next week.")
    for number, percent in ((0, 62), (1, 96), (3, 17), (4, 100)):
        sandbox.fix(security.source_id_of(picked[1 + number]), percent)
    administrator.move(made[1], "complete", "Rolled out by the update ring. Some laptops were on leave.")
    product.sync()
    device = security.devices()[0]
    report = security.report(device, reason="wrong_version", note="It is the 64-bit edition, which has the fix.")
    places = {"first": picked[0], "untouched": picked[8], "spare": picked[10], "software": security.software()[0]}
    places |= {"device": device, "report": report}
    return places | {"accepted": made[0], "claimed": made[1], "rejected": made[2], "unticketed": unticketed}


def refuse(product: Product, recommendation: int) -> str:
    """From here on Graph creates no task; answers the activity whose ticket it refused."""
    product.sandbox.do("withdraw", role=WRITE)
    security = Desk(product, "security")
    refused = security.request(recommendation)
    wait_for(lambda: "refused" in security.get(refused).text.lower(), 20)
    return refused


def take_all(visitors: Visitors, shots: dict[str, tuple[str, str]], places: dict[str, Any], directory: Path) -> None:
    for name, (person, pattern) in shots.items():
        page = visitors.visit(person)
        photograph(page, pattern.format(**places), directory / name)
        page.context.close()


def photograph(page: Page, path: str, target: Path) -> None:
    page.goto(path)
    for width in (1280, 380):
        page.set_viewport_size({"width": width, "height": 900})
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            is_modal = page.get_by_role("dialog").count() > 0
            page.screenshot(path=target.with_name(f"{target.name}-{width}-{theme}.png"), full_page=not is_modal)


def take_for_readme(visitors: Visitors, places: dict[str, Any]) -> None:
    directory = PROJECT / "docs" / "screenshots"
    directory.mkdir(parents=True, exist_ok=True)
    for name, height in FOR_README.items():
        person, pattern = SHOTS[name]
        page = visitors.visit(person, height=height)
        page.goto(pattern.format(**places))
        page.screenshot(path=directory / f"{name}.png")
        page.context.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--readme", action="store_true", help="also renew docs/screenshots")
    parser.add_argument("--devices", type=int, default=DEFAULT_DEVICES)
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="tvm-screenshots-") as folder,
        running_product(Path(folder), options.devices) as product,
        sync_playwright() as playwright,
    ):
        visitors = Visitors(launch(playwright), product)
        places = work(product)
        take_all(visitors, SHOTS, places, options.directory)
        if options.readme:
            take_for_readme(visitors, places)
        places["refused"] = refuse(product, places["spare"])
        take_all(visitors, ONCE_REFUSED, places, options.directory)
        visitors.browser.close()


if __name__ == "__main__":
    main()
