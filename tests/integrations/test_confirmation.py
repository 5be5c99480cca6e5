"""Confirming who one is at Entra, once more and at once, against the running stand-in."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse

from remediation.models import AuditEvent
from tests.integrations.connectors.conftest import no_foreign_certificates, running, sandbox, tenant  # noqa: F401

from .test_sign_in import browser, choose, entra, is_in, sign_in, user_of  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.security(id="S31")]
PASSWORDS = "/admin/remediation/user/add/"


def begin(browser) -> str:  # noqa: F811
    page = browser.get(PASSWORDS)
    assert urlsplit(page["Location"]).path == reverse("confirm_identity")
    shown = browser.get(page["Location"]).content.decode()
    assert "Sign in to Microsoft once more" in shown
    return browser.get(reverse("confirm_with_microsoft"), {"next": PASSWORDS})["Location"]


def test_a_sign_in_made_anew_confirms(entra, browser):  # noqa: F811
    sign_in(browser, entra, "ada")
    address = begin(browser)
    asked = parse_qs(urlsplit(address).query)

    back = browser.get(choose(entra, address, "ada"))

    assert (asked["prompt"], asked["max_age"]) == (["login"], ["600"])
    assert back["Location"] == PASSWORDS
    assert browser.get(PASSWORDS).status_code == 200
    event = AuditEvent.objects.first()
    assert (event.verb, event.subject_id) == ("confirm identity", str(user_of(entra, "ada").pk))


def test_an_ordinary_sign_in_does_not(entra, browser):  # noqa: F811
    """It may have happened without a word, from a session of Microsoft's that is open all day."""
    sign_in(browser, entra, "ada")

    assert browser.get(PASSWORDS).status_code == 302


@pytest.mark.parametrize("mode", ["stale", "timeless", "wrong_nonce", "forged", "denied", "foreign_state"])
def test_an_old_or_wrong_answer_confirms_nothing(entra, browser, mode):  # noqa: F811
    sign_in(browser, entra, "ada")
    address = begin(browser)
    entra.control("mode", name="sign_in", value=mode)

    refused = browser.get(choose(entra, address, "ada"))

    assert refused.status_code in {400, 403}
    assert is_in(browser)
    assert browser.get(PASSWORDS).status_code == 302


def test_somebody_else_confirms_nothing_and_takes_nobodys_place(entra, browser):  # noqa: F811
    sign_in(browser, entra, "ada")
    ada = browser.session["_auth_user_id"]

    back = browser.get(choose(entra, begin(browser), "sam"))

    assert "Sam Security, who is not signed in here" in browser.get(back["Location"]).content.decode()
    assert browser.session["_auth_user_id"] == ada
    assert browser.get(PASSWORDS).status_code == 302


def test_an_answer_to_a_confirmation_signs_nobody_in(entra, browser):  # noqa: F811
    sign_in(browser, entra, "ada")
    address = begin(browser)
    kept = browser.session["microsoft_sign_in"]
    browser.post(reverse("logout"))
    session = browser.session
    session["microsoft_sign_in"] = kept
    session.save()
    browser.cookies["sessionid"] = session.session_key

    browser.get(choose(entra, address, "ada"))

    assert not is_in(browser)


def test_a_role_cut_on_the_way_leaves_this_session_with_what_is_left(entra, browser):  # noqa: F811
    entra.control("assign", person="ada", roles="Tvm.Administrator,Tvm.SecurityTeam")
    sign_in(browser, entra, "ada")
    address = begin(browser)
    entra.control("assign", person="ada", roles="Tvm.Administrator")

    browser.get(choose(entra, address, "ada"))

    assert browser.get(PASSWORDS).status_code == 200
