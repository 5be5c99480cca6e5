"""The rights of people: whatever is taken from whom, somebody remains who can give rights; and it counts at once."""

from typing import Any

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from ..models import User
from ..models.people import SYSTEM_USERNAME


class LastAdministrator(Exception):
    """The change would leave nobody who can manage people; says what to do first."""


def keep_an_administrator() -> None:
    """Call it last in the transaction of a change of rights, which it refuses by raising LastAdministrator.

    Looks at what the change has made of the rights, so it need not know the ways in which they can be lost.
    """
    if is_without_administrator():
        raise LastAdministrator(
            _(
                "Not saved: nobody would be left who can sign in and manage people. First give another active person "
                "access to the admin and the role Administrator."
            )
        )


def is_without_administrator() -> bool:
    """Whether the transaction, as far as it has come, leaves nobody who can sign in and manage people."""
    # Two may be taking the role from each other: who comes second waits here, and then sees what the first has done.
    # SQLite has one writer at a time anyway.
    User.objects.select_for_update(no_key=True).get(username=SYSTEM_USERNAME)
    return not User.objects.administrators().exists()


def end_sessions(people: QuerySet[User]) -> None:
    """From their next request on, all of these have to sign in again, in whichever browser they are."""
    people.update(session_generation=F("session_generation") + 1)


def is_cut(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether the rights are less than they were: something is no longer true, or missing from a list."""
    return any(_is_less(value, after[right]) for right, value in before.items())


def _is_less(before: Any, after: Any) -> bool:
    if isinstance(before, list):
        return bool(set(before) - set(after))
    return before is True and not after
