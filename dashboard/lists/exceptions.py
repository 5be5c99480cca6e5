"""The Remediation page's tab of exceptions: what is not remediated for a time, why, for whom and until when."""

from datetime import timedelta
from typing import Any

import django_filters
from django.db.models import F, Q, QuerySet
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy
from django.views.decorators.http import require_GET

from remediation.models import (
    ExceptionStatus,
    Justification,
    RecommendationException,
    User,
)

from .. import cells
from ..exceptions import with_size, with_subject
from ..groups import Selection, selection
from ..numbers import CountOf, exceptions_in, numbers
from ..requests import Request
from .base import ChoicesFilter, Column, List, ListFilters, ListTable, Row, show, text_filter
from .tabs import ask_tabs


def _title(row: Row) -> SafeString:
    return format_html(
        '<a class="t" href="{}">{}</a><span class="small muted">{}</span>'
        '<span class="d-md-none d-block mt-1 small">{}</span>',
        reverse("exception", args=[row["pk"]]),
        row["subject"],
        f"{row['about']} · #{row['pk']}",
        cells.exception_status(row["status"]),
    )


def _scope(row: Row) -> Any:
    if row["all_groups"]:
        return _("All devices")
    return ngettext("%(n)s device group", "%(n)s device groups", row["groups"]) % {"n": row["groups"]}


def _impact(row: Row) -> Any:
    """Points of the score when it was filed, for whoever sees all that it is about."""
    return cells.EMPTY if row["impact_of_all"] is None else cells.number(row["impact_of_all"], 2)


def _end(row: Row) -> SafeString:
    """The last day, with how often it was put off."""
    deferrals = row["deferrals"]
    words = ngettext("extended once", "extended %(n)s times", deferrals) % {"n": deferrals} if deferrals else ""
    return format_html(
        '{}<span class="d-block small muted">{}</span>', cells.day(row["ends_at"] - timedelta(seconds=1)), words
    )


def _person(name: str) -> Any:
    return lambda row: row[f"{name}__username"] or cells.EMPTY


class ExceptionTable(ListTable):
    fields = (
        "subject",
        "about",
        "justification",
        "all_groups",
        "groups",
        "exposed_now",
        "impact_of_all",
        "filed_by__username",
        "approved_by__username",
        "filed_at",
        "ends_at",
        "deferrals",
        "status",
    )
    default_sort = "-filed"
    extra_csv = [
        ("recommendation_id", F("recommendation__source_id")),
        ("weakness", F("weakness__name")),
        ("lowers_scores", F("is_counted")),
        ("reported_inaccuracy", F("report")),
        ("context", F("context")),
        ("evidence", F("evidence")),
        ("exposed_when_filed", F("exposed_of_all")),
        ("approved_at", F("approved_at")),
        ("status_changed_by", F("status_changed_by__username")),
        ("status_changed_at", F("status_changed_at")),
        ("status_note", F("status_note")),
        ("extends", F("renews")),
    ]

    title = Column(
        gettext_lazy("Recommendation or weakness"),
        _title,
        sort="subject",
        head=True,
        csv=[("id", F("pk")), ("recommendation", F("recommendation__name"))],
    )
    justification = Column(
        gettext_lazy("Justification"),
        lambda row: cells.label(row["justification"], Justification),
        sort="justification",
        css="two hide-s",
        csv=[("justification", F("justification"))],
    )
    scope = Column(
        gettext_lazy("Scope"), _scope, css="two hide-m", csv=[("all_devices", F("all_groups")), ("groups", F("groups"))]
    )
    exposed = Column(
        gettext_lazy("Exposed devices"),
        lambda row: cells.number(row["exposed_now"]),
        sort="exposed_now",
        css="num hide-t",
        csv=[("exposed_devices", F("exposed_now"))],
    )
    impact = Column(
        gettext_lazy("Impact"),
        _impact,
        sort="impact_of_all",
        css="num hide-t",
        csv=[("impact_when_filed", F("impact_of_all"))],
    )
    filed_by = Column(
        gettext_lazy("Filed by"),
        _person("filed_by"),
        sort="filed_by__username",
        css="two hide-t",
        csv=[("filed_by", F("filed_by__username"))],
    )
    approved_by = Column(
        gettext_lazy("Approved by"),
        _person("approved_by"),
        sort="approved_by__username",
        css="two hide-t",
        csv=[("approved_by", F("approved_by__username"))],
    )
    filed = Column(
        gettext_lazy("Filed"),
        lambda row: cells.day(row["filed_at"]),
        sort="filed_at",
        css="muted text-nowrap hide-t",
        csv=[("filed_at", F("filed_at")), ("started_at", F("started_at"))],
    )
    ends = Column(
        gettext_lazy("Ends"),
        _end,
        sort="ends_at",
        css="text-nowrap",
        csv=[("ends_at", F("ends_at")), ("extensions", F("deferrals"))],
    )
    status = Column(
        gettext_lazy("Status"),
        lambda row: cells.exception_status(row["status"]),
        sort="status",
        css="hide-s",
        csv=[("status", F("status"))],
    )


