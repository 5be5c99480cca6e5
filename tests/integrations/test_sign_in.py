"""Sign-in with Microsoft against the running stand-in: who gets in, as whom, with which roles, and who does not."""

import uuid
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings as project
from django.test import Client
from django.urls import reverse

from integrations.microsoft import forget_clients, id_tokens
from integrations.sandbox import people
from remediation.models import AuditEvent, EntraPerson, User
from remediation.roles import ADMINISTRATOR, APP_ROLES, SECURITY_TEAM, VIEWER
from tests.factories import UserFactory
from tests.integrations.connectors.conftest import no_foreign_certificates, running, sandbox, tenant  # noqa: F401

pytestmark = pytest.mark.django_db
BEGIN, CALLBACK = "/accounts/microsoft/", "/accounts/microsoft/callback/"
HOST = "127.0.0.1:8000"


@pytest.fixture
def entra(tenant):  # noqa: F811
    """The stand-in with everybody's roles as at first."""
    for person, roles in people.APP_ROLES_AT_FIRST.items():
        tenant.control("assign", person=person, roles=",".join(roles))
    return tenant


@pytest.fixture
def browser() -> Client:
    return Client(headers={"host": HOST})


def begin(browser: Client, path: str = "", **query) -> str:
    """Where the product sends the browser to."""
    response = browser.get(BEGIN, ({"next": path} if path else {}) | query)
    assert response.status_code == 302, response.content
    return response["Location"]


def choose(entra, address: str, person: str) -> str:
    """The way back from Entra, for this person."""
    answer = entra.session.get(address, params={"person": person}, allow_redirects=False, timeout=10)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def sign_in(browser: Client, entra, person: str, path: str = ""):
    return browser.get(choose(entra, begin(browser, path), person))


def is_in(browser: Client) -> bool:
    return "_auth_user_id" in browser.session


def user_of(entra, person: str) -> User:
    tenant_id = entra.environment["MICROSOFT_TENANT_ID"]
    return User.objects.get(entra__tenant_id=tenant_id, entra__object_id=people.object_id(tenant_id, person))


def roles_of(user: User) -> list[str]:
    return sorted(user.groups.values_list("name", flat=True))


def snapshot() -> list:
    return [list(model.objects.order_by("pk").values()) for model in (User, EntraPerson, AuditEvent)]


def test_the_first_sign_in_makes_a_user_with_the_role_of_the_token(entra, browser):
    response = sign_in(browser, entra, "sam", "/recommendations/?q=chrome")

    assert (response.status_code, response["Location"]) == (302, "/recommendations/?q=chrome")
    user = user_of(entra, "sam")
    assert browser.session["_auth_user_id"] == str(user.pk)
    assert (str(user), user.email, roles_of(user)) == ("Sam Security", "sam@contoso.example", [SECURITY_TEAM])
    assert not user.has_usable_password()
    assert not user.is_staff
    assert not user.is_superuser
    assert user.entra.sign_in_name == "sam@contoso.example"
    event = AuditEvent.objects.get()
    assert (event.verb, event.subject_id, event.actor) == ("create", str(user.pk), User.objects.system())
    assert event.after["roles"] == [SECURITY_TEAM]
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize("person", ["ada", "sam", "ida", "abel", "vera"])
def test_each_app_role_gives_its_role(entra, browser, person):
    sign_in(browser, entra, person)

    [app_role] = people.APP_ROLES_AT_FIRST[person]
    user = user_of(entra, person)
    assert roles_of(user) == [APP_ROLES[app_role]]
    assert user.is_staff == (APP_ROLES[app_role] == ADMINISTRATOR)


def test_the_second_sign_in_is_the_same_user_with_todays_roles(entra, browser):
    entra.control("assign", person="sam", roles="Tvm.SecurityTeam,Tvm.Administrator,Tvm.Unheard")
    sign_in(browser, entra, "sam")
    user = user_of(entra, "sam")
    assert roles_of(user) == sorted([SECURITY_TEAM, ADMINISTRATOR])
    assert user.is_staff
    entra.control("assign", person="sam", roles="Tvm.Viewer")

    sign_in(Client(headers={"host": HOST}), entra, "sam")

    user.refresh_from_db()
    assert EntraPerson.objects.count() == 1
    assert roles_of(user) == [VIEWER]
    assert not user.is_staff
    change = AuditEvent.objects.first()
    assert (change.verb, change.after["roles"]) == ("change", [VIEWER])
    assert change.before["roles"] == sorted([SECURITY_TEAM, ADMINISTRATOR])


