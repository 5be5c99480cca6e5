"""The rights of people: whatever is taken from whom, somebody remains who can give rights."""

from django.utils.translation import gettext as _

from ..models import User
from ..models.people import SYSTEM_USERNAME


class LastAdministrator(Exception):
    """The change would leave nobody who can manage people; says what to do first."""


def keep_an_administrator() -> None:
    """Call it last in the transaction of a change of rights, which it refuses by raising LastAdministrator.

    Looks at what the change has made of the rights, so it need not know the ways in which they can be lost.
    """
    # Two may be taking the role from each other: who comes second waits here, and then sees what the first has done.
    # SQLite has one writer at a time anyway.
    User.objects.select_for_update(no_key=True).get(username=SYSTEM_USERNAME)
    if not User.objects.administrators().exists():
        raise LastAdministrator(
            _(
                "Not saved: nobody would be left who can sign in and manage people. First give another active person "
                "access to the admin and the role Administrator."
            )
        )
