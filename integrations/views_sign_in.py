"""The way to Microsoft's sign-in and back, and out again."""

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from remediation.signed_in import SignedInRequest
from remediation.way_back import own_path

from . import sign_in

# In the session: a sign-in under way, and afterwards that this is how its person came in.
_PENDING = "microsoft_sign_in"
_CAME_IN = "came_in_with_microsoft"


@login_not_required
@require_GET
@never_cache
def sign_in_with_microsoft(request: HttpRequest) -> HttpResponse:
    """On to Entra. A link and no form: where a form may lead on to is limited, and Entra may send people further."""
    _ask_whether_on()
    path = own_path(request.GET.get("next", ""))
    if request.user.is_authenticated:
        return redirect(path)
    callback = request.build_absolute_uri(reverse("microsoft_signed_in"))
    try:
        flow = sign_in.begin(callback, with_another_account=request.GET.get("account") == "other")
    except sign_in.SignInRefused as refusal:
        return _refuse(request, refusal)
    request.session[_PENDING] = {"flow": flow.pending, "path": path}
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
    # With a new key for the session. The last backend is the one that knows permissions.
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[-1])
    request.session[_CAME_IN] = True
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