def test_a_sign_in_without_news_leaves_no_event(entra, browser):
    sign_in(browser, entra, "vera")
    sign_in(Client(headers={"host": HOST}), entra, "vera")

    assert [event.verb for event in AuditEvent.objects.all()] == ["create"]


def test_rights_given_by_hand_end_with_the_next_sign_in(entra, browser):
    sign_in(browser, entra, "vera")
    user = user_of(entra, "vera")
    User.objects.filter(pk=user.pk).update(is_superuser=True, is_staff=True)

    sign_in(Client(headers={"host": HOST}), entra, "vera")

    user.refresh_from_db()
    assert not user.is_superuser
    assert not user.is_staff


def test_whoever_lost_all_roles_stays_out_and_keeps_none(entra, browser):
    sign_in(browser, entra, "sam")
    entra.control("assign", person="sam", roles="")

    again = Client(headers={"host": HOST})
    refused = sign_in(again, entra, "sam")

    assert refused.status_code == 403
    assert not is_in(again)
    assert roles_of(user_of(entra, "sam")) == []
    # The session of before is worth nothing either.
    assert browser.get("/").status_code == 403


def test_an_account_of_the_same_name_or_address_is_somebody_elses(entra, browser):
    local = UserFactory(username="sam@contoso.example", email="sam@contoso.example", first_name="Local")

    sign_in(browser, entra, "sam")

    assert user_of(entra, "sam").pk != local.pk
    local.refresh_from_db()
    assert (local.first_name, roles_of(local)) == ("Local", [])


def test_without_a_role_nobody_gets_in_and_the_page_says_what_to_ask_for(entra, browser):
    refused = sign_in(browser, entra, "nora")

    page = refused.content.decode()
    assert refused.status_code == 403
    assert "has no role in this product" in page
    assert "nora@contoso.example" in page
    for app_role in APP_ROLES:
        assert app_role in page
    assert not is_in(browser)
    assert not EntraPerson.objects.exists()


def test_an_unheard_of_role_is_none(entra, browser):
    entra.control("assign", person="nora", roles="Tvm.Unheard,Administrator,System,tvm.viewer")

    assert sign_in(browser, entra, "nora").status_code == 403
    assert not EntraPerson.objects.exists()


HOSTILE = {
    "forged": 403,
    "unknown_key": 403,
    "alg_none": 403,
    "hs256": 403,
    "garbage": 403,
    "expired": 403,
    "not_yet": 403,
    "wrong_tenant": 403,
    "wrong_tid": 403,
    "wrong_issuer": 403,
    "wrong_audience": 403,
    "two_audiences": 403,
    "wrong_nonce": 403,
    "no_object_id": 403,
    "no_roles": 403,
    "overage": 403,
    "foreign_state": 400,
    "replayed_code": 403,
    "denied": 403,
}


@pytest.mark.parametrize("mode", HOSTILE)
def test_whatever_is_wrong_with_a_sign_in_nothing_is_made_and_nobody_is_in(entra, browser, mode):
    sign_in(Client(headers={"host": HOST}), entra, "vera")  # so that there is a used code, and somebody to be
    before = snapshot()
    entra.control("mode", name="sign_in", value=mode)

    refused = sign_in(browser, entra, "sam")

    assert refused.status_code == HOSTILE[mode]
    assert "You are not signed in" in refused.content.decode()
    assert not is_in(browser)
    assert snapshot() == before
    assert browser.get("/")["Location"].startswith(reverse("login"))


def test_every_hostile_mode_of_the_stand_in_is_tried():
    assert set(HOSTILE) == set(people.SIGN_IN_MODES) - {"honest"}


def test_too_many_groups_are_no_hindrance_where_there_is_a_role(entra, browser, monkeypatch):
    read = id_tokens.jwt.decode
    monkeypatch.setattr(id_tokens.jwt, "decode", lambda *a, **k: read(*a, **k) | {"hasgroups": True})

    assert sign_in(browser, entra, "sam").status_code == 302


def test_too_many_groups_and_no_role_is_said(entra, browser):
    entra.control("mode", name="sign_in", value="overage")

    page = sign_in(browser, entra, "sam").content.decode()

    assert "in so many groups" in page
    assert "Tvm.Viewer" in page


