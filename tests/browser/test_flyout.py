"""The flyout: an address of its own, and at home with keyboard, Back button, and no script at all."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from .product import Product
from .visitors import Visitors
from .walking import OPEN_A_TICKET, untouched

OPEN = re.compile(r"[?&]open=\d+")


@pytest.fixture
def page(visitors: Visitors) -> Page:
    page = visitors.visit("security")
    page.goto("/recommendations/")
    return page


def rows(page: Page) -> Locator:
    return page.locator("main tbody a.t")


def heading(page: Page) -> Locator:
    return page.get_by_role("dialog").get_by_role("heading", level=2)


def name_of(link: Locator) -> str:
    return link.get_attribute("title") or link.inner_text()


def test_a_deep_link_opens_it_and_closing_leaves_the_list(page: Page):
    first = name_of(rows(page).first)
    address = rows(page).first.get_attribute("href")

    page.goto(f"/recommendations/{address}")

    expect(heading(page)).to_have_text(first)
    expect(heading(page)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).not_to_have_url(OPEN)
    expect(rows(page).first).to_be_focused()


def test_back_closes_it_and_forward_opens_it_again(page: Page):
    name = name_of(rows(page).nth(1))
    rows(page).nth(1).click()
    expect(heading(page)).to_have_text(name)

    page.go_back()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(rows(page).nth(1)).to_be_focused()

    page.go_forward()
    expect(heading(page)).to_have_text(name)


@pytest.mark.parametrize("way", ["Escape", "the button", "outside"])
def test_closing_gives_the_focus_back_to_the_row(page: Page, way: str):
    rows(page).nth(2).focus()
    page.keyboard.press("Enter")
    expect(heading(page)).to_be_focused()
    expect(page).to_have_url(OPEN)

    if way == "Escape":
        page.keyboard.press("Escape")
    elif way == "the button":
        page.get_by_role("dialog").get_by_role("link", name="Close").click()
    else:
        page.mouse.click(300, 700)

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).not_to_have_url(OPEN)
    expect(rows(page).nth(2)).to_be_focused()


def test_tab_stays_inside(page: Page):
    rows(page).first.click()
    expect(heading(page)).to_be_focused()

    for key in ["Tab"] * 30 + ["Shift+Tab"] * 5:
        page.keyboard.press(key)
        # Between the last control and the first the browser's own bar may have its turn: then nothing has it here.
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")


def test_keys_and_buttons_lead_to_the_next_and_the_previous(page: Page):
    names = [name_of(rows(page).nth(number)) for number in range(3)]
    rows(page).first.click()
    expect(heading(page)).to_have_text(names[0])

    page.keyboard.press("j")
    expect(heading(page)).to_have_text(names[1])
    page.get_by_role("dialog").get_by_role("button", name="Next recommendation").click()
    expect(heading(page)).to_have_text(names[2])
    page.keyboard.press("k")
    expect(heading(page)).to_have_text(names[1])
    page.get_by_role("dialog").get_by_role("button", name="Previous recommendation").click()
    expect(heading(page)).to_have_text(names[0])

    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).not_to_have_url(OPEN)


def test_from_filter_to_submit_by_keyboard_alone(page: Page, product: Product):
    name = name_of(untouched(product, rows(page), skip=20))

    press_until(page, page.get_by_label("Filter by name, component or CVE"))
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    page.wait_for_url("**q=*")
    press_until(page, rows(page).first)
    page.keyboard.press("Enter")
    expect(heading(page)).to_have_text(name)
    press_until(page, page.get_by_role("dialog").get_by_role("link", name="Remediation options"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/remediation/")
    ticket = page.get_by_label(OPEN_A_TICKET)
    press_until(page, ticket)
    if not ticket.is_checked():
        page.keyboard.press("Space")
    press_until(page, page.get_by_label("Add notes"))
    page.keyboard.type("Typed, never clicked.")
    press_until(page, page.get_by_role("button", name="Submit request"))
    page.keyboard.press("Enter")

    page.wait_for_url("**/remediation/activities/*/")
    expect(page.locator("main")).to_contain_text("Typed, never clicked.")


def press_until(page: Page, target: Locator, most: int = 60) -> None:
    for _ in range(most):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{most} times Tab did not reach {target}")


def test_after_back_the_filters_and_forms_can_be_used_again(page: Page, product: Product):
    search = page.locator("main input[type=search]")
    search.press("Enter")
    page.wait_for_url("**/recommendations/?**")
    page.go_back()
    search.fill("chrome")
    search.press("Enter")
    page.wait_for_url("**q=chrome*")

    pk = product.take(int(link.get_attribute("href").partition("open=")[2]) for link in rows(page).all())
    page.goto(f"/recommendations/{pk}/remediation/")
    page.get_by_role("button", name="Submit request").click()
    page.wait_for_url("**/remediation/activities/*/")
    first = page.url
    page.go_back()
    page.get_by_role("button", name="Submit request").click()
    page.wait_for_url("**/remediation/activities/*/")
    assert page.url == first
