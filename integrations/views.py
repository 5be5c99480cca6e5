"""The Settings pages, and what is done on them."""

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.forms import Form
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from remediation.models import Feed, FeedKind, Heartbeat, RemediationActivity, Ticket, TicketSystem
from remediation.rules.target_groups import ask_for_group
from remediation.rules.ticket_systems import switch
from remediation.rules.transitions import InvalidTransition
from remediation.signed_in import SignedInRequest

from . import connection, syncs, ticket_systems, trial
from .delivery import linking, people
from .delivery.closing import CannotClose, close_second
from .feeds import loading
from .feeds.fetching import address
from .forms import AbandonForm, AdoptionForm, ConnectionTestForm, LinkForm, SwitchForm
from .models import SyncRun, SyncState
from .operation import concerns, troubles
from .operation.standing import standings

_LAST_TESTS = "connection_tests"
_RUNS_SHOWN = 5
_RUNS_A_PAGE = 50


@require_GET
def settings_features(request: SignedInRequest) -> HttpResponse:
    context = {
        "here": "features",
        "cards": ticket_systems.cards(_last_tests(request)),
        "microsoft": settings.MICROSOFT,
        "rows": [syncs.as_row(run) for run in SyncRun.objects.all()[:_RUNS_SHOWN]],
    }
    return render(request, "integrations/settings_features.html", context)


def _last_tests(request: SignedInRequest) -> dict[str, dict]:
    """The person's last connection test of each ticket system in this session."""
    tests = request.session.get(_LAST_TESTS, {})
    return {key: test | {"at": parse_datetime(test["at"])} for key, test in tests.items()}


@require_POST
def settings_switch(request: SignedInRequest, key: str) -> HttpResponse:
    system = get_object_or_404(TicketSystem, key=key)
    form = SwitchForm(system, request.POST)
    if not form.is_valid():
        messages.error(request, _in_words(form))
    elif switch(system, form.cleaned_data["is_enabled"], by=request.user):
        words = ticket_systems.WORDS[key]
        messages.success(request, str(words.is_on if system.is_enabled else words.is_off))
    return redirect("settings_features")


@require_POST
def settings_connection_test(request: SignedInRequest, key: str) -> HttpResponse:
    system = get_object_or_404(TicketSystem, key=key)
    form = ConnectionTestForm(system, request.POST)
    if not form.is_valid():
        messages.error(request, _in_words(form))
        return redirect("settings_features")
    try:
        test = trial.try_connection(system, with_writing=form.cleaned_data["with_writing"], by=request.user)
    except trial.CannotTest as reason:
        messages.error(request, str(reason))
    else:
        request.session[_LAST_TESTS] = request.session.get(_LAST_TESTS, {}) | {key: test}
    return redirect("settings_features")


@require_GET
def settings_sources(request: SignedInRequest) -> HttpResponse:
    context = {
        "here": "sources",
        "microsoft": settings.MICROSOFT,
        "sign_in": connection.defender_sign_in(),
        "sync_every": syncs.every(settings.SYNC_EVERY),
        "changes_every": syncs.every(settings.DELTA_EVERY) if settings.DELTA_EVERY else "",
        "not_configured": connection.NOT_CONFIGURED,
        "last_complete": SyncRun.objects.last_complete(),
        "running": SyncRun.objects.running().exists(),
        "feeds": [(feed, address(feed.kind)) for feed in Feed.objects.each()],
    }
    return render(request, "integrations/settings_sources.html", context)


@require_POST
def settings_feed_load(request: SignedInRequest, kind: str) -> HttpResponse:
    if kind not in FeedKind.values:
        raise Http404
    try:
        loading.ask(kind, by=request.user)
    except loading.FeedRefused as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, _("The file is read in the background. What came of it appears here."))
    return redirect("settings_sources")


@require_GET
def settings_delivery(request: SignedInRequest) -> HttpResponse:
    systems = standings()
    context = {
        "here": "delivery",
        "systems": systems,
        "heartbeats": Heartbeat.objects.all(),
        "concerns": [*concerns.of_processes(), *concerns.of_tickets(systems), *concerns.of_records()],
        "findings": troubles.findings(request.user),
        "dead_letters": list(troubles.dead_letters(request.user)),
    }
    return render(request, "integrations/settings_delivery.html", context)


@require_POST
def settings_finding_close(request: SignedInRequest, pk: int) -> HttpResponse:
    finding = get_object_or_404(troubles.visible_findings(request.user), pk=pk)
    try:
        close_second(finding, by=request.user)
    except CannotClose as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, _("The second ticket is closed there. The next complete list takes it away here."))
    return redirect("settings_delivery")


