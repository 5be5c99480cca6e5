"""The whole job: from a recommendation on the dashboard to an activity that a sync has proved."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from .intune import IntuneAdministrator
from .places import WRITE
from .product import Product
from .visitors import Visitors
from .walking import (
    download_csv,
    expect_stayed,
    fill_request,
    mark_as_completed,
    open_flyout,
    reload_until,
    stay,
    submit,
    tickets,
    top_recommendations,
    untouched,
)


def request_from_dashboard(page: Page, product: Product, **answers) -> tuple[str, str]:
    """Dashboard, flyout, Remediation options, submit; answers the recommendation's name and the activity's address."""
    page.goto("/")
    title = open_flyout(page, untouched(product, top_recommendations(page)))
    expect(page).to_have_url(re.compile(r"\?open=\d+"))
    page.get_by_role("dialog").get_by_role("link", name="Remediation options").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Remediation options")
    fill_request(page, **answers)
    return title, submit(page)


def test_a_request_is_ticketed_accepted_claimed_and_verified(visitors: Visitors, product: Product):
    page = visitors.visit("security")
    title, activity = request_from_dashboard(page, product, notes="Kiosks in Gdańsk are frozen until Friday.")

    stay(page)
    expect(tickets(page)).to_contain_text("Created")
    expect_stayed(page)
    intune = IntuneAdministrator(visitors.sandbox())
    expect(intune.task(title)).to_contain_text("Kiosks in Gdańsk are frozen until Friday.")
    intune.accept(title, "Ring 2 tonight.")
    reload_until(page, lambda: "Accepted" in tickets(page).inner_text())
    expect(page.locator("main")).to_contain_text("Ring 2 tonight.")

    administrator = visitors.visit("itadmin")
    administrator.goto(activity)
    mark_as_completed(administrator, "Rolled out by the update ring.")
    expect(administrator.locator(".head")).to_contain_text("Completed")
    expect(administrator.get_by_role("region", name="Verification")).to_contain_text("Marked as completed by itadmin")
    expect(administrator.locator("main")).to_contain_text("Rolled out by the update ring.")
    reload_until(administrator, lambda: "Completed" in tickets(administrator).inner_text())
    expect(intune.task(title)).to_contain_text("completed")

    intune.fix_all(title)
    product.sync()
    administrator.reload()
    verification = administrator.get_by_role("region", name="Verification")
    number = verified_of(verification.inner_text())
    assert number[0] == number[1] > 0
    timeline = administrator.get_by_role("region", name="Timeline")
    for words in ("security", "itadmin", "Rolled out by the update ring."):
        expect(timeline).to_contain_text(words)

    page.goto("/remediation/")
    rows = [row for row in download_csv(page) if row["title"] == title]
    assert len(rows) == 1
    assert rows[0]["status"] == "completed"
    assert rows[0]["requester"] == "security"
    assert int(rows[0]["target_devices"]) == int(rows[0]["fixed_devices"]) == number[0]


def test_an_activity_completes_by_itself_when_all_devices_are_fixed(visitors: Visitors, product: Product):
    page = visitors.visit("security")
    title, activity = request_from_dashboard(page, product)
    expect(tickets(page)).to_contain_text("Created")
    intune = IntuneAdministrator(visitors.sandbox())

    intune.fix_all(title)
    product.sync()

    page.goto(activity)
    expect(page.locator(".head")).to_contain_text("Completed")
    expect(page.locator("main")).to_contain_text(re.compile("automatic", re.IGNORECASE))
    reload_until(page, lambda: "Completed" in tickets(page).inner_text())
    expect(intune.task(title)).to_contain_text("completed")


@pytest.fixture
def refusing(product: Product) -> Iterator[None]:
    """Graph refuses to create tasks, as it does to a registration without consent."""
    product.sandbox.do("withdraw", role=WRITE)
    yield
    product.sandbox.do("grant", role=WRITE)


def test_when_graph_refuses_the_page_says_what_to_do_and_the_story_still_ends_in_verified(
    visitors: Visitors, product: Product, refusing: None
):
    intune = IntuneAdministrator(visitors.sandbox())
    page = visitors.visit("security")
    title, activity = request_from_dashboard(page, product)

    expect(tickets(page)).to_contain_text(re.compile("refused", re.IGNORECASE))
    expect(page.locator("main")).to_contain_text(re.compile("hand it over|hand over", re.IGNORECASE))
    page.get_by_text("Hand over by message").click()
    devices = download_csv(page, "Devices as CSV")
    assert len(devices) > 0

    administrator = visitors.visit("itadmin")
    administrator.goto(activity)
    mark_as_completed(administrator, "Done from the list.")
    intune.fix_all(title)
    product.sync()
    administrator.reload()
    number = verified_of(administrator.get_by_role("region", name="Verification").inner_text())
    assert number == (len(devices), len(devices))


@pytest.fixture
def lagging(product: Product) -> Iterator[None]:
    """Graph's list shows a new task some seconds late, so that there is something to wait for."""
    product.sandbox.do("mode", name="listing_lag", value=4)
    yield
    product.sandbox.do("mode", name="listing_lag", value=0)


def test_a_ticket_that_was_stored_behind_an_error_is_found_and_not_sent_twice(
    visitors: Visitors, product: Product, lagging: None
):
    intune = IntuneAdministrator(visitors.sandbox())
    intune.order_fault("504 after it was stored")
    page = visitors.visit("security")
    title, _ = request_from_dashboard(page, product)

    stay(page)
    expect(tickets(page)).to_contain_text("Checking")
    expect(tickets(page)).to_contain_text("Created")
    expect_stayed(page)
    assert len(product.sandbox.tasks_named(title)) == 1


def test_a_throttled_ticket_says_when_it_is_tried_again_and_arrives_once(visitors: Visitors, product: Product):
    intune = IntuneAdministrator(visitors.sandbox())
    intune.order_fault("429 too many requests", times=2)
    page = visitors.visit("security")
    title, _ = request_from_dashboard(page, product)

    stay(page)
    expect(tickets(page)).to_contain_text("Retrying")
    expect(tickets(page)).to_contain_text("Created")
    expect_stayed(page)
    assert len(product.sandbox.tasks_named(title)) == 1


def verified_of(text: str) -> tuple[int, int]:
    """The two numbers of *Verified n of m*."""
    found = re.search(r"Verified\s+([\d,]+)\s+of\s+([\d,]+)", text)
    assert found, text
    return int(found[1].replace(",", "")), int(found[2].replace(",", ""))
