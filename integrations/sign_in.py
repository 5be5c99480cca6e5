"""Sign-in with Microsoft: from what Entra sends a person back with to a user of ours, or to why not."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import structlog
from django.conf import settings
from django.utils.translation import gettext as _

from remediation.models import User
from remediation.rules.sign_in import Identity, NotAdmitted, Why, admit

from .microsoft import BadToken, Broken, CodeFlow, NoKeys, read_id_token
from .sources import clean

log = structlog.get_logger(__name__)


class SignInRefused(Exception):
    """Why somebody is not let in, in words for them; the status is that of the page."""

    def __init__(
        self, words: str, http_status: int = 403, *, identity: Identity | None = None, needs_role: bool = False
    ) -> None:
        super().__init__(words)
        self.http_status = http_status
        # Whom Entra says they are, where that was believed.
        self.identity = identity
        self.needs_role = needs_role


def begin(callback: str, *, prompt: str | None = None, max_age: int | None = None) -> CodeFlow:
    """A sign-in under way. `max_age`: seconds since the person last typed something there. Raises SignInRefused."""
    try:
        return CodeFlow.begin(callback, prompt, max_age)
    except Broken as broken:
        raise _refused(broken) from None


def finish(pending: dict[str, Any] | None, answer: dict[str, str]) -> User:
    """The user, by the answer to the sign-in that is pending. Raises SignInRefused."""
    try:
        flow = CodeFlow(pending or {})
        claims = read_id_token(flow.redeem(answer), nonce=flow.nonce)
        identity = _identity(claims)
        user = admit(identity, is_demo=settings.MICROSOFT_SIGN_IN.is_demo)
    except (Broken, BadToken, NoKeys) as problem:
        raise _refused(problem) from None
    except NotAdmitted as refusal:
        log.warning("entra_sign_in_refused", why=refusal.why.value, object_id=str(identity.object_id))
        needs_role = refusal.why is not Why.DISABLED
        raise SignInRefused(str(refusal), identity=identity, needs_role=needs_role) from None
    log.info("entra_sign_in", user=user.pk, object_id=str(identity.object_id))
    return user


def end_session_address(back: str) -> str:
    """Where Entra ends its own session and then leads to `back`, which the registration must know."""
    configured = settings.MICROSOFT_SIGN_IN
    query = urlencode({"post_logout_redirect_uri": back})
    return f"{configured.browser_url}/{configured.tenant_id}/oauth2/v2.0/logout?{query}"


def _identity(claims: dict[str, Any]) -> Identity:
    roles = claims.get("roles")
    elsewhere = claims.get("_claim_names")
    sign_in_name = _text(claims.get("preferred_username"), 255)
    email = _text(claims.get("email"), 254) or sign_in_name
    return Identity(
        tenant_id=UUID(settings.MICROSOFT_SIGN_IN.tenant_id),
        object_id=_object_id(claims.get("oid")),
        name=_text(claims.get("name"), 150),
        sign_in_name=sign_in_name,
        email=email if "@" in email and len(email) <= 254 else "",
        app_roles=frozenset(role for role in roles if isinstance(role, str))
        if isinstance(roles, list)
        else frozenset(),
        leaves_groups_out=bool(claims.get("hasgroups")) or (isinstance(elsewhere, dict) and "groups" in elsewhere),
    )


def _object_id(value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError:
        raise BadToken("object id") from None


def _text(value: object, limit: int) -> str:
    """A name as Entra spells it, on one line."""
    return " ".join(clean.text(value, limit).split()) if isinstance(value, str) else ""


def _refused(problem: Broken | BadToken | NoKeys) -> SignInRefused:
    log.warning("entra_sign_in_refused", why=str(problem))
    if isinstance(problem, NoKeys) or (isinstance(problem, Broken) and problem.is_away):
        return SignInRefused(
            _("Microsoft's sign-in could not be reached or used just now. Try again in a minute."), 503
        )
    if isinstance(problem, Broken) and problem.is_foreign:
        return SignInRefused(
            _("This answer of Microsoft belongs to no sign-in that was begun in this browser, or it was used already."),
            400,
        )
    if isinstance(problem, Broken):
        return SignInRefused(_("Microsoft did not complete the sign-in (%(why)s).") % {"why": problem.why})
    return SignInRefused(_("What Microsoft's sign-in answered did not stand our tests, so nobody was signed in."))