class ExceptionFilters(ListFilters):
    q = text_filter("with_text")
    status = ChoicesFilter(choices=ExceptionStatus, label=gettext_lazy("Status"))
    justification = ChoicesFilter(choices=Justification, label=gettext_lazy("Justification"))
    of = django_filters.ChoiceFilter(
        method="of_kind",
        choices=[("recommendation", gettext_lazy("Recommendations")), ("weakness", gettext_lazy("Weaknesses"))],
        label=gettext_lazy("Of"),
        empty_label=gettext_lazy("Any"),
    )
    mine = django_filters.ChoiceFilter(
        method="for_me",
        choices=[
            ("filed", gettext_lazy("Filed by me")),
            ("deciding", gettext_lazy("Waiting for my approval")),
            ("ending", gettext_lazy("Ending within 14 days")),
        ],
        label=gettext_lazy("To do"),
        empty_label=gettext_lazy("Any"),
    )

    class Meta:
        model = RecommendationException
        fields: list[str] = []

    def with_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(
            Q(recommendation__name__icontains=value)
            | Q(recommendation__related_component__icontains=value)
            | Q(weakness__name__icontains=value)
            | Q(context__icontains=value)
        )

    def of_kind(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(weakness__isnull=value != "weakness")

    def for_me(self, queryset: Any, name: str, value: str) -> QuerySet:
        user = self.request.user
        if value == "filed":
            return queryset.filter(filed_by=user)
        return to_decide(queryset, user) if value == "deciding" else ending_for(queryset, user)


def to_decide(exceptions: Any, user: User) -> QuerySet:
    """What waits for this person's word: never their own."""
    if not user.has_perm("remediation.approve_exception"):
        return exceptions.none()
    return exceptions.awaiting_approval().exclude(filed_by=user)


def ending_for(exceptions: Any, user: User) -> QuerySet:
    return exceptions.ending(timezone.now()).concerning(user)


def ask_to_do(request: Request, groups: Selection) -> None:
    """What exceptions ask of the reader, on the dashboard too."""
    found, user = exceptions_in(groups), request.user
    numbers(request).ask(
        exceptions_to_decide=CountOf(to_decide(found, user)), exceptions_ending=CountOf(ending_for(found, user))
    )


class ExceptionList(List):
    counted_as = "tab_exceptions"

    def ask(self) -> None:
        ask_tabs(self.request, self.groups)
        ask_to_do(self.request, self.groups)

    def prepare(self, queryset: QuerySet) -> QuerySet:
        return with_subject(with_size(queryset, self.groups))


@require_GET
def exceptions(request: Request) -> HttpResponseBase:
    listing = ExceptionList(
        request,
        ExceptionTable,
        ExceptionFilters,
        exceptions_in(selection(request)),
        view="exceptions",
        title=_("Remediation"),
        noun=ngettext_lazy("exception", "exceptions"),
        empty={
            "icon": "shield-slash",
            "title": _("No exception"),
            "text": _(
                "Where a fix is blocked for now, an exception says why, for which devices and until when. "
                "It is filed from a recommendation or a weakness, by Exception options."
            ),
        },
    )
    return show(
        listing,
        "dashboard/exceptions.html",
        placeholder=_("Filter by recommendation, weakness or context"),
        tab="exceptions",
        numbers=numbers(request),
    )
