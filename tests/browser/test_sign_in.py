"""Sign-in with Microsoft in a real browser: through the policies of both sides, there, back, and out again."""

import pytest
from playwright.sync_api import expect

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
