"""Every page, at each width and in both themes: axe finds nothing, and nothing scrolls sideways."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from .audit import faults
from .desk import Desk
from .places import WRITE, Places
from .product import Product
from .visitors import Visitors
from .walking import mark_as_completed

PAGES = {
    "dashboard": ("security", "/"),
    "dashboard with flyout": ("security", "/?open={requested}"),
    "recommendations": ("security", "/recommendations/?per_page=25"),
    "recommendations with flyout": ("security", "/recommendations/?per_page=25&open={untouched}"),
    "recommendations, nothing found": ("security", "/recommendations/?q=no+such+thing&type=update"),
    "recommendation": ("security", "/recommendations/{requested}/"),
    "recommendation, a viewer's": ("viewer", "/recommendations/{untouched}/"),
    "devices of a recommendation": ("security", "/recommendations/{untouched}/devices/?per_page=25"),
    "software list": ("security", "/software/?per_page=25"),
    "software": ("security", "/software/{software}/"),
    "devices of software": ("security", "/software/{software}/devices/?per_page=25"),
    "weaknesses": ("security", "/weaknesses/?per_page=25"),
    "weaknesses, nothing found": ("viewer", "/weaknesses/?q=no+such+thing&severity=critical"),
    "weakness in two products": ("security", "/weaknesses/CVE-2025-6554/"),
    "devices of a weakness": ("viewer", "/weaknesses/CVE-2025-6554/devices/?per_page=25"),
    "remediation options": ("security", "/recommendations/{untouched}/remediation/"),
    "remediation options, already requested": ("security", "/recommendations/{requested}/remediation/"),
    "exception options": ("security", "/recommendations/{untouched}/exception/"),
    "activities": ("security", "/remediation/"),
    "exceptions": ("security", "/remediation/exceptions/"),
    "tickets": ("security", "/remediation/tickets/"),
    "imported": ("security", "/remediation/imported/"),
    "activity, created": ("security", "{created}"),
    "activity, accepted": ("itadmin", "{accepted}"),
    "activity, rejected": ("security", "{rejected}"),
    "activity, claimed": ("security", "{claimed}"),
    "activity, cancelled": ("viewer", "{cancelled}"),
    "activity without a ticket": ("itadmin", "{unticketed}"),
    "devices": ("security", "/devices/?per_page=25"),
    "devices, a viewer's": ("viewer", "/devices/?per_page=25&coverage=without_entra"),
    "device": ("security", "/devices/{device}/?per_page=25"),
    "device, software": ("itadmin", "/devices/{device}/software/"),
    "device, weaknesses": ("security", "/devices/{device}/weaknesses/"),
    "device, activities": ("security", "/devices/{device}/activities/"),
    "report of an inaccuracy, to fill in": ("itadmin", "/devices/{device}/inaccuracy/"),
    "inaccuracies": ("security", "/devices/inaccuracies/"),
    "inaccuracy": ("security", "/devices/inaccuracies/{report}/"),
    "search": ("security", "/search/?q=win"),
    "search, nothing found": ("viewer", "/search/?q=no+such+thing"),
    "audit": ("admin", "/audit/"),
    "audit, nothing found": ("admin", "/audit/?q=no+such+thing&since=2026-01-01"),
    "access review": ("admin", "/access-review/"),
    "confirmation": ("admin", "/accounts/confirmation/?next=/settings/"),
    "new password": ("viewer", "/accounts/password/"),
    "settings": ("admin", "/settings/"),
    "settings, sources": ("admin", "/settings/sources/"),
    "settings, syncs": ("admin", "/settings/syncs/"),
    "settings, one sync": ("admin", "/settings/syncs/1/"),
    "settings, delivery": ("admin", "/settings/delivery/"),
}
ERRORS = {
    "403": ("viewer", "/settings/", 403),
    "404": ("security", "/recommendations/999999999/", 404),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_and_fits(visitors: Visitors, places: Places, name: str):
    person, pattern = PAGES[name]
    page = visitors.visit(person)
    page.goto(places.path(pattern))
    expect(page.locator("h1")).to_have_count(1)

    assert faults(page) == []


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_page_is_accessible_and_fits(visitors: Visitors, name: str):
    person, path, status = ERRORS[name]
    visitors.expect(status)
    page = visitors.visit(person)

    answer = page.goto(path)

    assert answer and answer.status == status
    assert faults(page) == []


def test_the_sign_in_page_is_accessible_and_fits_also_after_an_error(visitors: Visitors):
    page = visitors.visit()
    page.goto("/accounts/login/?next=/remediation/")
    assert faults(page) == []

    page.get_by_label("User name").fill("nobody")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert faults(page) == []


def test_open_menus_are_accessible_and_fit(visitors: Visitors, places: Places):
    page = visitors.visit("security")
    page.goto("/recommendations/?q=no+such+thing")
    for menu in page.locator("details.menu > summary").all():
        menu.click()
        assert faults(page) == [], menu.inner_text()
        page.set_viewport_size({"width": 1280, "height": 900})
        page.keyboard.press("Escape")


def test_the_navigation_of_a_phone_is_accessible(visitors: Visitors):
    page = visitors.visit("security", width=380)
    page.goto("/")
    page.get_by_role("button", name="Open navigation").click()
    expect(page.get_by_role("link", name="Security recommendations")).to_be_visible()
    page.get_by_role("link", name="Security recommendations").click()
    page.wait_for_url("**/recommendations/")


def test_the_tick_in_the_head_ticks_every_device_of_the_page(visitors: Visitors):
    page = visitors.visit("security")
    page.goto("/devices/")
    head = page.get_by_role("checkbox", name="Tick all on this page")
    rows = page.locator("tbody").get_by_role("checkbox")

    head.check()

    assert rows.count() > 1
    assert all(row.is_checked() for row in rows.all())
    rows.first.uncheck()
    assert head.evaluate("tick => tick.indeterminate")


def test_an_invalid_request_is_explained_accessibly(visitors: Visitors, places: Places):
    page = visitors.visit("security")
    page.goto(places.path("/recommendations/{untouched}/remediation/"))
    page.get_by_label("Remediation due date").fill("2020-01-01")
    page.get_by_role("button", name="Submit request").click()

    expect(page.locator("main")).to_contain_text("The due date must be today or later.")
    assert faults(page) == []


def test_of_two_people_at_once_one_sees_who_was_first(visitors: Visitors, product: Product, places: Places):
    visitors.expect(409)
    desk = Desk(product, "security")
    activity = desk.request(product.take(desk.recommendations()[10:]), open_ticket=None)
    page = visitors.visit("itadmin")
    page.goto(activity)
    desk.move(activity, "complete", "It was me.")

    mark_as_completed(page)

    expect(page.get_by_role("heading", level=1)).to_have_text("This has changed meanwhile")
    expect(page.locator("main")).to_contain_text("security")
    expect(page.locator("main")).to_contain_text("It was me.")
    assert faults(page) == []


@pytest.fixture
def refusing(product: Product) -> Iterator[None]:
    product.sandbox.do("withdraw", role=WRITE)
    yield
    product.sandbox.do("grant", role=WRITE)


def test_a_refused_ticket_is_explained_accessibly(visitors: Visitors, product: Product, places: Places, refusing: None):
    desk = Desk(product, "security")
    activity = desk.request(product.take(desk.recommendations()[10:]))
    page = visitors.visit("security")
    page.goto(activity)

    expect(page.locator("main")).to_contain_text("refused", ignore_case=True)
    assert faults(page) == []

    product.sandbox.do("grant", role=WRITE)
    expect(page.get_by_role("region", name="Tickets", exact=True)).to_contain_text("Created")
    expect(page.locator("main")).not_to_contain_text("Creation is refused")
