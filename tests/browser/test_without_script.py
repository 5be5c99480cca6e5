"""With script switched off: plain links and forms do the same work."""

from playwright.sync_api import expect

from .product import Product
from .visitors import Visitors
from .walking import OPEN_A_TICKET, mark_as_completed, untouched


def test_from_the_list_to_a_completed_activity(visitors: Visitors, product: Product):
    page = visitors.visit("security", script=False)
    page.goto("/recommendations/")
    row = untouched(product, page.locator("main tbody a.t"), skip=20)
    name = row.get_attribute("title") or row.inner_text()

    row.click()
    flyout = page.get_by_role("dialog")
    expect(flyout.get_by_role("heading", level=2)).to_have_text(name)
    flyout.get_by_role("link", name="Open as page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.get_by_role("link", name="Remediation options").click()
    page.get_by_label(OPEN_A_TICKET).uncheck()
    page.get_by_label("Add notes").fill("Without script.")
    page.get_by_role("button", name="Update the preview").click()
    expect(page.locator("main")).to_contain_text("No ticket is opened.")
    expect(page.get_by_label("Add notes")).to_have_value("Without script.")
    page.get_by_role("button", name="Submit request").click()

    page.wait_for_url("**/remediation/activities/*/")
    expect(page.locator("main")).to_contain_text("Without script.")
    mark_as_completed(page)
    expect(page.locator(".head")).to_contain_text("Completed")


def test_the_flyout_closes_and_filters_apply(visitors: Visitors):
    page = visitors.visit("security", script=False)
    page.goto("/recommendations/")
    page.locator("main tbody a.t").first.click()
    page.get_by_role("dialog").get_by_role("link", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)

    page.locator("main input[type=search]").fill("google chrome")
    page.locator("main input[type=search]").press("Enter")
    page.wait_for_url("**q=google*")
    for row in page.locator("main tbody tr").all():
        expect(row).to_contain_text("Google Chrome")
