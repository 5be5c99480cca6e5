"""What Intune has rejected of a person's own requests: on their dashboard until somebody has dealt with it."""

from typing import Any

from django.db.models import F, QuerySet, Subquery
from django.db.models.functions import JSONObject

from remediation.models import ActivityStatus, RemoteState, Ticket, User

from .numbers import CountOf, numbers
from .requests import Request

# The newest ones; the list of tickets has them all.
SHOWN = 3


def ask_rejections(request: Request) -> None:
    """Add the question to the page's next query."""
    mine = _rejected(request.user)
    card = mine.annotate(
        card=JSONObject(
            activity="activity_id",
            title="activity__title",
            system="system__name",
            part="batch",
            parts="batches",
            note="remote_note",
        )
    ).values("card")
    places = {f"rejected_{place}": Subquery(card[place : place + 1]) for place in range(SHOWN)}
    numbers(request).ask(rejected=CountOf(mine), **places)


def rejections(request: Request) -> list[dict[str, Any]]:
    """Activity, title, system, part, parts and note of each. One that is accepted after all, or over, is dealt with."""
    found = [numbers(request)[f"rejected_{place}"] for place in range(SHOWN)]
    return [card for card in found if card]


def _rejected(user: User) -> QuerySet[Ticket]:
    mine = Ticket.objects.visible_to(user).filter(activity__requester=user, activity__status=ActivityStatus.ACTIVE)
    return mine.filter(remote_state=RemoteState.REJECTED).order_by(F("remote_changed_at").desc(nulls_last=True), "pk")
