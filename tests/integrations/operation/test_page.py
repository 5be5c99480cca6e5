"""The operators' page, and the row of a ticket that does not get on."""

from datetime import timedelta

import html5lib
import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from integrations import connectors
from remediation.models import (
    ActivityCount,
    AttemptPurpose,
    AttemptResult,
    DeliveryState,
    Duty,
    ForeignTicket,
    Heartbeat,
    RemoteFinding,
    Route,
    Ticket,
    TicketAttempt,
    TicketSystem,
)
from remediation.roles import ADMINISTRATOR, SECURITY_TEAM, VIEWER
from tests.factories import TicketFactory, UserFactory, enable_intune, estate
from tests.fakes import FakeTicketSystem

pytestmark = pytest.mark.django_db
S = DeliveryState
HOSTILE = '<script>alert("1")</script>'
FACTS = {"kind": "software", "product": "Contoso Reader"}


@pytest.fixture
def there(monkeypatch) -> FakeTicketSystem:
    system = FakeTicketSystem()
    monkeypatch.setitem(connectors.CONNECTORS, "intune", system)
    enable_intune()
    return system


def as_a(role: str, client, **more):
    user = UserFactory(roles=[role], **more)
    client.force_login(user)
    return user


def said(response) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def words(response) -> str:
    html = response.content.decode()
    html5lib.HTMLParser(strict=True).parse(html)
    assert " style=" not in html
    text = html5lib.parse(html, namespaceHTMLElements=False).find("body").itertext()
    return " ".join(" ".join(text).split())


def everything_is_wrong(system: TicketSystem) -> Ticket:
    TicketSystem.objects.update(
        opened_at=timezone.now(), failures=7, last_error=HOSTILE, last_error_at=timezone.now(),
        paused_until=timezone.now() + timedelta(seconds=50), pause_reason=HOSTILE,
    )  # fmt: skip
    TicketFactory(created_at=timezone.now() - timedelta(hours=2, minutes=5))
    dead = TicketFactory(delivery_state=S.DEAD, reason=HOSTILE, activity__title=HOSTILE)
    TicketAttempt.objects.create(
        ticket=dead, fence=0, purpose=AttemptPurpose.CREATE, started_at=timezone.now(),
        result=AttemptResult.REFUSED, status=400, reason=HOSTILE, remote_request_id="req-4711",
    )  # fmt: skip
    now = timezone.now()
    RemoteFinding.objects.create(
        system=system, kind="unknown", remote_id="task-9", title=HOSTILE, marker="m", found_at=now, seen_at=now
    )
    Heartbeat.objects.create(duty=Duty.DELIVERY, name="delivery@here", started_at=now, seen_at=now)
    Heartbeat.objects.create(duty=Duty.SYNC, name=HOSTILE, started_at=now, seen_at=now - timedelta(minutes=9))
    return dead


def test_the_page_tells_what_is_stuck_since_when_and_who_is_there(client, there):
    everything_is_wrong(TicketSystem.objects.get(key="intune"))
    as_a(ADMINISTRATOR, client)

    response = client.get(reverse("settings_delivery"))

    page = words(response)
    assert "<script>alert" not in response.content.decode()
    for words_of_it in [
        "Open since", "7 failures in a row", "Queued 1 2 h 5 min", "Failed 1", "delivery@here", "Not for 9 min",
        "req-4711", "Unknown here", "task-9", "Clock (beat): none has been seen.",
    ]:  # fmt: skip
        assert words_of_it in page


def test_where_all_is_well_the_page_says_so(client, there):
    for duty in Duty:
        Heartbeat.objects.seen(duty, f"{duty}@here")
    as_a(ADMINISTRATOR, client)

    page = words(client.get(reverse("settings_delivery")))

    assert "All is well: nobody is needed." in page
    assert "None: every ticket got on." in page


def test_the_page_takes_a_fixed_number_of_queries(client, there, django_assert_max_num_queries):
    system = TicketSystem.objects.get(key="intune")
    for _ in range(3):
        dead = everything_is_wrong(system)
        RemoteFinding.objects.all().delete()
        Heartbeat.objects.all().delete()
    assert dead.pk
    as_a(ADMINISTRATOR, client)
    client.get(reverse("settings_delivery"))

    with django_assert_max_num_queries(17):
        client.get(reverse("settings_delivery"))


def test_an_administrator_of_some_groups_reads_no_title_of_others(client, there):
    dead = TicketFactory(delivery_state=S.DEAD, activity__title="Canary-4711")
    now = timezone.now()
    RemoteFinding.objects.create(
        system=dead.system, kind="double", remote_id="9", ticket=dead, title="Canary-4711", marker="m",
        found_at=now, seen_at=now,
    )  # fmt: skip
    as_a(ADMINISTRATOR, client, device_groups=[])

    assert b"Canary-4711" not in client.get(reverse("settings_delivery")).content


