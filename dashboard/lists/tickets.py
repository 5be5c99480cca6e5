"""The Remediation page's tab of tickets: what was asked of which ticket system, and how that fares."""

from django.db.models import F, Q, QuerySet
from django.http.response import HttpResponseBase
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.http import require_GET

from remediation.models import FINAL_STATES, DeliveryState, RemoteState, Ticket
from remediation.workers import no_worker, worker_seen_at

from .. import cells
from ..details.parts import with_progress
from ..groups import selection
from ..numbers import CountOf, numbers, tickets_in
from ..requests import Request
from .base import ChoicesFilter, Column, List, ListFilters, ListTable, Row, show, text_filter
from .tabs import ask_tabs


def _title(row: Row) -> SafeString:
    return format_html(
        '<a class="t" href="/remediation/activities/{}/#tickets">{}</a><span class="small muted">#{}</span>'
        '<span class="d-md-none d-block mt-1">{}</span>',
        row["activity_id"],
        row["activity__title"],
        row["activity_id"],
        _delivery(row),
    )


def _delivery(row: Row) -> SafeString:
    return cells.delivery_pill(row["delivery_state"], row["next_attempt_at"], row["attempts"])


def _part(row: Row) -> str:
    return _("%(batch)s of %(batches)s") % {"batch": row["batch"], "batches": row["batches"]}


def _remote(row: Row) -> SafeString:
    return cells.remote_state(row["remote_state"]) if row["remote_id"] else cells.EMPTY


class TicketTable(ListTable):
    fields = (
        "activity_id",
        "activity__title",
        "system__name",
        "batch",
        "batches",
        "in_devices",
        "delivery_state",
        "next_attempt_at",
        "attempts",
        "remote_id",
        "remote_state",
        "remote_changed_at",
        "created_at",
        "reason",
        "remote_note",
    )
    default_sort = "-created"
    extra_csv = [
        ("marker", F("marker")),
        ("remote_id", F("remote_id")),
        ("attempts", F("attempts")),
        ("remote_note", F("remote_note")),
    ]

    activity = Column(
        gettext_lazy("Activity"),
        _title,
        sort="activity__title",
        head=True,
        csv=[("activity_id", F("activity_id")), ("activity", F("activity__title"))],
    )
    system = Column(
        gettext_lazy("System"),
        lambda row: row["system__name"],
        sort="system__name",
        css="two text-nowrap hide-m",
        csv=[("system", F("system_id"))],
    )
    part = Column(
        gettext_lazy("Part"), _part, css="hide-s text-nowrap", csv=[("part", F("batch")), ("parts", F("batches"))]
    )
    devices = Column(
        gettext_lazy("Devices"),
        lambda row: cells.number(row["in_devices"]),
        sort="in_devices",
        css="num",
        csv=[("devices", F("in_devices"))],
    )
    delivery = Column(
        gettext_lazy("Delivery"),
        _delivery,
        sort="delivery_state",
        css="hide-s",
        csv=[("delivery", F("delivery_state"))],
    )
    remote = Column(
        gettext_lazy("In the ticket system"), _remote, sort="remote_state", csv=[("remote", F("remote_state"))]
    )
    reason = Column(
        gettext_lazy("Reason"),
        lambda row: row["reason"] or row["remote_note"] or cells.EMPTY,
        css="two small hide-m text-break",
        csv=[("reason", F("reason"))],
    )
    changed = Column(
        gettext_lazy("Changed"),
        lambda row: cells.moment(row["remote_changed_at"] or row["created_at"]),
        sort="remote_changed_at",
        css="muted text-nowrap hide-t",
        csv=[("changed_at", F("remote_changed_at"))],
    )
    created = Column(
        gettext_lazy("Created"),
        lambda row: cells.moment(row["created_at"]),
        sort=("created_at", "batch"),
        css="muted text-nowrap hide-m",
        csv=[("created_at", F("created_at"))],
    )


class TicketFilters(ListFilters):
    q = text_filter("with_text")
    delivery = ChoicesFilter(field_name="delivery_state", choices=DeliveryState, label=gettext_lazy("Delivery"))
    remote = ChoicesFilter(field_name="remote_state", choices=RemoteState, label=gettext_lazy("In the ticket system"))

    class Meta:
        model = Ticket
        fields: list[str] = []

    def with_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(Q(activity__title__icontains=value) | Q(marker=value) | Q(remote_id=value))


class TicketList(List):
    counted_as = "tab_tickets"

    def ask(self) -> None:
        ask_tabs(self.request, self.groups)
        waiting = tickets_in(self.groups).exclude(delivery_state__in=FINAL_STATES)
        numbers(self.request).ask(tickets_waiting=CountOf(waiting, cap=1), worker_seen_at=worker_seen_at())

    def prepare(self, queryset: QuerySet) -> QuerySet:
        """`in_devices`: those of its devices that the reader may see."""
        if self.groups.sees_everything:
            return queryset.annotate(in_devices=F("devices"))
        return with_progress(queryset, self.groups).annotate(in_devices=F("here_targets"))

    @property
    def no_worker(self) -> str:
        """Only while something waits for one."""
        asked = numbers(self.request)
        return no_worker(asked["worker_seen_at"]) if asked["tickets_waiting"] else ""


@require_GET
def tickets(request: Request) -> HttpResponseBase:
    listing = TicketList(
        request,
        TicketTable,
        TicketFilters,
        tickets_in(selection(request)),
        view="tickets",
        title=_("Remediation"),
        noun=ngettext_lazy("ticket", "tickets"),
        empty={
            "icon": "ticket-perforated",
            "title": _("No ticket yet"),
            "text": _("A remediation request opens one where the connection to a ticket system is switched on."),
        },
    )
    return show(
        listing,
        "dashboard/tickets.html",
        placeholder=_("Filter by activity, marker or id"),
        tab="tickets",
        numbers=numbers(request),
    )