@require_GET
def settings_syncs(request: SignedInRequest) -> HttpResponse:
    pages = Paginator(SyncRun.objects.select_related("requested_by", "confirmed_by"), _RUNS_A_PAGE)
    page = pages.get_page(request.GET.get("page"))
    context = {
        "here": "syncs",
        "page": page,
        "rows": [syncs.as_row(run) for run in page],
        "microsoft": settings.MICROSOFT,
        "running": SyncRun.objects.running().exists(),
        "under_way": [syncs.as_row(run) for run in SyncRun.objects.running()],
        "held": syncs.held_back(),
    }
    return render(request, "integrations/settings_syncs.html", context)


@require_GET
def settings_sync(request: SignedInRequest, pk: int) -> HttpResponse:
    """One run's report. While it runs, its progress asks for itself; at the end the whole page is asked for."""
    run = get_object_or_404(SyncRun.objects.select_related("requested_by", "confirmed_by"), pk=pk)
    context = {"here": "syncs", "row": syncs.as_row(run)}
    if not request.htmx:
        response = render(request, "integrations/settings_sync.html", context)
    elif run.state == SyncState.RUNNING:
        response = render(request, "integrations/_sync_progress.html", context)
    else:
        response = HttpResponse(headers={"HX-Refresh": "true"})
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_POST
def settings_sync_start(request: SignedInRequest) -> HttpResponse:
    try:
        syncs.start(by=request.user)
    except syncs.SyncRefused as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, _("A sync was asked for. It appears here as soon as a worker has begun."))
    return redirect("settings_syncs")


@require_POST
def settings_sync_confirm(request: SignedInRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(SyncRun, pk=pk)
    if not syncs.confirm(run, by=request.user):
        messages.info(request, _("This sync does not wait for a confirmation any more."))
        return redirect("settings_syncs")
    try:
        syncs.start(by=request.user)
    except syncs.SyncRefused as reason:
        messages.warning(request, _("Confirmed. The next sync closes what is missing. %(why)s") % {"why": reason})
    else:
        messages.success(request, _("Confirmed. A sync was asked for, which closes what is missing."))
    return redirect("settings_syncs")


@require_POST
def ticket_retry(request: SignedInRequest, pk: int) -> HttpResponse:
    return _see_to(request, pk, people.retry, Form(request.POST), _("The ticket is tried again."))


@require_POST
def ticket_adopt(request: SignedInRequest, pk: int) -> HttpResponse:
    return _see_to(request, pk, people.adopt, AdoptionForm(request.POST), _("The ticket was linked with that one."))


@require_POST
def ticket_abandon(request: SignedInRequest, pk: int) -> HttpResponse:
    return _see_to(request, pk, people.abandon, AbandonForm(request.POST), _("The ticket was given up."))


def _see_to(request: SignedInRequest, pk: int, deed: Callable[..., Ticket], form: Form, done: str) -> HttpResponse:
    """What a person does about a ticket that does not get on; the answer is its activity's page, or the conflict."""
    visible = Ticket.objects.visible_to(request.user).select_related("activity", "system")
    ticket = get_object_or_404(visible, pk=pk)
    if not form.is_valid():
        messages.error(request, _in_words(form))
        return redirect(ticket.activity)
    try:
        deed(ticket, **form.cleaned_data, by=request.user)
    except InvalidTransition as conflict:
        return render(request, "409.html", {"conflict": conflict, "activity": ticket.activity}, status=409)
    except people.CannotAdopt as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, done)
    return redirect(ticket.activity)


@require_POST
def ticket_link(request: SignedInRequest, pk: int) -> HttpResponse:
    """Of an activity: one that stands there with a reference of ours becomes its ticket."""
    activity = get_object_or_404(RemediationActivity.objects.visible_to(request.user), pk=pk)
    form = LinkForm(request.POST)
    if not form.is_valid():
        messages.error(request, _in_words(form))
        return redirect(activity)
    try:
        linking.link(form.cleaned_data["finding"], activity, by=request.user)
    except people.CannotAdopt as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, _("The ticket was linked with this activity."))
    return redirect(activity)


@require_POST
def ticket_group(request: SignedInRequest, pk: int) -> HttpResponse:
    ticket = get_object_or_404(Ticket.objects.visible_to(request.user).select_related("activity"), pk=pk)
    if not settings.MICROSOFT.makes_groups:
        messages.error(request, _("Target groups are off: no registration for them is configured."))
    elif ask_for_group(ticket, by=request.user):
        messages.success(request, _("The group is made and filled in the background."))
    else:
        messages.info(request, _("This group was asked for already."))
    return redirect(ticket.activity)


def _in_words(form: Form) -> str:
    return " ".join(str(error) for errors in form.errors.values() for error in errors)
