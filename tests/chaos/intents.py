"""Who asks for tickets: one person by the page, another by the rule behind it. Each may be killed and goes on."""

import time
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid5

import requests
from django.utils import timezone

from tests.browser.desk import Desk
from tvm_remediation.supervisor.environment import Place
from tvm_remediation.supervisor.processes import Program

NAMES = ("visitor", "requester")
_NAMESPACE = UUID("6f4c7a52-4a0f-4d0e-9a1b-2f6a3c1d5e70")
# By the page: every so many-th, and at most so many. By the rule: so many; what is beyond is there before the run.
_BY_PAGE, _MOST_BY_PAGE, _MOST_BY_RULE = 5, 100, 1000
_FORTNIGHT = timedelta(days=14)


def key(number: int) -> UUID:
    """What makes a repeated request the same request."""
    return uuid5(_NAMESPACE, str(number))


def lay_out(tickets: int) -> None:
    """As many recommendations as tickets are wanted, each for the same device, as a sync would have left them.

    In an empty database their keys count from one.
    """
    from remediation.models import Exposure, Recommendation, RecommendationCounter, Software
    from tests.factories import CounterFactory, DeviceFactory, ExposureFactory, RecommendationFactory, SoftwareFactory

    device, many = DeviceFactory(), {"batch_size": 500}
    products = Software.objects.bulk_create(SoftwareFactory.build_batch(tickets), **many)
    made = [RecommendationFactory.build(software=product, exposed=1, total=1) for product in products]
    Recommendation.objects.bulk_create(made, **many)
    exposures = [ExposureFactory.build(recommendation=item, device=device, version=None) for item in made]
    Exposure.objects.bulk_create(exposures, **many)
    counters = [CounterFactory.build(recommendation=item, group=device.group) for item in made]
    RecommendationCounter.objects.bulk_create(counters, **many)


def requesters(place: Place, tickets: int) -> list[Program]:
    live = range(1, min(tickets, _MOST_BY_RULE) + 1)
    by_page = [number for number in live if number % _BY_PAGE == 0][:_MOST_BY_PAGE]
    by_rule = sorted(set(live) - set(by_page))
    address = f"http://{place.bind}:{place.port}"
    return [
        Program("visitor", partial(_visit, address, by_page)),
        Program("requester", partial(_request, by_rule)),
    ]


def _open(numbers: list[int]) -> list[int]:
    """Those that an earlier life of the process has not brought through."""
    from remediation.models import RemediationActivity

    known = set(RemediationActivity.objects.values_list("request_key", flat=True))
    return [number for number in numbers if key(number) not in known]


def _request(numbers: list[int]) -> None:
    for number in _open(numbers):
        _request_one(number)


def _request_one(number: int) -> Any:
    from remediation.models import Recommendation, User
    from remediation.rules.requests import RemediationRequest, request_remediation

    due_on = timezone.localdate() + _FORTNIGHT
    request = RemediationRequest(key(number), "update", "high", due_on, "Chaos.", ticket_system="intune")
    by = User.objects.get(username="security")
    return request_remediation(Recommendation.objects.get(pk=number), request, by=by)[0]


def stock(tickets: int) -> None:
    """Beyond what is asked for during the run: what the rule makes of one request, once for each of the others."""
    if tickets <= _MOST_BY_RULE:
        return
    from remediation.markers import new_marker
    from remediation.models import AuditEvent
    from tests.copies import copied, insert

    pattern = _request_one(_MOST_BY_RULE + 1)
    device, ticket, event = pattern.devices.get(), pattern.tickets.get(), AuditEvent.objects.about(pattern).get()
    numbers = range(_MOST_BY_RULE + 2, tickets + 1)
    made = insert(copied(pattern, recommendation_id=number, request_key=key(number)) for number in numbers)
    insert(copied(device, activity_id=one.pk) for one in made)
    insert(copied(ticket, activity_id=one.pk, marker=new_marker()) for one in made)
    insert(copied(event, subject_id=str(one.pk)) for one in made)


def _visit(address: str, numbers: list[int]) -> None:
    """A patient person: whatever the page answers, the same form is sent until it leads to the activity."""
    desk = None
    for number in _open(numbers):
        while True:
            try:
                desk = desk or Desk(SimpleNamespace(base_url=address), "security")
                desk.request(number, request_key=str(key(number)))
                break
            except (requests.RequestException, AssertionError, KeyError):
                desk = None
                time.sleep(0.3)
