"""The audit trail: who did what to what, when and through what. For those who see all device groups."""

from datetime import date, datetime, time, timedelta
from typing import Any

import django_filters
from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import BigIntegerField, Case, F, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Cast
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.http import require_GET

from remediation.models import AuditEvent, Through, Ticket

from .. import cells
from ..audit import ALL_WORDS, SUBJECTS, address_of_subject, changes, deed, kind_of_subject
from ..groups import require_all_groups
from ..requests import Request
from .base import Column, List, ListFilters, ListTable, Row, show, text_filter

_TICKET = Ticket._meta.label_lower


def _who(row: Row) -> SafeString:
    return cells.two_lines(row["actor_name"], row["actor__username"])


def _what(row: Row) -> SafeString:
    icon, words = deed(row["verb"])
    detail, note = changes(row["before"], row["after"]), f"“{row['note']}”" if row["note"] else ""
    return format_html(
        '<span class="st">{}{}</span><span class="small two text-break d-block">{}</span>'
        '<span class="small muted text-break d-block">{}</span>',
        cells.icon(icon), words, detail, note,
    )  # fmt: skip


def _subject(row: Row) -> SafeString:
    kind, name = kind_of_subject(row["subject_type"]), row["subject_name"]
    url = address_of_subject(row["subject_type"], row["subject_id"], row["ticket_activity"])
    if url:
        return cells.linked(url, name, kind)
    return format_html('<span class="t text-break">{}</span><span class="small muted">{}</span>', name, kind)


def _request(row: Row) -> SafeString:
    return format_html("<code>{}</code>", row["request_id"]) if row["request_id"] else cells.EMPTY


def _sealed(row: Row) -> SafeString:
    if row["sequence"] is None:
        return cells.pill("hourglass-split", "t-warn", _("Not yet"))
    return cells.pill("lock", "t-ok", _("No. %(number)s") % {"number": cells.number(row["sequence"])})


class AuditTable(ListTable):
    fields = (
        "at",
        "actor_name",
        "actor__username",
        "through",
        "verb",
        "subject_type",
        "subject_id",
        "subject_name",
        "ticket_activity",
        "before",
        "after",
        "note",
        "request_id",
        "sequence",
    )
    # The order of writing down, which has an index.
    default_sort = "-at"
    opens = ""
    extra_csv = [("previous", F("previous")), ("seal", F("seal"))]

    at = Column(
        gettext_lazy("When"), lambda row: cells.moment(row["at"]), sort="pk", css="text-nowrap", csv=[("at", F("at"))]
    )
    who = Column(
        gettext_lazy("Who"),
        _who,
        sort="actor_name",
        csv=[("who", F("actor_name")), ("account", F("actor__username"))],
    )
    what = Column(
        gettext_lazy("What"),
        _what,
        sort="verb",
        head=True,
        csv=[("verb", F("verb")), ("before", F("before")), ("after", F("after")), ("note", F("note"))],
    )
    subject = Column(
        gettext_lazy("Of what"),
        _subject,
        sort="subject_name",
        csv=[
            ("subject_kind", F("subject_type")),
            ("subject_id", F("subject_id")),
            ("subject", F("subject_name")),
        ],
    )
    through = Column(
        gettext_lazy("Through"),
        lambda row: cells.label(row["through"], Through),
        sort="through",
        css="two hide-t",
        csv=[("through", F("through"))],
    )
    request = Column(gettext_lazy("Request"), _request, css="hide-m", csv=[("request_id", F("request_id"))])
    sealed = Column(gettext_lazy("Sealed"), _sealed, sort="sequence", css="hide-s", csv=[("sequence", F("sequence"))])


# Beyond these no zone's midnight is a moment that databases know.
_DAYS = [MinValueValidator(date(1971, 1, 1)), MaxValueValidator(date(2199, 12, 31))]


def _day_filter(method: str, label: Any) -> django_filters.DateFilter:
    widget = forms.DateInput(attrs={"type": "date"})
    return django_filters.DateFilter(method=method, label=label, widget=widget, validators=_DAYS)


def _midnight(day: date) -> datetime:
    """The start of the day where the reader is."""
    return timezone.make_aware(datetime.combine(day, time.min))


class AuditFilters(ListFilters):
    q = text_filter("with_text")
    person = django_filters.CharFilter(method="by_person", label=gettext_lazy("Who"), max_length=150)
    verb = django_filters.ChoiceFilter(
        choices=[(verb, words) for verb, (_icon, words) in ALL_WORDS.items()],
        label=gettext_lazy("What"),
        empty_label=gettext_lazy("Any"),
    )
    kind = django_filters.ChoiceFilter(
        field_name="subject_type",
        choices=list(SUBJECTS.items()),
        label=gettext_lazy("Of what"),
        empty_label=gettext_lazy("Any"),
    )
    through = django_filters.MultipleChoiceFilter(choices=Through, label=gettext_lazy("Through"), distinct=False)
    since = _day_filter("from_day", gettext_lazy("From"))
    until = _day_filter("to_day", gettext_lazy("To"))

    class Meta:
        model = AuditEvent
        fields: list[str] = []

    def with_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        in_words = Q(subject_name__icontains=value) | Q(note__icontains=value) | Q(verb__icontains=value)
        return queryset.filter(in_words | Q(actor_name__icontains=value) | Q(request_id=value) | Q(subject_id=value))

    def by_person(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(Q(actor_name__icontains=value) | Q(actor__username__icontains=value))

    def from_day(self, queryset: QuerySet, name: str, value: date) -> QuerySet:
        return queryset.filter(at__gte=_midnight(value))

    def to_day(self, queryset: QuerySet, name: str, value: date) -> QuerySet:
        return queryset.filter(at__lt=_midnight(value + timedelta(days=1)))


class AuditList(List):
    def prepare(self, queryset: QuerySet) -> QuerySet:
        """A ticket's page is that of its activity. Other subjects' keys need not be numbers."""
        ticket = Case(When(subject_type=_TICKET, then=Cast("subject_id", BigIntegerField())))
        activity = Ticket.objects.filter(pk=OuterRef("ticket")).values("activity_id")
        return queryset.annotate(ticket=ticket).annotate(ticket_activity=Subquery(activity))


@require_GET
def audit(request: Request) -> HttpResponseBase:
    require_all_groups(request)
    listing = AuditList(
        request,
        AuditTable,
        AuditFilters,
        AuditEvent.objects.visible_to(request.user),
        view="audit",
        title=_("Audit"),
        noun=ngettext_lazy("event", "events"),
        empty={
            "icon": "list",
            "title": _("No event"),
            "text": _("Each change that a person or the machine makes is written down here."),
        },
    )
    return show(listing, "dashboard/audit.html", placeholder=_("Filter by subject, note, person or request id"))
