"""Every list by every odd address: a page or a refusal, never an error, on both databases."""

from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.http import QueryDict
from django.test import RequestFactory

from dashboard.lists.base import ListFilters
from remediation.models import AuditEvent
from tests import corpus
from tests.access.table import ASKED
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
# A web server reads no longer line.
LONGEST = 3500
OF_NO_READER = {"login", "logout", "sign_in_with_microsoft", "microsoft_signed_in", "livez", "readyz", "metrics"}
PAGES = sorted(name for name, methods in ASKED.items() if "GET" in methods and name not in OF_NO_READER)


def with_descendants(kind: type) -> list[type]:
    return [kind, *(below for child in kind.__subclasses__() for below in with_descendants(child))]


FILTERS = sorted(with_descendants(ListFilters)[1:], key=lambda kind: f"{kind.__module__}.{kind.__name__}")
_OF_THE_PAGE = {"page", "per_page", "open", "groups", "days"}
NAMES = sorted({name for kind in FILTERS for name in kind.base_filters} | _OF_THE_PAGE)
TEXTS = [text.encode("utf-8", "replace").decode() for text in corpus.TEXTS.values()]
WORST = ["\x00", "9" * 5000, "-1", "NaN", "0001-01-01", "9999-12-31", "%" * 199, corpus.POLYGLOT]


def of_all(value: str, **more: str) -> str:
    """Asked for together: each name is judged by itself, and a list ignores what is another's."""
    return urlencode(dict.fromkeys(NAMES, value) | more)


def assert_answers(client, path: str, queries: list[str]) -> None:
    for query in queries:
        response = client.get(path, QUERY_STRING=query)
        assert response.status_code in {200, 302, 400, 404}, (path, query[:80], response.status_code)
        if response.streaming:
            assert b"".join(response.streaming_content), (path, query[:80])


@pytest.mark.bad_input(place="ids and addresses")
def test_no_value_of_an_address_is_an_error(chief, things):
    for name in PAGES:
        is_list = "list" in (chief.get(things.address(name)).context or {})
        assert_answers(chief, things.address(name), [of_all(value) for value in (WORST if is_list else WORST[:2])])


@pytest.mark.security(id="S22")
def test_more_than_a_thousand_names_are_a_refusal_with_a_page(chief, things):
    for name in PAGES:
        response = chief.get(things.address(name), QUERY_STRING="&".join("a" * 1500))
        assert response.status_code == 400, name
        assert b"This request could not be read" in response.content, name


@pytest.mark.bad_input(place="numbers")
@pytest.mark.bad_input(place="dates")
@pytest.mark.bad_input(place="text")
@pytest.mark.bad_input(place="searches")
@pytest.mark.parametrize("kind", FILTERS, ids=lambda kind: kind.__name__)
def test_no_value_of_a_filter_is_an_error_of_the_database(kind):
    request = RequestFactory().get("/")
    request.user = UserFactory(is_superuser=True)
    queryset = kind._meta.model.objects.all() if kind._meta.model else AuditEvent.objects.all()

    for value in [*TEXTS, *corpus.NUMBERS, *corpus.DATES, *corpus.SEARCHES]:
        asked = QueryDict(mutable=True)
        for name in kind.base_filters:
            asked.setlist(name, [value, value])
        filters = kind(asked, queryset=queryset, request=request)
        assert isinstance(list(filters.qs.values("pk")[:1]), list), value[:40]


LISTS = ["recommendations", "activities", "audit"]


@pytest.mark.security(id="S25")
@pytest.mark.bad_input(place="ids and addresses")
@pytest.mark.parametrize("name", LISTS)
def test_no_form_of_a_query_is_an_error(chief, things, name):
    assert_answers(chief, things.address(name), corpus.QUERIES)


@pytest.mark.security(id="S24")
@pytest.mark.parametrize("name", LISTS)
def test_only_the_name_of_a_column_sorts(chief, things, name):
    plain = chief.get(things.address(name)).context["list"].table.order_by

    for key in corpus.KEYS:
        page = chief.get(things.address(name), {"sort": key})
        columns = page.context["list"].table.base_columns
        assert page.status_code == 200
        assert key.removeprefix("-") in columns or page.context["list"].table.order_by == plain, key
    assert_answers(chief, things.address(name), [urlencode({"sort": key, "format": "csv"}) for key in corpus.KEYS[:3]])


@pytest.mark.security(id="S24")
@pytest.mark.parametrize("name", ["activities", "exceptions", "audit", "access_review"])
def test_no_lookup_of_the_address_reaches_the_database(chief, things, name):
    """A lookup that worked would find nothing: no value begins so."""
    plain = chief.get(things.address(name))

    columns = ("pk", "name", "requester__password", "password", "user__password")
    lookups = {f"{column}__startswith": "zzz" for column in columns}
    for query in [lookups, {"_connector": "OR", "_negated": "1"}, dict.fromkeys(corpus.KEYS, "zzz")]:
        assert chief.get(things.address(name), query).context["page"].count == plain.context["page"].count


@pytest.mark.security(id="S24")
@pytest.mark.parametrize(
    "query", ["password__startswith=a", "password=a", "remediationactivity__requester__password__regex=^a", "_x__y=1"]
)
def test_the_admin_looks_up_no_password(chief, query):
    assert chief.get(f"/admin/remediation/user/?{query}").status_code in {302, 400}


ADMIN = sorted(
    f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    for model in admin.site._registry
    if model._meta.app_label in {"remediation", "integrations", "auth"}
)
ODD_FILTERS = [
    "q=%00", "q=" + "+".join("a" * 1500), "p=99999999999999999999&o=99.-99.x.&all=", "_to_field=password",
    "id__exact=" + "9" * LONGEST, "id__in=1,x,%00", "name=%00", "username=%00", "title=%00", "at__year=0",
    "started_at__year=99999&started_at__month=13",
]  # fmt: skip


@pytest.mark.bad_input(place="ids and addresses")
@pytest.mark.parametrize("path", ADMIN)
def test_no_address_of_the_admin_is_an_error(chief, path):
    assert_answers(chief, path, ODD_FILTERS)
    for below in ("9" * LONGEST + "/change/", "_00/change/", "9" * LONGEST + "/password/", "_ED_A0_80/history/"):
        assert chief.get(f"{path}{below}").status_code in {302, 403, 404}, below[-20:]


@pytest.mark.bad_input(place="ids and addresses")
def test_an_id_that_is_none_is_not_found(chief, things):
    keys = ["9" * 5000, str(2**63), "%D9%A3", "%00"]
    for name, key in [(name, key) for name in ASKED if name in things.keys for key in keys]:
        path = things.address(name).replace(f"/{things.keys[name]}/", f"/{key}/")
        method = "POST" if "POST" in ASKED[name] else "GET"
        assert chief.generic(method, path).status_code == 404, (name, method)


@pytest.mark.bad_input(place="text")
def test_what_is_written_down_of_odd_files_can_be_read(chief, things):
    assert_answers(chief, things.address("recommendations"), [of_all(value, format="csv") for value in WORST])

    assert AuditEvent.objects.filter(verb="export").count() == len(WORST)
    assert chief.get("/audit/?format=csv").status_code == 200
