"""The way to Microsoft's sign-in and back, and out again."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from remediation import confirmation
from remediation.models import AuditEvent, User
from remediation.signed_in import SignedInRequest
from remediation.way_back import own_path

from . import sign_in

# In the session: a sign-in under way, and afterwards that this is how its person came in. What is under way may be the
# confirmation of somebody who is in.
_PENDING = "microsoft_sign_in"
_CAME_IN = "came_in_with_microsoft"
_LAST_ADMINISTRATOR = gettext_lazy(
    "Microsoft Entra ID no longer makes you an administrator. You remain one here, because nobody else could manage "
    "people: make another person administrator, and sign in again."
)


@login_not_required
@require_GET
@never_cache
def sign_in_with_microsoft(request: HttpRequest) -> HttpResponse:
    """On to Entra. A link and no form: where a form may lead on to is limited, and Entra may send people further."""
    _ask_whether_on()
    path = own_path(request.GET.get("next", ""))
    if request.user.is_authenticated:
        return redirect(path)
    prompt = "select_account" if request.GET.get("account") == "other" else None
    return _lead_on(request, {"path": path}, prompt=prompt)


@require_GET
@never_cache
def confirm_with_microsoft(request: SignedInRequest) -> HttpResponse:
    """On to Entra, which has to ask for everything once more, however lately it has done so."""
    _ask_whether_on()
    pending = {"path": own_path(request.GET.get("next", "")), "confirms": request.user.pk}
    return _lead_on(request, pending, prompt="login", max_age=int(confirmation.lasts().total_seconds()))


def _lead_on(request: HttpRequest, pending: dict[str, Any], **how: Any) -> HttpResponse:
    callback = request.build_absolute_uri(reverse("microsoft_signed_in"))
    try:
        flow = sign_in.begin(callback, **how)
    except sign_in.SignInRefused as refusal:
        return _refuse(request, refusal)
    request.session[_PENDING] = {"flow": flow.pending, **pending}
    return redirect(flow.address)


@login_not_required
@require_GET
@never_cache
def microsoft_signed_in(request: HttpRequest) -> HttpResponse:
    """Back from Entra. Whatever comes of it, what was pending is used up."""
    _ask_whether_on()
    pending = request.session.pop(_PENDING, None) or {}
    try:
        user = sign_in.finish(pending.get("flow"), request.GET.dict())
    except sign_in.SignInRefused as refusal:
        return _refuse(request, refusal)
    if "confirms" in pending:
        return _confirmed(request, user, pending)
    # With a new key for the session. The last backend is the one that knows permissions.
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[-1])
    request.session[_CAME_IN] = True
    if user.entra.kept_since:
        messages.warning(request, _LAST_ADMINISTRATOR)
    return redirect(own_path(pending["path"]))


def _confirmed(request: HttpRequest, user: User, pending: dict[str, Any]) -> HttpResponse:
    """Whether it is who they are here already. Somebody else takes nobody's place."""
    if not request.user.is_authenticated or not request.user.pk == user.pk == pending["confirms"]:
        words = _("You came back from Microsoft as %(name)s, who is not signed in here. Nothing was confirmed.")
        messages.warning(request, words % {"name": user})
        return redirect(f"{reverse('confirm_identity')}?{urlencode({'next': own_path(pending['path'])})}")
    # Their roles may have just been cut, and with them all sessions but this one.
    update_session_auth_hash(request, user)
    AuditEvent.objects.record(user, "confirm identity", by=user, note="With Microsoft Entra ID.")
    confirmation.confirm(request)
    return redirect(own_path(pending["path"]))


@require_POST
@never_cache
def sign_out(request: SignedInRequest) -> HttpResponse:
    """Out of here; and out of Microsoft too, for who came in from there."""
    leads_on = settings.MICROSOFT_SIGN_IN.is_on and request.session.get(_CAME_IN, False)
    response = LogoutView.as_view()(request)
    if not leads_on:
        return response
    return redirect(sign_in.end_session_address(request.build_absolute_uri(reverse("login"))))


def _ask_whether_on() -> None:
    if not settings.MICROSOFT_SIGN_IN.is_on:
        raise Http404


def _refuse(request: HttpRequest, refusal: sign_in.SignInRefused) -> HttpResponse:
    context = {"refusal": refusal, "app_roles": settings.MICROSOFT_SIGN_IN.app_roles}
    return render(request, "registration/microsoft_refused.html", context, status=refusal.http_status)
