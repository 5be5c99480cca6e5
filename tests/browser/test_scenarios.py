"""What a security team comes for: less exposure, better settings, the end of old software, time where a fix is blocked.

The request itself, from the dashboard to the proof, is told in `test_stories`.
"""

import re

from playwright.sync_api import Locator, Page, expect

from .intune import IntuneAdministrator
from .product import Product
from .visitors import Visitors
from .walking import fill_request, submit, tickets

POINTS = re.compile(r"\d+\.\d+")


def request_first_untouched(page: Page, product: Product, links: Locator) -> str:
    """Open the first recommendation that no test has requested, and request what it proposes; answers its name."""
    found = {int(link.get_attribute("href").rstrip("/").rpartition("/")[2]): link for link in links.all()}
    link = found[product.take(found)]
    title = link.get_attribute("title") or link.inner_text()
    link.click()
    page.get_by_role("link", name="Remediation options").first.click()
    fill_request(page)
    submit(page)
    expect(tickets(page)).to_contain_text("Created")
    return title


def explained_score(page: Page) -> float:
    page.goto("/scores/exposure/")
    total = page.get_by_role("region", name="Made of these devices").get_by_role("row").last
    return float(POINTS.search(total.inner_text())[0])


def test_reducing_the_exposure_lowers_the_score_by_what_was_promised(visitors: Visitors, product: Product):
    product.sync()
    page = visitors.visit("security")
    page.goto("/")
    page.get_by_role("link", name=re.compile(r"Why \d+\?")).click()
    before = explained_score(page)
    title = request_first_untouched(
        page, product, page.get_by_role("region", name="What would lower it most").locator("tbody a.t")
    )
    promised = float(POINTS.search(page.locator("dd", has_text="promised").inner_text())[0])

    IntuneAdministrator(visitors.sandbox()).fix_all(title)
    product.sync()

    assert promised > 0
    # Each of the three is printed with two decimals.
    assert abs(before - explained_score(page) - promised) < 0.02


def test_improving_a_configuration_raises_its_category(visitors: Visitors, product: Product):
    page = visitors.visit("security")
    page.goto("/")
    card = page.get_by_role("region", name="Configuration score")
    category = card.get_by_role("listitem").filter(has_text="Security controls")
    before = float(category.inner_text().split("/")[0].split()[-1])
    category.get_by_role("link").click()
    expect(page).to_have_url(re.compile("type=configuration_change&category=security_controls"))
    row = page.locator("tbody tr[data-open]")
    first = product.take(int(one.get_attribute("data-open")) for one in row.all())
    page.goto(f"/recommendations/{first}/")
    title = page.get_by_role("heading", level=1).inner_text()
    page.get_by_role("link", name="Remediation options").first.click()
    fill_request(page)
    submit(page)

    IntuneAdministrator(visitors.sandbox()).fix_all(title)
    product.sync()

    expect(page.locator("main")).to_contain_text(title)
    page.goto("/")
    assert float(category.inner_text().split("/")[0].split()[-1]) > before


def test_software_at_the_end_of_its_life_is_found_uninstalled_and_gone(visitors: Visitors, product: Product):
    page = visitors.visit("security")
    page.goto("/")
    page.get_by_role("navigation").get_by_role("link", name="Software", exact=True).click()
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("End of life").select_option("software")
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile("eol=software"))
    product_name = page.locator("tbody th a").first.inner_text()
    page.locator("tbody th a").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(product_name)
    title = f"Uninstall {product_name}"
    page.get_by_role("link", name="Remediation options").click()
    product.take([int(re.search(r"/recommendations/(\d+)/", page.url)[1])])
    fill_request(page)
    activity = submit(page)

    IntuneAdministrator(visitors.sandbox()).fix_all(title)
    product.sync()

    page.goto(activity)
    expect(page.locator(".head")).to_contain_text("Completed")
    page.goto("/software/?eol=software&exposed=1")
    expect(page.locator("tbody")).not_to_contain_text(product_name)


def test_what_cannot_be_fixed_now_is_excepted_by_two_people_and_comes_back(visitors: Visitors, product: Product):
    page = visitors.visit("security")
    page.goto("/")
    rows = page.get_by_role("region", name="Top security recommendations").locator("tbody tr[data-open]")
    first = product.take(int(row.get_attribute("data-open")) for row in rows.all())
    page.goto(f"/?open={first}")
    title = page.get_by_role("dialog").get_by_role("heading", level=2).first.inner_text()
    page.get_by_role("link", name="Exception options").click()
    page.get_by_label("Alternate mitigation").check()
    page.get_by_label("Justification context").fill("The devices stand in a network of their own until spring.")
    page.get_by_role("button", name="File exception").click()
    expect(page.locator(".head")).to_contain_text("Awaiting approval")
    expect(page.get_by_role("button", name="Approve")).to_be_disabled()

    approver = visitors.visit("approver")
    approver.goto("/")
    approver.get_by_role("link", name="waits for your approval").click()
    approver.get_by_role("link", name=title).click()
    approver.get_by_text("Approve", exact=True).first.click()
    approver.get_by_role("button", name="Approve").click()

    expect(approver.locator(".head")).to_contain_text("In effect")
    page.goto("/")
    expect(page.get_by_role("region", name="Top security recommendations")).not_to_contain_text(title)
    page.goto("/remediation/exceptions/")
    page.get_by_role("link", name=title).click()
    page.get_by_text("Cancel exception", exact=True).first.click()
    page.get_by_label("Reason").fill("It is fixed sooner.")
    page.get_by_role("button", name="Cancel exception").click()
    expect(page.locator(".head")).to_contain_text("Cancelled")
    page.goto("/recommendations/")
    expect(page.locator("tbody")).to_contain_text(title)
