"""What people do about their own sign-in: by password, once more before what matters, and with a new password."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import AuthenticationForm, SetPasswordForm
from django.contrib.auth.views import LoginView
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from . import confirmation
from .forms_people import ConfirmationForm
from .models import AuditEvent
from .signed_in import SignedInRequest
from .way_back import own_path


class SignIn(LoginView):
    """By password, which has then been shown just now."""

    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        confirmation.confirm(self.request)
        return response


# Django's own would take a PUT for a POST, and answer OPTIONS.
login = require_http_methods(["GET", "POST"])(SignIn.as_view())


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def confirm_identity(request: SignedInRequest) -> HttpResponse:
    path = own_path((request.POST or request.GET).get("next", ""))
    form = ConfirmationForm(request, request.POST or None)
    if form.is_valid():
        AuditEvent.objects.record(request.user, "confirm identity", by=request.user)
        confirmation.confirm(request)
        return redirect(path)
    if form.has_error("password", "wrong"):
        AuditEvent.objects.record(request.user, "fail to confirm identity", by=request.user)
    context = {"form": form, "next": path, "minutes": int(confirmation.lasts().total_seconds() // 60)}
    return render(request, "registration/confirmation.html", context)


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def change_password(request: SignedInRequest) -> HttpResponse:
    """One's own. The old one is asked for before this page opens; all other sessions end."""
    if not request.user.has_usable_password():
        raise PermissionDenied(_("Who signs in with Microsoft has no password here."))
    form = SetPasswordForm(request.user, request.POST or None)
    if not form.is_valid():
        return render(request, "registration/password.html", {"form": form})
    with transaction.atomic():
        form.save()
        AuditEvent.objects.record(request.user, "change password", by=request.user)
    update_session_auth_hash(request, request.user)
    messages.success(request, _("Your password is changed. Wherever else you were signed in, you are not any more."))
    return redirect("overview")
