"""Where people sign in and out: a page to choose who one is, the code for the way back, and the token for the code.

Links and no forms, since a form of the page may lead nowhere else. The product stands on the same machine, so only a
callback on the loopback counts as registered.
"""

from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from . import sections
from .entra_errors import error
from .id_tokens import ID_TOKEN_LIFE, id_token
from .messages import Answer, Request, json_answer
from .people import PEOPLE, sign_in_name

if TYPE_CHECKING:
    from .tenant import Tenant

HTML = "text/html; charset=utf-8"
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
CALLBACK = "/accounts/microsoft/callback/"


class _Unfit(ValueError):
    """A request to sign in that Entra would show on its own page, for there is nowhere to send people back to."""


def answer(tenant: "Tenant", request: Request) -> Answer | None:
    """The page's part of Entra; None for other addresses."""
    place = request.path.removeprefix(f"/{tenant.id}/oauth2/v2.0/")
    if request.method != "GET" or place not in ("authorize", "logout"):
        return None
    try:
        return _authorize(tenant, request) if place == "authorize" else _sign_out(request)
    except _Unfit as unfit:
        return _page("sign_in_error.html", 400, words=str(unfit))


def _authorize(tenant: "Tenant", request: Request) -> Answer:
    _check(tenant, request.query)
    person = request.query.get("person", "")
    if person not in PEOPLE:
        rows = "".join(_row(tenant, request, name) for name in PEOPLE)
        return _page("sign_in.html", raw={"rows": rows}, mode=tenant.mode("sign_in"))
    return _send_back(tenant, request.query, person)


def _check(tenant: "Tenant", query: dict[str, str]) -> None:
    _check_callback(query.get("redirect_uri", ""), CALLBACK, "AADSTS50011: The redirect URI is not registered.")
    if query.get("client_id", "").lower() != tenant.credentials["MICROSOFT_CLIENT_ID"]:
        raise _Unfit("AADSTS700016: There is no such application in this directory.")
    if query.get("response_type") != "code" or "openid" not in query.get("scope", "").split():
        raise _Unfit("AADSTS900144: It must ask for a code, with the scope openid.")
    if query.get("code_challenge_method") != "S256" or not query.get("code_challenge") or not query.get("state"):
        raise _Unfit("AADSTS9002325: A code challenge by S256, and a state, are needed.")


def _check_callback(address: str, path: str, words: str) -> None:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or parts.hostname not in _LOOPBACK or not parts.path.startswith(path):
        raise _Unfit(words)


def _row(tenant: "Tenant", request: Request, person: str) -> str:
    return sections.fill(
        "sign_in_person.html",
        address=f"{request.path}?{urlencode(request.query | {'person': person})}",
        name=PEOPLE[person],
        account=sign_in_name(person),
        roles=", ".join(tenant.app_roles[person]) or "no app role",
    )


def _send_back(tenant: "Tenant", query: dict[str, str], person: str) -> Answer:
    mode, callback = tenant.mode("sign_in"), query["redirect_uri"]
    if mode == "denied":
        words = "AADSTS65004: User declined to consent to access the app."
        return _redirect(callback, error="access_denied", error_description=words, state=query["state"])
    asked = (person, query["client_id"], callback, query.get("nonce", ""), query["code_challenge"])
    code = tenant.codes.make(*asked, with_time="max_age" in query)
    if mode == "replayed_code":
        code = tenant.codes.last_used or "used-before"
    state = "0" * 16 if mode == "foreign_state" else query["state"]
    return _redirect(callback, code=code, state=state)


def _redirect(callback: str, **query: str) -> Answer:
    return Answer(302, headers={"Location": f"{callback}?{urlencode(query)}"})


def _sign_out(request: Request) -> Answer:
    back = request.query.get("post_logout_redirect_uri", "")
    if not back:
        return _page("sign_in_error.html", words="You are signed out.")
    _check_callback(back, "/accounts/", "AADSTS50011: The address after signing out is not registered.")
    return Answer(302, headers={"Location": back})


def _page(template: str, status: int = 200, raw: dict[str, str] | None = None, **values: str) -> Answer:
    content = sections.fill(template, raw, **values)
    whole = sections.fill("base.html", {"links": "", "notice": "", "content": content}, title="Sign in")
    return Answer(status, whole.encode(), HTML)


def redeem(tenant: "Tenant", form: dict[str, str], issuer: str) -> Answer:
    """The tokens for a code, of a client whose secret was right."""
    grant = tenant.codes.take(form.get("code", ""))
    if grant is None:
        text = "OAuth2 Authorization code was already redeemed, please retry with a new valid code."
        return error(400, "invalid_grant", 54005, text)
    if grant.client.lower() != form["client_id"].lower() or grant.redirect_uri != form.get("redirect_uri"):
        text = "The reply address does not match the reply address provided when requesting the code."
        return error(400, "invalid_grant", 500112, text)
    if not grant.is_proved_by(form.get("code_verifier", "")):
        return error(
            400, "invalid_grant", 501481, "The Code_Verifier does not match the code_challenge supplied in the request."
        )
    body = {
        "token_type": "Bearer",
        "scope": "openid profile email",
        "expires_in": ID_TOKEN_LIFE - 1,
        "ext_expires_in": ID_TOKEN_LIFE - 1,
        # Of Graph, and opaque to everybody else.
        "access_token": "opaque",
        "id_token": id_token(tenant, grant, issuer),
    }
    return json_answer(body)
