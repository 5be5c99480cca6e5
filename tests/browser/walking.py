"""Steps that several stories take, each as a person takes it."""

import csv
import io
from collections.abc import Callable
from datetime import date, timedelta

from playwright.sync_api import Locator, Page, expect

from .product import Product, wait_for

OPEN_A_TICKET = "Open a ticket in Intune (for AAD joined devices)"


def top_recommendations(page: Page) -> Locator:
    return page.get_by_role("region", name="Top security recommendations").locator("tbody a.t")


def untouched(product: Product, links: Locator, skip: int = 0) -> Locator:
    """The first row's link, from one on, whose recommendation nobody has requested."""
    found = {int(link.get_attribute("href").partition("open=")[2]): link for link in links.all()[skip:]}
    return found[product.take(found)]


def open_flyout(page: Page, recommendation: Locator) -> str:
    """Open a row's flyout; answers the recommendation's name."""
    title = recommendation.get_attribute("title") or recommendation.inner_text()
    recommendation.click()
    flyout = page.get_by_role("dialog")
    expect(flyout.get_by_role("heading", level=2)).to_have_text(title)
    return title


def fill_request(page: Page, *, days: int = 10, notes: str = "Please begin with the kiosks.") -> None:
    """Everything that the form asks, with a ticket."""
    page.get_by_label(OPEN_A_TICKET).check()
    page.get_by_text("High", exact=True).click()
    page.get_by_label("Remediation due date").fill((date.today() + timedelta(days=days)).isoformat())
    page.get_by_label("Add notes").fill(notes)


def submit(page: Page) -> str:
    """Answers the address of the activity that it made."""
    page.get_by_role("button", name="Submit request").click()
    page.wait_for_url("**/remediation/activities/*/")
    return page.url


def tickets(page: Page) -> Locator:
    return page.get_by_role("region", name="Tickets", exact=True)


def stay(page: Page) -> None:
    """From here on the page must not load anew; `expect_stayed` looks."""
    page.evaluate("window.stayed = true")


def expect_stayed(page: Page) -> None:
    assert page.evaluate("window.stayed"), "the page loaded anew"


def reload_until(page: Page, condition: Callable[[], bool], seconds: float = 15) -> None:
    """For what changes while nobody looks: come back until it is there."""

    def there() -> bool:
        page.reload()
        return condition()

    wait_for(there, seconds, lambda: page.locator("main").inner_text())


def mark_as_completed(page: Page, note: str = "") -> None:
    """Open the action's form and send it; works without script."""
    page.locator("summary", has_text="Mark as completed").click()
    form = page.locator("form").filter(has=page.locator("[name=verb][value=complete]"))
    form.get_by_label("Note").fill(note)
    form.get_by_role("button", name="Mark as completed").click()


def download_csv(page: Page, link: str = "Export to CSV") -> list[dict[str, str]]:
    """Follow the link and read the file as a spreadsheet does."""
    with page.expect_download() as download:
        page.get_by_role("link", name=link).first.click()
    content = download.value.path().read_bytes()
    assert content.startswith(b"\xef\xbb\xbf"), "no byte order mark"
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
