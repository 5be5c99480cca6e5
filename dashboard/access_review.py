"""Who may do what: roles and since when, permissions beyond them, device groups. Read for some people at a time."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import CharField, Count, F, Q, QuerySet, Value
from django.db.models.functions import Cast

from remediation.models import AuditEvent, User

_ROLE, _GROUP, _PERMISSION = "role", "group", "permission"


@dataclass(frozen=True)
class Role:
    """As somebody holds it. `since` is None where the audit trail does not tell."""

    name: str
    since: datetime | None


@dataclass
class Rights:
    roles: list[Role] = field(default_factory=list)
    device_groups: list[str] = field(default_factory=list)
    # Given to the person and not by a role.
    permissions: list[str] = field(default_factory=list)


def rights_of(people: list[int]) -> dict[int, Rights]:
    """Of each of them; two queries, however many they are."""
    held: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for person, kind, name in _names(people):
        held[person][kind].append(name)
    since = _since(people)
    return {
        person: Rights(
            roles=[Role(name, since[person].get(name)) for name in sorted(held[person][_ROLE])],
            device_groups=sorted(held[person][_GROUP]),
            permissions=sorted(held[person][_PERMISSION]),
        )
        for person in people
    }


def _names(people: list[int]) -> QuerySet:
    def of(model: Any, kind: str, name: str) -> QuerySet:
        rows = model.objects.filter(user__in=people).order_by()
        # A literal first, so that both databases take its type from it.
        return rows.values_list("user_id", Value(kind, output_field=CharField()), Cast(F(name), CharField()))

    return of(User.groups.through, _ROLE, "group__name").union(
        of(User.device_groups.through, _GROUP, "devicegroup__name"),
        of(User.user_permissions.through, _PERMISSION, "permission__codename"),
        all=True,
    )


def _since(people: Iterable[int]) -> dict[int, dict[str, datetime]]:
    """When each role was last given, replayed from the events about these people."""
    keys = [str(person) for person in people]
    events = AuditEvent.objects.filter(subject_type=User._meta.label_lower, subject_id__in=keys).order_by("pk")
    found: dict[int, dict[str, datetime]] = defaultdict(dict)
    for person, at, before, after in events.values_list("subject_id", "at", "before", "after"):
        given = found[int(person)]
        had, has = _roles(before), _roles(after)
        for gone in had - has:
            given.pop(gone, None)
        for new in has - had:
            given[new] = at
    return found


def _roles(rights: dict[str, Any]) -> set[str]:
    """Of a state in the audit trail; the very first administrator's event has one role."""
    names = rights.get("roles", [])
    single = rights.get("role")
    return {str(name) for name in names} | ({str(single)} if single else set())


def roles_with_permissions() -> list[tuple[Group, int, list[str]]]:
    """Each role, how many active people hold it, and what it allows, in words."""
    roles = Group.objects.annotate(people=Count("user", filter=Q(user__is_active=True))).order_by("name")
    allowed: dict[int, list[str]] = defaultdict(list)
    of_roles = Permission.objects.filter(group__isnull=False).order_by("name")
    for role, words in of_roles.values_list("group", "name"):
        allowed[role].append(words)
    return [(role, role.people, allowed[role.pk]) for role in roles]


def codes_of_roles() -> dict[str, list[str]]:
    """The codes of what each role allows, for the file."""
    found: dict[str, list[str]] = defaultdict(list)
    permissions = Permission.objects.filter(group__isnull=False).order_by("content_type__app_label", "codename")
    for role, app, code in permissions.values_list("group__name", "content_type__app_label", "codename"):
        found[role].append(f"{app}.{code}")
    return found