def test_an_account_that_is_closed_here_stays_out(entra, browser):
    sign_in(browser, entra, "sam")
    User.objects.filter(entra__isnull=False).update(is_active=False)
    before = snapshot()

    again = Client(headers={"host": HOST})
    refused = sign_in(again, entra, "sam")

    assert refused.status_code == 403
    assert "closed your account" in refused.content.decode()
    assert "Tvm.Viewer" not in refused.content.decode()
    assert not is_in(again)
    assert snapshot() == before
    # Their open session has ended as well.
    assert browser.get("/")["Location"].startswith(reverse("login"))


def test_an_answer_is_good_once(entra, browser):
    callback = choose(entra, begin(browser), "sam")
    browser.get(callback)

    while_in = browser.get(callback)
    browser.post(reverse("logout"))
    replayed = browser.get(callback)

    assert while_in.status_code == replayed.status_code == 400
    assert "belongs to no sign-in" in replayed.content.decode()
    assert not is_in(browser)


def test_a_refused_answer_uses_up_what_was_begun(entra, browser):
    callback = choose(entra, begin(browser), "sam")
    browser.get(CALLBACK, {"code": "x", "state": "of somebody else"})

    assert browser.get(callback).status_code == 400
    assert not is_in(browser)
    assert not EntraPerson.objects.exists()


def test_an_answer_is_good_in_the_browser_that_asked_only(entra, browser):
    callback = choose(entra, begin(browser), "sam")

    for stranger in (Client(headers={"host": HOST}), Client(headers={"host": HOST})):
        begin(stranger)
        assert stranger.get(callback).status_code == 400
        assert not is_in(stranger)
    assert not EntraPerson.objects.exists()


def test_a_stolen_code_is_worth_nothing_with_ones_own_state(entra, browser):
    code = parse_qs(urlsplit(choose(entra, begin(browser), "sam")).query)["code"][0]
    thief = Client(headers={"host": HOST})
    own_state = parse_qs(urlsplit(begin(thief)).query)["state"][0]

    refused = thief.get(CALLBACK, {"code": code, "state": own_state})

    assert refused.status_code == 403
    assert "AADSTS501481" in refused.content.decode()
    assert not is_in(thief)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"code": "x"},
        {"state": "x", "code": "x"},
        {"state": "\x00\ud83d", "code": "\x00"},
        {"state": ["a", "b"], "code": ["a", "b"]},
        {"error": "access_denied", "error_description": "<script>alert(1)</script>"},
        {"id_token": "e30.e30.", "access_token": "x"},
    ],
)
@pytest.mark.parametrize("has_begun", [True, False])
def test_an_answer_that_makes_no_sense_is_refused_with_a_message(entra, browser, query, has_begun):
    if has_begun:
        begin(browser)
    refused = browser.get(
        CALLBACK, {k: v.encode(errors="replace") if isinstance(v, str) else v for k, v in query.items()}
    )

    assert refused.status_code == 400
    assert "<script>alert" not in refused.content.decode()
    assert not is_in(browser)


def test_what_entra_says_of_an_error_is_shown_as_its_name_and_code_only(entra, browser):
    entra.control("mode", name="sign_in", value="denied")

    page = sign_in(browser, entra, "sam").content.decode()

    assert "access_denied AADSTS65004" in page
    assert "declined" not in page


PAYLOADS = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "http:///evil.example",
    "///evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "evil.example",
    "%2f%2fevil",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_it_leads_on_to_our_own_pages_only(entra, browser, payload):
    assert sign_in(browser, entra, "sam", payload)["Location"] == "/"
    # Who is in already goes there at once.
    assert browser.get(BEGIN, {"next": payload})["Location"] == "/"


@pytest.mark.security(id="S20")
def test_the_key_of_the_session_changes_at_the_sign_in(entra, browser):
    address = begin(browser)
    before = browser.session.session_key

    browser.get(choose(entra, address, "sam"))

    assert browser.session.session_key != before
    stale = Client(headers={"host": HOST})
    stale.cookies["sessionid"] = before
    assert not stale.session.get("_auth_user_id")


