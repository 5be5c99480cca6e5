"""The access review: each person's roles and since when, device groups, state and last sign-in; and who has none."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import django_filters
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import Group
from django.db.models import Case, Exists, Max, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.fields import BooleanField
from django.db.models.functions import Now
from django.http.response import HttpResponseBase
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.http import require_GET

from remediation.models import AuditEvent, User
from remediation.models.people import SYSTEM_USERNAME

from .. import cells, exports
from ..access_review import Rights, codes_of_roles, rights_of, roles_with_permissions
from ..groups import require_all_groups
from ..numbers import CountOf, numbers
from ..requests import Request
from .base import Column, List, ListFilters, ListTable, Row, show, text_filter
from .paging import Page

_IDLE = timedelta(days=90)
_GROUPS_NAMED = 4
_A_BATCH = 500

WITHOUT_ROLE = Q(has_role=False, is_superuser=False)
WITHOUT_GROUPS = Q(sees_all_groups=False, has_groups=False)


def people() -> QuerySet[User]:
    """Everybody, the disabled and the machine too, with what the filters ask about."""
    roles = User.groups.through.objects.filter(user=OuterRef("pk"))
    groups = User.device_groups.through.objects.filter(user=OuterRef("pk"))
    permissions = User.user_permissions.through.objects.filter(user=OuterRef("pk"))
    return User.objects.annotate(has_role=Exists(roles), has_groups=Exists(groups), has_permissions=Exists(permissions))


def _person(row: Row) -> SafeString:
    name = f"{row['first_name']} {row['last_name']}".strip() or row["username"]
    return cells.two_lines(name, row["username"])


def _roles(row: Row) -> SafeString:
    lines = [_superuser()] if row["is_superuser"] else []
    lines += [_role(role.name, role.since) for role in row["rights"].roles]
    lines += [format_html("<code>{}</code>", code) for code in row["rights"].permissions]
    if not lines:
        return cells.pill("exclamation-triangle", "t-warn", _("No role"))
    return format_html_join("", '<span class="d-block">{}</span>', ((line,) for line in lines))


def _superuser() -> SafeString:
    return cells.pill("exclamation-octagon", "t-warn", _("Superuser: may do everything"))


def _role(name: str, since: Any) -> SafeString:
    words = format_html("{} {}", _("since"), cells.moment(since)) if since else _("since before the audit")
    return format_html('{} <span class="small muted">{}</span>', name, words)


def _device_groups(row: Row) -> SafeString | str:
    if row["sees_all_groups"]:
        return _("All, future ones too")
    names = row["rights"].device_groups
    if not names:
        return cells.pill("exclamation-triangle", "t-warn", _("None"))
    rest = len(names) - _GROUPS_NAMED
    more = [_("and %(count)s more") % {"count": rest}] if rest > 0 else []
    return ", ".join([*names[:_GROUPS_NAMED], *more])


def _state(row: Row) -> SafeString:
    if not row["is_active"]:
        return cells.pill("slash-circle", "", _("Disabled"))
    return cells.pill("check-circle", "t-ok", _("Active"))


def _sign_in(row: Row) -> SafeString:
    admin = _("and to the admin") if row["is_staff"] else ""
    return cells.two_lines(sign_in_words(row), admin)


def sign_in_words(row: Row) -> str:
    if row["username"] == SYSTEM_USERNAME:
        return _("Never: the machine itself")
    if row["entra"]:
        return _("With Microsoft")
    return _("By a password of this product") if row["has_password"] else _("Without a password here")


def _last_sign_in(row: Row) -> SafeString | str:
    return cells.moment(row["last_login"]) if row["last_login"] else _("Never")


class AccessTable(ListTable):
    fields = (
        "username",
        "first_name",
        "last_name",
        "email",
        "is_active",
        "is_staff",
        "is_superuser",
        "sees_all_groups",
        "has_password",
        "entra",
        "date_joined",
        "last_login",
        "last_event_at",
    )
    default_sort = "person"
    opens = ""

    person = Column(gettext_lazy("Person"), _person, sort=("last_name", "first_name", "username"), head=True)
    roles = Column(gettext_lazy("Roles and permissions"), _roles)
    device_groups = Column(gettext_lazy("Device groups"), _device_groups, css="text-break hide-s")
    state = Column(gettext_lazy("State"), _state, sort="is_active")
    sign_in = Column(gettext_lazy("Signs in"), _sign_in, css="hide-t")
    last_sign_in = Column(gettext_lazy("Last sign-in"), _last_sign_in, sort="last_login", css="num muted hide-s")
    last_change = Column(
        gettext_lazy("Last change made"),
        lambda row: cells.moment(row["last_event_at"]),
        sort="last_event_at",
        css="num muted hide-m",
    )


class AccessFilters(ListFilters):
    q = text_filter("with_text")
    role = django_filters.ModelChoiceFilter(
        field_name="groups", queryset=Group.objects.order_by("name"), label=gettext_lazy("Role"),
        empty_label=gettext_lazy("Any"),
    )  # fmt: skip
    state = django_filters.ChoiceFilter(
        method="by_state",
        choices=[("active", gettext_lazy("Active")), ("disabled", gettext_lazy("Disabled"))],
        label=gettext_lazy("State"),
        empty_label=gettext_lazy("Any"),
    )
    look = django_filters.ChoiceFilter(
        method="to_look_at",
        choices=[
            ("no_role", gettext_lazy("Without a role")),
            ("no_groups", gettext_lazy("Without a device group")),
            ("beyond", gettext_lazy("Rights beyond roles")),
            ("idle", gettext_lazy("No sign-in for 90 days")),
        ],
        label=gettext_lazy("To look at"),
        empty_label=gettext_lazy("Everybody"),
    )

    class Meta:
        model = User
        fields: list[str] = []

    def with_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        in_name = Q(first_name__icontains=value) | Q(last_name__icontains=value)
        return queryset.filter(in_name | Q(username__icontains=value) | Q(email__icontains=value))

    def by_state(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(is_active=value == "active")

    def to_look_at(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(
            {
                "no_role": WITHOUT_ROLE,
                "no_groups": WITHOUT_GROUPS,
                "beyond": Q(is_superuser=True) | Q(has_permissions=True),
                "idle": Q(last_login=None) | Q(last_login__lt=Now() - _IDLE),
            }[value]
        )


NAMES = [
    "account", "name", "email", "active", "superuser", "admin", "role", "role_since", "role_allows",
    "permissions_beyond_roles", "all_device_groups", "device_groups", "has_password", "with_microsoft",
    "joined_at", "last_sign_in_at",
    "last_change_at",
]  # fmt: skip


class AccessList(List):
    def ask(self) -> None:
        active = people().filter(is_active=True)
        numbers(self.request).ask(
            without_role=CountOf(active.filter(WITHOUT_ROLE)), without_groups=CountOf(active.filter(WITHOUT_GROUPS))
        )

    def prepare(self, queryset: QuerySet) -> QuerySet:
        last = AuditEvent.objects.filter(actor=OuterRef("pk")).order_by().values("actor").annotate(at=Max("at"))
        without = When(password__startswith=UNUSABLE_PASSWORD_PREFIX, then=Value(False))
        has_password = Case(without, default=Value(True), output_field=BooleanField())
        return queryset.annotate(last_event_at=Subquery(last.values("at")), has_password=has_password)

    def page(self) -> Page:
        page = super().page()
        _with_rights(page.rows)
        return page

    def csv(self) -> HttpResponseBase:
        return exports.stream_lines(NAMES, self._lines(), self.view)

    def _lines(self) -> Iterator[list[Any]]:
        """One a person and role, so that a spreadsheet can be sorted by role; who has none has a line too."""
        allows = codes_of_roles()
        rows = list(self.rows_queryset.values("pk", *self.table_class.fields))
        for start in range(0, len(rows), _A_BATCH):
            for row in _with_rights(rows[start : start + _A_BATCH]):
                yield from _lines_of(row, allows)


def _with_rights(rows: list[Row]) -> list[Row]:
    found = rights_of([row["pk"] for row in rows])
    for row in rows:
        row["rights"] = found[row["pk"]]
    return rows


def _lines_of(row: Row, allows: dict[str, list[str]]) -> Iterator[list[Any]]:
    rights: Rights = row["rights"]
    name = f"{row['first_name']} {row['last_name']}".strip()
    before = [row["username"], name, row["email"], row["is_active"], row["is_superuser"], row["is_staff"]]
    after = [
        " ".join(rights.permissions), row["sees_all_groups"], "; ".join(rights.device_groups), row["has_password"],
        row["entra"] is not None, row["date_joined"], row["last_login"], row["last_event_at"],
    ]  # fmt: skip
    for role in rights.roles:
        yield [*before, role.name, role.since, " ".join(allows.get(role.name, [])), *after]
    if not rights.roles:
        yield [*before, "", None, "", *after]


@require_GET
def access_review(request: Request) -> HttpResponseBase:
    require_all_groups(request)
    listing = AccessList(
        request,
        AccessTable,
        AccessFilters,
        people(),
        view="access-review",
        title=_("Access review"),
        noun=ngettext_lazy("person", "people"),
        empty={"icon": "people", "title": _("Nobody"), "text": _("There is no account.")},
    )
    context = {"numbers": numbers(request), "roles": roles_with_permissions}
    return show(listing, "dashboard/access_review.html", placeholder=_("Filter by name, account or e-mail"), **context)
