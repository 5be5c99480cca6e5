"""The forms and POSTs about exceptions: fetch, check the form, call one rule, answer."""

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from .exception_outlook import exception_outlook
from .forms_exceptions import DecisionForm, ExceptionForm, TermForm, proposal_of
from .models import ExceptionStatus, Recommendation, RecommendationException
from .rules import exceptions
from .rules.exceptions import ExceptionRefused
from .rules.transitions import EXCEPTION, InvalidTransition
from .seen import as_seen_by
from .signed_in import SignedInRequest


@require_http_methods(["GET", "POST"])
def exception_options(request: SignedInRequest, pk: int) -> HttpResponse:
    visible = Recommendation.objects.visible_to(request.user)
    recommendation = get_object_or_404(as_seen_by(visible, request.user), pk=pk)
    form = ExceptionForm(recommendation, request.user, data=request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            made, is_new = exceptions.file(recommendation, form.request(), by=request.user)
        except ExceptionRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            _announce(request, made, is_new)
            return redirect(made)
    context = {
        "form": form,
        "recommendation": recommendation,
        "outlook": exception_outlook(recommendation, form.groups, request.user),
    }
    return render(request, "remediation/exception_options.html", context)


@require_http_methods(["GET", "POST"])
def exception_extension(request: SignedInRequest, pk: int) -> HttpResponse:
    exception = get_object_or_404(RecommendationException.objects.visible_to(request.user), pk=pk)
    form = TermForm(data=request.POST if request.method == "POST" else None, initial=proposal_of(exception))
    if form.is_bound and form.is_valid():
        try:
            made, is_new = exceptions.extend(exception, form.request(), by=request.user)
        except ExceptionRefused as refusal:
            form.add_error(None, str(refusal))
        except InvalidTransition as conflict:
            return render(request, "409.html", {"conflict": conflict}, status=409)
        else:
            _announce(request, made, is_new)
            return redirect(made)
    context = {"form": form, "exception": exception, "recommendation": exception.recommendation}
    return render(request, "remediation/exception_extension.html", context)


def _announce(request: SignedInRequest, made: RecommendationException, is_new: bool) -> None:
    if not is_new:
        messages.info(request, _("This exception was filed already. Nothing new was created."))
    elif made.status == ExceptionStatus.AWAITING_APPROVAL:
        waits = _("Until an approver other than you decides, nothing changes.")
        messages.success(request, format_html("<b>{}</b> {}", _("Exception filed."), waits))
    else:
        messages.success(request, format_html("<b>{}</b> {}", _("Exception filed."), _("It is in effect now.")))


@require_POST
def exception_transition(request: SignedInRequest, pk: int) -> HttpResponse:
    exception = get_object_or_404(RecommendationException.objects.visible_to(request.user), pk=pk)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        if "verb" in form.errors:
            raise BadRequest("Unknown verb.")
        context = {"exception": exception, "form": form, "rule": EXCEPTION[form.cleaned_data["verb"]]}
        return render(request, "remediation/exception_transition.html", context, status=400)
    try:
        exceptions.transition(exception, form.cleaned_data["verb"], by=request.user, note=form.cleaned_data["note"])
    except InvalidTransition as conflict:
        return render(request, "409.html", {"conflict": conflict}, status=409)
    messages.success(request, _("The exception is now: %(status)s.") % {"status": exception.get_status_display()})
    return redirect(exception)