def test_the_way_there_has_all_its_seals(entra, browser):
    query = parse_qs(urlsplit(begin(browser, account="other")).query)

    assert query["response_type"] == ["code"]
    assert query["redirect_uri"] == [f"http://{HOST}{CALLBACK}"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["client_id"] == [entra.environment["MICROSOFT_CLIENT_ID"]]
    assert query["prompt"] == ["select_account"]
    assert "offline_access" not in query["scope"][0]
    assert {"state", "nonce", "code_challenge"} <= set(query)
    kept = browser.session["microsoft_sign_in"]["flow"]
    assert kept["code_verifier"] not in str(query)


@pytest.mark.security(id="S20")
def test_signing_out_ends_both_sessions(entra, browser):
    sign_in(browser, entra, "sam")

    response = browser.post(reverse("logout"))

    there = urlsplit(response["Location"])
    assert f"{there.scheme}://{there.netloc}" == entra.page
    assert there.path == f"/{entra.environment['MICROSOFT_TENANT_ID']}/oauth2/v2.0/logout"
    assert not is_in(browser)
    back = entra.session.get(response["Location"], allow_redirects=False, timeout=10)
    assert back.headers["Location"] == f"http://{HOST}{reverse('login')}"


def test_a_local_account_signs_out_here_only(entra, browser):
    browser.force_login(UserFactory())

    assert browser.post(reverse("logout"))["Location"] == reverse("login")


def test_a_new_key_is_found_and_an_old_one_asked_for_no_more(entra, browser, httpserver):
    keys = id_tokens.SigningKeys(entra.environment["MICROSOFT_TENANT_ID"])
    found = keys.find("sandbox-signing-key")

    with pytest.raises(id_tokens.BadToken, match="unknown key"):
        keys.find("another")

    assert keys.find("sandbox-signing-key").public_numbers() == found.public_numbers()


def test_entra_away_is_a_page_that_asks_to_try_again(entra, browser, settings):
    closed = "https://127.0.0.1:1"
    settings.MICROSOFT = replace(project.MICROSOFT, login_url=closed)
    settings.MICROSOFT_SIGN_IN = replace(project.MICROSOFT_SIGN_IN, login_url=closed, browser_url=closed)
    forget_clients()

    response = browser.get(BEGIN)

    assert response.status_code == 503
    assert "Try again" in response.content.decode()


@pytest.mark.parametrize("fault", ["500", "503", "html", "empty", "bad_json", "401", "429", "reset_after"])
def test_a_token_endpoint_in_trouble_signs_nobody_in(entra, browser, fault):
    callback = choose(entra, begin(browser), "sam")
    entra.control("fault", family="token", kind=fault)

    response = browser.get(callback)

    assert response.status_code == (403 if fault == "401" else 503)
    assert not is_in(browser)
    assert not EntraPerson.objects.exists()
    # One bad answer keeps nobody else out.
    assert sign_in(Client(headers={"host": HOST}), entra, "sam").status_code == 302


def test_nothing_secret_is_logged(entra, browser, caplog):
    caplog.set_level("DEBUG")
    callback = choose(entra, begin(browser), "sam")
    flow = browser.session["microsoft_sign_in"]["flow"]
    browser.get(callback)
    entra.control("mode", name="sign_in", value="wrong_nonce")
    sign_in(Client(headers={"host": HOST}), entra, "sam")

    ours = "\n".join(line.getMessage() for line in caplog.records if not line.name.startswith(("urllib3", "django")))
    code = parse_qs(urlsplit(callback).query)["code"][0]
    for secret in (code, flow["code_verifier"], flow["nonce"], entra.environment["MICROSOFT_CLIENT_SECRET"], "eyJ"):
        assert secret not in ours
    assert "entra_sign_in" in ours


def test_the_sign_in_page_offers_it_where_it_is_on(entra, browser):
    page = browser.get(reverse("login"), {"next": "/devices/"}).content.decode()

    assert f'href="{BEGIN}?next=/devices/"' in page
    assert "Sign in with Microsoft" in page
    assert 'name="password"' in page


@pytest.mark.parametrize("address", [BEGIN, CALLBACK])
def test_where_it_is_off_it_is_not_there(client, address):
    assert client.get(address).status_code == 404
    assert "Microsoft" not in client.get(reverse("login")).content.decode()


def test_a_local_account_signs_in_as_before(entra, browser):
    user = UserFactory()
    user.set_password("correct horse battery")
    user.save()

    response = browser.post(reverse("login"), {"username": user.username, "password": "correct horse battery"})

    assert response.status_code == 302
    assert browser.session["_auth_user_id"] == str(user.pk)


def test_somebody_of_entra_has_no_password_to_sign_in_with(entra, browser):
    sign_in(browser, entra, "sam")
    user = user_of(entra, "sam")
    other = Client(headers={"host": HOST})

    for password in ("", user.password, "!"):
        other.post(reverse("login"), {"username": user.username, "password": password})

    assert not is_in(other)
    assert user.username == f"{user.entra.object_id}@{uuid.UUID(entra.environment['MICROSOFT_TENANT_ID'])}"
