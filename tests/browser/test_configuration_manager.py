"""Configuration Manager beside Intune: switched on in Settings, chosen in the form, filled device by device."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from playwright.sync_api import Page, expect

from .audit import faults
from .product import Product
from .visitors import Visitors
from .walking import open_flyout, reload_until, submit, tickets, top_recommendations, untouched

SWITCH = "Configuration Manager connection"
CHOICE = "Open a ticket in Configuration Manager (a device collection)"


@pytest.fixture
def both_on(visitors: Visitors) -> Iterator[None]:
    administrator = visitors.visit("admin")
    administrator.goto("/settings/")
    flip(administrator, "The Configuration Manager connection is on.")
    yield
    flip(administrator, "The Configuration Manager connection is off.")


def flip(page: Page, said: str) -> None:
    page.get_by_role("switch", name=SWITCH).click()
    expect(page.get_by_text(said)).to_be_visible()


def test_a_collection_gets_every_device_that_the_site_knows(visitors: Visitors, product: Product, both_on: None):
    page = visitors.visit("security")
    page.goto("/")
    open_flyout(page, untouched(product, top_recommendations(page)))
    page.get_by_role("dialog").get_by_role("link", name="Remediation options").click()
    page.get_by_label(CHOICE).check()
    page.get_by_label("Remediation due date").fill((date.today() + timedelta(days=10)).isoformat())
    page.get_by_label("Add notes").fill("By the ring of servers, please.")
    assert faults(page) == []
    page.set_viewport_size({"width": 1280, "height": 900})

    submit(page)

    expect(tickets(page)).to_contain_text("Created")
    timeline = page.get_by_role("region", name="Timeline")
    reload_until(page, lambda: "added the devices to the ticket" in timeline.inner_text(), seconds=60)
    [collection] = product.sandbox.dump()["collections"]
    assert "By the ring of servers, please." in collection["Comment"]
    assert len(collection["CollectionRules"]) == devices_in(tickets(page).locator("td.num").first.inner_text())
    assert faults(page) == []


def devices_in(cell: str) -> int:
    """Of *48, 0 of 48 fixed, 2 left out*: 46."""
    left_out = re.search(r"([\d,]+) left out", cell)
    return number(re.match(r"[\d,]+", cell)[0]) - (number(left_out[1]) if left_out else 0)


def number(text: str) -> int:
    return int(text.replace(",", ""))
