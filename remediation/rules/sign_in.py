"""Whom Microsoft Entra ID brings in, and with which roles: those of the token, each time anew; without one, nobody.

What is asked here has been checked already: that the token is Entra's, for us, of our tenant and of now.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ..models import AuditEvent, EntraPerson, User
from ..models.people import managing_people
from ..roles import SYSTEM
from .people import end_sessions, is_cut, is_without_administrator

log = structlog.get_logger(__name__)

_KEPT = "By the app roles in Microsoft Entra ID, but for managing people: nobody else could do it."


@dataclass(frozen=True)
class Identity:
    """What a checked id token says of a person."""

    tenant_id: UUID
    object_id: UUID
    name: str = ""
    sign_in_name: str = ""
    email: str = ""
    app_roles: frozenset[str] = frozenset()
    # There are too many groups for a token, so it names none of them.
    leaves_groups_out: bool = False


class Why(StrEnum):
    DISABLED = "disabled"
    NO_ROLE = "no role"
    NO_ROLE_BUT_GROUPS = "no role, and groups left out"


class NotAdmitted(Exception):
    """Entra knows the person, and they may not come in. The text is for them."""

    def __init__(self, why: Why) -> None:
        super().__init__(_in_words(why))
        self.why = why


def admit(identity: Identity, *, is_demo: bool = False) -> User:
    """The user whom this person is, with today's names and roles; made at the first time. Raises NotAdmitted.

    Who comes without a role keeps none: what an earlier sign-in gave is taken away.
    """
    roles = _roles(identity)
    with transaction.atomic():
        person = _known(identity)
        is_new = person is None and bool(roles)
        if is_new:
            person = _make(identity, is_demo)
        if person and person.user.is_active:
            _take_over(person, identity, roles, verb="create" if is_new else "change")
    if person and not person.user.is_active:
        raise NotAdmitted(Why.DISABLED)
    if not person or not roles:
        raise NotAdmitted(Why.NO_ROLE_BUT_GROUPS if identity.leaves_groups_out else Why.NO_ROLE)
    return person.user


def _roles(identity: Identity) -> list[Group]:
    """Ours that the token's app roles stand for. The machine's own is nobody's."""
    table = settings.MICROSOFT_SIGN_IN.app_roles
    names = {table[value] for value in identity.app_roles if value in table} - {SYSTEM}
    return list(Group.objects.filter(name__in=names).order_by("name"))


def _known(identity: Identity) -> EntraPerson | None:
    people = EntraPerson.objects.select_related("user").select_for_update()
    return people.filter(tenant_id=identity.tenant_id, object_id=identity.object_id).first()


def _make(identity: Identity, is_demo: bool) -> EntraPerson:
    """A user of their own, whatever the names are: an account that is there already belongs to somebody else."""
    now = timezone.now()
    user = User(username=f"{identity.object_id}@{identity.tenant_id}", is_demo=is_demo, sees_all_groups=is_demo)
    user.set_unusable_password()
    try:
        with transaction.atomic():
            user.save()
            return EntraPerson.objects.create(
                user=user,
                tenant_id=identity.tenant_id,
                object_id=identity.object_id,
                first_seen_at=now,
                signed_in_at=now,
            )
    except IntegrityError:
        # They have come in twice at once.
        if found := _known(identity):
            return found
        raise


def _take_over(person: EntraPerson, identity: Identity, roles: list[Group], *, verb: str) -> None:
    user = person.user
    before, was_kept = _rights(user), person.kept_since
    user.first_name, _space, user.last_name = (identity.name or identity.sign_in_name)[:150].partition(" ")
    user.email = identity.email
    person.sign_in_name, person.signed_in_at = identity.sign_in_name, timezone.now()
    person.kept_since = (was_kept or timezone.now()) if _give(user, roles) else None
    user.save(update_fields=["first_name", "last_name", "email", "is_staff", "is_superuser"])
    person.save(update_fields=["sign_in_name", "signed_in_at", "kept_since"])
    after = _rights(user)
    if before != after or bool(was_kept) != bool(person.kept_since):
        note = _KEPT if person.kept_since else "By the app roles in Microsoft Entra ID."
        AuditEvent.objects.record(user, verb, by=User.objects.system(), before=before, after=after, note=note)
    if is_cut(before, after):
        end_sessions(User.objects.filter(pk=user.pk))
        # For the session that begins with this sign-in.
        user.refresh_from_db(fields=["session_generation"])


def _give(user: User, roles: list[Group]) -> bool:
    """These roles and nothing else. True where the last administrator keeps that right beside them."""
    managed = User.objects.administrators().filter(pk=user.pk).exists()
    managed_by = list(user.groups.filter(permissions__in=managing_people()))
    user.is_staff, user.is_superuser = _may_use_the_admin(roles), False
    user.save(update_fields=["is_staff", "is_superuser"])
    user.groups.set(roles)
    user.user_permissions.clear()
    if not (roles and managed and is_without_administrator()):
        return False
    # Without them nobody could give it to another. Whom Entra leaves no role does not come in, and has no use for it.
    user.is_staff = True
    if managed_by:
        user.groups.add(*managed_by)
    else:
        user.user_permissions.set(managing_people())
    log.warning("last_administrator_kept", user=user.pk)
    return True


def _may_use_the_admin(roles: list[Group]) -> bool:
    """The admin is where people are managed."""
    return managing_people().filter(group__in=roles).exists()


def _rights(user: User) -> dict[str, Any]:
    return {
        "roles": sorted(user.groups.values_list("name", flat=True)),
        "is_staff": user.is_staff,
        "is_superuser": user.is_superuser,
        "permissions": sorted(user.user_permissions.values_list("codename", flat=True)),
    }


def _in_words(why: Why) -> str:
    return {
        Why.DISABLED: _("An administrator of this product has closed your account here."),
        Why.NO_ROLE: _("Your Microsoft account has no role in this product, so there is nothing that it may see."),
        Why.NO_ROLE_BUT_GROUPS: _(
            "Your Microsoft account is in so many groups that Microsoft left them out of its answer. Groups do not "
            "count here, only app roles, and of these it has none."
        ),
    }[why]
