"""What is asked for beyond measure is cut to it or refused: never an error, never more than a page."""

import pytest
from django.urls import reverse

from remediation.roles import SECURITY_TEAM
from tests.factories import DeviceFactory, DeviceGroupFactory

from .people import SUPERUSER, Visitor
from .routes import OURS
from .table import lines_of_the_pages
from .things import Things, things_of_a_group, things_of_everybody

pytestmark = pytest.mark.django_db

BEYOND_MEASURE = {
    "too much": {"per_page": str(10**9), "page": "9" * 18, "groups": "9" * 4000, "open": "9" * 5000, "days": "9" * 400},
    "too little": {"per_page": "-1", "page": "0", "groups": "-1", "open": "-1", "since": "0001-01-01", "sort": "-"},
    "other digits": {"per_page": "٣", "page": "٣", "groups": "٣", "open": "٣", "part": "٣", "sort": "--name,-impact"},
    "what is hidden": {"sort": "requester__password", "groups": "1," * 5000, "q": "%_%_%_%_" * 25, "days": "0"},
}
SECTIONS = {"Reading", "Settings", "The whole organisation"}
NAMES = {path: name for name, path in OURS.items()}
PAGES = [NAMES[line.path] for line in lines_of_the_pages() if line.method == "GET" and line.section in SECTIONS]


@pytest.fixture
def things() -> Things:
    found = things_of_a_group("Own-4711")
    found.keys |= things_of_everybody()
    return found


@pytest.mark.once
@pytest.mark.security(id="S23")
@pytest.mark.parametrize("asked", BEYOND_MEASURE)
def test_no_page_breaks_at_what_is_beyond_measure(asked, things):
    visitor = Visitor(SUPERUSER)

    for name in PAGES:
        response = visitor.ask("GET", things.address(name), **BEYOND_MEASURE[asked])
        assert response.status_code < 500, name


@pytest.mark.security(id="S23")
@pytest.mark.parametrize("name", ["recommendations", "activities", "devices", "search", "audit"])
def test_a_search_of_a_megabyte_is_cut_short(name, things):
    response = Visitor(SUPERUSER).ask("GET", things.address(name), q="a" * 1_000_000)

    assert response.status_code == 200


@pytest.mark.security(id="S23")
@pytest.mark.parametrize("per_page", ["1000000000", "101", "0", "-5", "1e9", ""])
def test_a_page_has_at_most_a_hundred_rows(per_page):
    group = DeviceGroupFactory()
    DeviceFactory.create_batch(120, group=group)
    visitor = Visitor(SECURITY_TEAM, [group])

    page = visitor.ask("GET", reverse("devices"), per_page=per_page)

    assert page.content.count(b"<tr data-") <= 100
