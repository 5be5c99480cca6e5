"""The forms and POSTs of the work: fetch, check the form, call one rule, answer."""

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import formats, timezone
from django.utils.cache import patch_vary_headers
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from .follow_up import follow_up_proposal
from .forms import RemediationForm, SelectedGroupsForm, ThemeForm, TransitionForm
from .models import Recommendation, RecommendationException, RecommendationStatus, RemediationActivity
from .outlook import outlook
from .rules.activities import transition
from .rules.parts import open_rest
from .rules.requests import RequestRefused, request_remediation
from .rules.transitions import ACTIVITY, InvalidTransition
from .seen import as_seen_by
from .signed_in import SignedInRequest
from .ticket_options import chosen, ticket_options
from .way_back import way_back


@require_http_methods(["GET", "POST"])
def remediation_options(request: SignedInRequest, pk: int) -> HttpResponse:
    visible = Recommendation.objects.visible_to(request.user)
    recommendation = get_object_or_404(as_seen_by(visible, request.user), pk=pk)
    fresh = {"recommendation": recommendation, "user": request.user, "options": ticket_options()}
    if request.method == "GET":
        initial = follow_up_proposal(recommendation, request.GET.get("follow", ""), request.user)
        return _show_options(request, RemediationForm(**fresh, initial=initial))
    form = RemediationForm(**fresh, data=request.POST)
    if "preview" in request.POST:
        return _show_options(request, RemediationForm(**fresh, initial=form.so_far()))
    if form.is_valid():
        try:
            activity, is_new = request_remediation(recommendation, form.request(), by=request.user)
        except RequestRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            _announce(request, activity, is_new)
            return redirect(activity)
    return _show_options(request, form)


def _show_options(request: SignedInRequest, form: RemediationForm) -> HttpResponse:
    """The page, or for a partial update what depends on the choices made so far."""
    option = chosen(form.options, form.wanted_system(form.so_far()))
    context = {
        "form": form,
        "recommendation": form.recommendation,
        "option": option,
        "outlook": outlook(form, option, request.user),
        "excepted": _excepted(form.recommendation, request),
    }
    template = "remediation/_preview.html" if request.htmx else "remediation/remediation_options.html"
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _excepted(recommendation: Recommendation, request: SignedInRequest) -> list[RecommendationException]:
    """What stands against a request; its status says whether there is anything to look for."""
    if recommendation.status == RecommendationStatus.ACTIVE:
        return []
    return list(recommendation.exceptions.in_effect().visible_to(request.user)[:5])


def _announce(request: SignedInRequest, activity: RemediationActivity, is_new: bool) -> None:
    if is_new:
        tickets = activity.tickets.count()
        queued = _("Queued tickets: %(tickets)s.") % {"tickets": tickets} if tickets else _("Without a ticket.")
        messages.success(request, format_html("<b>{}</b> {}", _("Request submitted."), queued))
        return
    when = formats.date_format(timezone.localtime(activity.requested_at), "DATETIME_FORMAT")
    already = _("Already requested by %(who)s on %(when)s. Nothing new was created.")
    messages.info(request, already % {"who": activity.requester, "when": when})


@require_POST
def activity_transition(request: SignedInRequest, pk: int) -> HttpResponse:
    activity = get_object_or_404(RemediationActivity.objects.visible_to(request.user), pk=pk)
    form = TransitionForm(request.POST)
    if not form.is_valid():
        if "verb" in form.errors:
            raise BadRequest("Unknown verb.")
        context = {"activity": activity, "form": form, "rule": ACTIVITY[form.cleaned_data["verb"]]}
        return render(request, "remediation/activity_transition.html", context, status=400)
    try:
        transition(activity, form.cleaned_data["verb"], by=request.user, note=form.cleaned_data["note"])
    except InvalidTransition as conflict:
        return render(request, "409.html", {"conflict": conflict, "activity": activity}, status=409)
    messages.success(request, _("The activity is now: %(status)s.") % {"status": activity.get_status_display()})
    return redirect(activity)


@require_POST
def activity_rest(request: SignedInRequest, pk: int) -> HttpResponse:
    activity = get_object_or_404(RemediationActivity.objects.visible_to(request.user), pk=pk)
    try:
        tickets = open_rest(activity, by=request.user)
    except InvalidTransition as conflict:
        return render(request, "409.html", {"conflict": conflict, "activity": activity}, status=409)
    if tickets:
        messages.success(request, _("Queued tickets: %(tickets)s.") % {"tickets": len(tickets)})
    else:
        messages.info(request, _("Every part that needs work has its ticket already. Nothing new was created."))
    return redirect(activity)


@require_POST
def select_groups(request: SignedInRequest) -> HttpResponse:
    form = SelectedGroupsForm(request.user, data={} if "all" in request.POST else request.POST)
    if form.is_valid():
        request.user.selected_groups.set(form.cleaned_data["groups"])
    else:
        messages.error(request, _("These device groups could not be chosen. Please choose again."))
    # The address would overrule the choice just stored.
    return redirect(way_back(request, without="groups"))


@require_POST
def set_theme(request: SignedInRequest) -> HttpResponse:
    form = ThemeForm(request.POST)
    if not form.is_valid():
        raise BadRequest("Unknown theme.")
    request.user.theme = form.cleaned_data["theme"]
    request.user.save(update_fields=["theme"])
    return redirect(way_back(request))