@pytest.fixture
def refused(there) -> Ticket:
    recommendation = estate()
    TicketSystem.objects.update(create_route=Route.REFUSED, opened_at=timezone.now())
    ticket = TicketFactory(facts=FACTS, activity__recommendation=recommendation)
    group = recommendation.counters.first().group
    ActivityCount.objects.create(activity=ticket.activity, group=group, targets=3, exposed=3)
    return ticket


def offer(there, ticket: Ticket) -> str:
    theirs = there.made_by_others("Contoso Reader")
    ForeignTicket.objects.create(
        system=ticket.system, remote_id=theirs, kind="software", title=HOSTILE, product="Contoso Reader",
        created_there_at=timezone.now(),
    )  # fmt: skip
    return theirs


def test_where_creating_is_refused_a_task_of_others_is_adopted_by_one_click(client, there, refused):
    theirs = offer(there, refused)
    as_a(SECURITY_TEAM, client)
    response = client.get(refused.activity.get_absolute_url())
    assert f'value="{theirs}"' in response.content.decode()
    assert "made in Microsoft Intune by others" in words(response)
    assert "<script>alert" not in response.content.decode()

    client.post(reverse("ticket_adopt", args=[refused.pk]), {"remote_id": theirs})

    refused.refresh_from_db()
    assert (refused.delivery_state, refused.remote_id) == (S.DELIVERED, theirs)


def test_who_may_not_handle_is_offered_nothing(client, there, refused):
    offer(there, refused)
    as_a(VIEWER, client)

    page = client.get(refused.activity.get_absolute_url()).content.decode()

    assert "/adoptions/" not in page
    assert "/abandonments/" not in page


def test_what_cannot_be_adopted_is_said_and_changes_nothing(client, there, refused):
    as_a(SECURITY_TEAM, client)
    url = reverse("ticket_adopt", args=[refused.pk])

    assert "no ticket with this id" in said(client.post(url, {"remote_id": "nowhere"}))
    assert "give the id" in said(client.post(url, {"remote_id": " "}))
    assert client.post(url, {"remote_id": "x" * 129}).status_code == 302
    assert client.post(url, {"remote_id": "a\0b"}).status_code == 302
    refused.refresh_from_db()
    assert refused.delivery_state == S.READY


def test_abandoning_needs_a_reason_and_the_second_learns_of_the_first(client, there, refused):
    as_a(SECURITY_TEAM, client)
    url = reverse("ticket_abandon", args=[refused.pk])

    assert "say why" in said(client.post(url, {"reason": " "}))
    assert client.post(url, {"reason": "By message."}).status_code == 302
    assert client.post(url, {"reason": "By message."}).status_code == 409

    refused.refresh_from_db()
    assert (refused.delivery_state, refused.reason) == (S.CANCELLED, "By message.")


class TestNoWorker:
    """Where tickets wait, the page says that nobody is there."""

    WORDS = "No worker seen for 3 minutes."

    @pytest.fixture(autouse=True)
    def gone(self) -> None:
        seen = timezone.now() - timedelta(minutes=3, seconds=5)
        Heartbeat.objects.create(duty=Duty.DELIVERY, name="delivery@gone", started_at=seen, seen_at=seen)

    def places(self, ticket: Ticket) -> list[str]:
        options = reverse("remediation_options", args=[ticket.activity.recommendation_id])
        return [ticket.activity.get_absolute_url(), reverse("tickets"), options]

    def test_it_is_said_where_something_waits(self, client, there, refused):
        TicketSystem.objects.update(create_route=Route.WORKS, opened_at=None)
        as_a(SECURITY_TEAM, client)

        for place in self.places(refused):
            assert self.WORDS in words(client.get(place)), place

    def test_it_is_not_said_while_one_is_there(self, client, there, refused):
        TicketSystem.objects.update(create_route=Route.WORKS, opened_at=None)
        Heartbeat.objects.seen(Duty.DELIVERY, "delivery@back")
        as_a(SECURITY_TEAM, client)

        for place in self.places(refused):
            assert "No worker" not in words(client.get(place)), place

    def test_it_is_not_said_where_nothing_waits(self, client, there, refused):
        Ticket.objects.update(delivery_state=S.CANCELLED)
        as_a(SECURITY_TEAM, client)

        for place in self.places(refused)[:2]:
            assert "No worker" not in words(client.get(place)), place
