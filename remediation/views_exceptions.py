"""The forms and POSTs about exceptions: fetch, check the form, call one rule, answer."""

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from .exception_outlook import exception_outlook
from .fields import COULD_BE_AN_ID
from .forms_exceptions import DecisionForm, ExceptionForm, TermForm, proposal_of
from .models import ExceptionStatus, InaccuracyReport, Recommendation, RecommendationException, Weakness
from .rules import exceptions
from .rules.exception_subjects import Subject
from .rules.exceptions import ExceptionRefused
from .rules.transitions import EXCEPTION, InvalidTransition
from .seen import as_seen_by
from .signed_in import SignedInRequest


@require_http_methods(["GET", "POST"])
def exception_options(request: SignedInRequest, pk: int) -> HttpResponse:
    visible = Recommendation.objects.visible_to(request.user)
    return _options(request, get_object_or_404(as_seen_by(visible, request.user), pk=pk))


@require_http_methods(["GET", "POST"])
def weakness_exception_options(request: SignedInRequest, pk: int) -> HttpResponse:
    return _options(request, get_object_or_404(Weakness.objects.visible_to(request.user), pk=pk))


def _options(request: SignedInRequest, subject: Subject) -> HttpResponse:
    report = _report(request, subject)
    form = ExceptionForm(subject, request.user, report=report, data=request.POST if request.method == "POST" else None)
    if "preview" in request.POST:
        return _show_options(request, ExceptionForm(subject, request.user, report=report, initial=form.so_far()))
    if form.is_bound and form.is_valid():
        try:
            made, is_new = exceptions.file(subject, form.request(), by=request.user)
        except ExceptionRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            _announce(request, made, is_new)
            return redirect(made)
    return _show_options(request, form)


def _report(request: SignedInRequest, subject: Subject) -> InaccuracyReport | None:
    """The report that the exception is filed for, where the address or the form names one about the same."""
    asked = (request.POST or request.GET).get("report", "")
    if not COULD_BE_AN_ID.fullmatch(asked):
        return None
    about = {"recommendation": subject} if isinstance(subject, Recommendation) else {"version__weaknesses": subject}
    visible = InaccuracyReport.objects.visible_to(request.user).select_related("device__group", "reported_by")
    return get_object_or_404(visible, pk=int(asked), **about)


def _show_options(request: SignedInRequest, form: ExceptionForm) -> HttpResponse:
    """The page, or for a partial update what depends on the choices made so far."""
    context = {
        "form": form,
        "subject": form.subject,
        "recommendation": form.subject if isinstance(form.subject, Recommendation) else None,
        "weakness": form.subject if isinstance(form.subject, Weakness) else None,
        "outlook": exception_outlook(form, request.user),
    }
    template = "_exception_consequences.html" if request.htmx else "exception_options.html"
    response = render(request, f"remediation/{template}", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


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
    context = {"form": form, "exception": exception, "subject": exception.subject}
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
