"""A secret is in the environment and nowhere else: its canary is looked for wherever something could leave it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis
from django.apps import apps
from django.contrib import admin
from django.contrib.sessions.models import Session
from django.forms import BaseForm
from django.test import Client
from django.urls import reverse
from django.views.debug import SafeExceptionReporterFilter

from integrations import syncs, tasks
from integrations.delivery import sweep
from integrations.feeds import loading
from integrations.microsoft import forget_clients
from remediation import doorbell
from remediation.models import TicketAttempt, TicketSystem
from tests.access.table import ASKED
from tests.factories import TicketFactory, UserFactory, enable_intune
from tests.integrations.connectors.conftest import no_foreign_certificates, running, sandbox, tenant  # noqa: F401
from tests.integrations.connectors.test_contract import FACTS
from tests.security.conftest import things  # noqa: F401

CANARIES = tuple(f"Canary-{name}-4711" for name in ("secret", "certificate", "metrics", "signing", "key"))
# How a token begins, and how it is sent.
OF_TOKENS = ("eyJ", "Bearer ")


@pytest.fixture
def canaries(settings) -> Iterator[tuple[str, ...]]:
    """The product configured with secrets that are easily found again."""
    secret, certificate, metrics, signing, key = CANARIES
    registration = replace(
        settings.MICROSOFT.registration,
        client_id="11111111-2222-4333-8444-555555555555",
        secret=secret,
        certificate=certificate,
    )
    settings.MICROSOFT = replace(
        settings.MICROSOFT,
        tenant_id="5f0e3f2e-0b4c-4c5e-9d2b-6f8f2f1f7c11",
        registration=registration,
        graph_registration=registration,
        groups_registration=registration,
        login_url="https://127.0.0.1:1",
        graph_url="https://127.0.0.1:1",
        defender_url="https://127.0.0.1:1",
    )
    settings.METRICS_TOKEN, settings.SIGNING_KEYS, settings.SECRET_KEY = metrics, [signing], key + "x" * 50
    forget_clients()
    yield CANARIES
    forget_clients()


def stored() -> str:
    """Every row of every table, sessions unpacked."""
    rows = [row for model in apps.get_models() for row in model.objects.values_list()]
    sessions = [session.get_decoded() for session in Session.objects.all()]
    return f"{rows} {sessions}"


def logged(caplog) -> str:
    return "\n".join(
        f"{line.getMessage()} {line.exc_text or ''} {line.__dict__.get('args')}" for line in caplog.records
    )


def assert_none(text: str, found: tuple[str, ...]) -> None:
    for canary in found:
        at = text.find(canary)
        assert at == -1, text[max(0, at - 200) : at + 40]


@pytest.mark.security(id="S13")
@pytest.mark.django_db
def test_no_page_file_or_form_holds_one(canaries, things):  # noqa: F811
    client = Client()
    client.force_login(UserFactory(is_superuser=True, is_staff=True))
    client.post(reverse("settings_connection_test", args=["intune"]))
    pages = [things.address(name) for name, methods in ASKED.items() if "GET" in methods]
    pages += [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") for model in admin.site._registry
    ]

    for page in pages:
        response = client.get(page)
        body = b"".join(response.streaming_content) if response.streaming else response.content
        assert_none(f"{body.decode()} {response.headers}", canaries)
    for page in [
        things.address(name) for name in ("recommendations", "activities", "audit", "access_review", "tickets")
    ]:
        assert_none(b"".join(client.get(f"{page}?format=csv").streaming_content).decode(), canaries)
    assert_none(stored(), canaries)


@pytest.mark.security(id="S14")
@pytest.mark.django_db
def test_the_settings_show_none_in_words_or_in_a_report_of_an_error(canaries, settings):
    assert_none(f"{settings.MICROSOFT!r} {settings.CONFIGMGR!r} {settings.MICROSOFT_SIGN_IN!r}", canaries)
    assert_none(str(SafeExceptionReporterFilter().get_safe_settings()), canaries)


FAILURES = [
    ("token", "401"), ("token", "500"), ("token", "bad_json"), ("token", "reset_before"),
    ("graph", "401"), ("graph", "403"), ("graph", "500"), ("graph", "html"), ("graph", "429"), ("graph", "reset_after"),
    ("defender", "401"), ("defender", "403"),
]  # fmt: skip


@pytest.mark.security(id="S13")
@pytest.mark.security(id="S14")
@pytest.mark.django_db(transaction=True)
def test_no_failure_on_the_way_to_microsoft_tells_one(tenant, client, caplog, settings):  # noqa: F811
    """With the stand-in's own secret, and with the tokens that it gives."""
    caplog.set_level("DEBUG")
    settings.DELIVERY_READ_TIMEOUT = 2
    secret = tenant.environment["MICROSOFT_CLIENT_SECRET"]
    client.force_login(UserFactory(is_superuser=True))
    enable_intune()

    for family, kind in FAILURES:
        forget_clients()
        tenant.control("fault", family=family, kind=kind, count=1)
        if family == "defender" or (family, kind) == ("token", "401"):
            tasks.run_sync()
        else:
            ticket = TicketFactory(facts=FACTS)
            sweep.attend([ticket.pk])
            client.post(reverse("settings_connection_test", args=["intune"]))
        tenant.control("clear-faults")
        TicketSystem.objects.update(paused_until=None)

    pages = [client.get(path).content.decode() for path in ("/settings/", "/settings/delivery/", "/settings/syncs/1/")]
    assert TicketAttempt.objects.count() > 3
    assert_none(logged(caplog), (secret, *OF_TOKENS))
    assert_none(stored() + "".join(pages), (secret, *OF_TOKENS))


