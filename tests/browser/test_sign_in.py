"""Sign-in with Microsoft in a real browser: through the policies of both sides, there, back, and out again."""

import pytest
from playwright.sync_api import Page, expect

from .audit import faults
from .visitors import Visitors


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_in_by_the_sandboxs_entra_and_out_at_both(visitors: Visitors, script: bool):
    page = visitors.visit(script=script)
    page.goto("/devices/")

    page.get_by_role("link", name="Sign in with Microsoft").click()
    page.get_by_role("link", name="Ida Itadmin").click()

    page.wait_for_url("**/devices/")
    page.locator("summary:has(.avatar)").click()
    expect(page.locator("header.top")).to_contain_text("Ida Itadmin")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/")
    expect(page.get_by_label("User name")).to_be_visible()


def test_without_a_role_the_page_says_what_to_ask_for_and_another_account_gets_in(visitors: Visitors):
    visitors.expect(403)
    page = visitors.visit()
    page.goto("/accounts/login/")
    page.get_by_role("link", name="Sign in with Microsoft").click()

    page.get_by_role("link", name="Nora Norole").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("You are not signed in")
    expect(page.locator("main")).to_contain_text("Tvm.Viewer")
    assert faults(page) == []
    page.get_by_role("link", name="Use another account").click()
    page.get_by_role("link", name="Vera Viewer").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_url("**/")


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_switch_asks_who_it_is_and_then_takes_the_click(visitors: Visitors, script: bool):
    page = visitors.visit(script=script)
    page.goto("/settings/")
    page.get_by_role("link", name="Sign in with Microsoft").click()
    page.get_by_role("link", name="Ada Administrator").click()
    page.wait_for_url("**/settings/")

    flip(page, script)
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm it is you")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was changed yet")
    if script:
        assert faults(page) == []
        page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("link", name="Sign in to Microsoft once more").click()
    page.get_by_role("link", name="Ada Administrator").click()
    page.wait_for_url("**/settings/")
    flip(page, script)

    expect(page.get_by_text("The Configuration Manager connection is on.")).to_be_visible()
    flip(page, script)
    expect(page.get_by_text("The Configuration Manager connection is off.")).to_be_visible()


def flip(page: Page, script: bool) -> None:
    switch = page.get_by_role("switch", name="Configuration Manager connection")
    switch.click()
    if not script:
        page.locator("form").filter(has=switch).get_by_role("button", name="Save").click()