@pytest.mark.security(id="S13")
@pytest.mark.security(id="S14")
@pytest.mark.django_db(transaction=True)
def test_the_broker_holds_numbers_and_no_secret(canaries, broker, settings):
    settings.DELIVERY_LEASE = 120
    administrator = UserFactory(is_superuser=True)
    settings.KEV_URL = "https://feeds.example/kev.json"
    doorbell.ring([TicketFactory().pk])
    syncs.start(by=administrator)
    loading.ask("kev", by=administrator)

    with redis.Redis.from_url(broker.replace("redis+socket://", "unix://").replace("virtual_host=", "db=")) as server:
        queues = [key for key in server.scan_iter("tvm:*") if server.type(key) == b"list"]
        messages = b"\n".join(message for key in queues for message in server.lrange(key, 0, -1)).decode()

    assert messages.count('"task"') == 3
    assert_none(messages, canaries)


# Names of what would be a secret or an address of Microsoft's, were it asked for on a page or kept in a table.
SUSPECT = ("secret", "token", "certificate", "keytab", "client_id", "tenant", "_url", "host", "authority", "endpoint")
HARMLESS = {"remote_host", "tenant_id", "host"}


def with_descendants(kind: type) -> list[type]:
    return [kind, *(below for child in kind.__subclasses__() for below in with_descendants(child))]


@pytest.mark.security(id="S12")
def test_no_form_asks_for_an_address_or_a_secret(settings):
    """So nobody can lead the tokens of the product elsewhere: both are in the environment, and change together."""
    ours = [
        kind for kind in with_descendants(BaseForm) if kind.__module__.split(".")[0] in {"remediation", "integrations"}
    ]
    names = {name for kind in ours for name in getattr(kind, "base_fields", {})}

    assert len(ours) > 10
    assert [name for name in names if any(word in name for word in SUSPECT)] == []


@pytest.mark.security(id="S12")
@pytest.mark.security(id="S13")
def test_no_table_has_a_column_for_one():
    ours = [*apps.get_app_config("remediation").get_models(), *apps.get_app_config("integrations").get_models()]
    columns = {f"{model.__name__}.{field.name}": field.name for model in ours for field in model._meta.concrete_fields}

    suspect = {place for place, name in columns.items() if any(word in name for word in SUSPECT)}
    assert {place for place in suspect if columns[place] not in HARMLESS} == set()


@pytest.mark.security(id="S12")
@pytest.mark.django_db
def test_fields_of_an_address_that_are_sent_along_are_not_heard(client, settings):
    client.force_login(UserFactory(is_superuser=True))
    before = settings.MICROSOFT, settings.CONFIGMGR
    elsewhere = dict.fromkeys(["graph_url", "login_url", "defender_url", "url", "base_url"], "https://evil.example")

    for route in ("settings_switch", "settings_connection_test"):
        client.post(reverse(route, args=["intune"]), elsewhere | {"client_secret": "theirs", "is_enabled": ""})

    assert before == (settings.MICROSOFT, settings.CONFIGMGR)
