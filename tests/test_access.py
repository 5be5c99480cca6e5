"""Every address as everyone, held against one table. An address that is not in the table fails."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from django.apps import apps
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from integrations.models import SyncRun, SyncState
from remediation.models import (
    DeliveryState,
    InaccuracyReport,
    RecommendationException,
    RemediationActivity,
    RemoteFinding,
    Software,
    TicketSystem,
    Weakness,
)
from remediation.roles import (
    ADMINISTRATOR,
    EXCEPTION_APPROVER,
    IT_ADMINISTRATOR,
    ROLES,
    SECURITY_TEAM,
    SYSTEM,
    VIEWER,
)
from tests.factories import (
    ActivityFactory,
    DeviceFactory,
    DeviceGroupFactory,
    TicketFactory,
    UserFactory,
    enable_intune,
    estate,
)
from tvm_remediation.access import ACCESS, PUBLIC, permission_for

pytestmark = pytest.mark.django_db

SUPERUSER, ANONYMOUS, DISABLED = "superuser", "anonymous", "disabled"
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"]
CANARY = "Canary-4711"

EVERYBODY = {ANONYMOUS, DISABLED, "no role", VIEWER, SECURITY_TEAM, IT_ADMINISTRATOR, EXCEPTION_APPROVER,
             ADMINISTRATOR, SUPERUSER}  # fmt: skip
SIGNED_IN = EVERYBODY - {ANONYMOUS, DISABLED}
READERS = SIGNED_IN - {"no role"}
HANDLERS = {SECURITY_TEAM, SUPERUSER}
SETTERS = {ADMINISTRATOR, SUPERUSER}
VALUERS = {SECURITY_TEAM, ADMINISTRATOR, SUPERUSER}
REPORTERS = {SECURITY_TEAM, IT_ADMINISTRATOR, SUPERUSER}

OF_A_DEVICE = ["device", "device_software", "device_weaknesses", "device_activities", "report_inaccuracy"]

# Route: who gets in, and with which methods. Everyone else is refused, whatever the method.
EXPECTED: dict[str, tuple[set[str], set[str]]] = {
    "livez": (EVERYBODY, {"GET"}),
    "readyz": (EVERYBODY, {"GET"}),
    # For this host, which the test's client calls from; tests/setup/test_health.py has the rest.
    "metrics": (EVERYBODY, {"GET"}),
    # Django's own view; sends whoever is signed in to the dashboard.
    "login": (EVERYBODY, set(METHODS)),
    "logout": (SIGNED_IN, {"POST"}),
    "sign_in_with_microsoft": (EVERYBODY, {"GET"}),
    "microsoft_signed_in": (EVERYBODY, {"GET"}),
    "overview": (READERS, {"GET"}),
    "exposure_score": (READERS, {"GET"}),
    "events": (READERS, {"GET"}),
    "recommendations": (READERS, {"GET"}),
    "recommendation": (READERS, {"GET"}),
    "recommendation_devices": (READERS, {"GET"}),
    "software_list": (READERS, {"GET"}),
    "software": (READERS, {"GET"}),
    "software_devices": (READERS, {"GET"}),
    "weaknesses": (READERS, {"GET"}),
    "weakness": (READERS, {"GET"}),
    "weakness_devices": (READERS, {"GET"}),
    "activities": (READERS, {"GET"}),
    "activity": (READERS, {"GET"}),
    "exceptions": (READERS, {"GET"}),
    "exception": (READERS, {"GET"}),
    "imported": (READERS, {"GET"}),
    "tickets": (READERS, {"GET"}),
    "ticket_state": (READERS, {"GET"}),
    "group_script": (READERS, {"GET"}),
    "devices": (READERS, {"GET"}),
    "device": (READERS, {"GET"}),
    "device_software": (READERS, {"GET"}),
    "device_weaknesses": (READERS, {"GET"}),
    "device_activities": (READERS, {"GET"}),
    "device_values": (VALUERS, {"POST"}),
    "inaccuracies": (READERS, {"GET"}),
    "inaccuracy": (READERS, {"GET"}),
    "report_inaccuracy": (REPORTERS, {"GET", "POST"}),
    "close_inaccuracy": (HANDLERS, {"POST"}),
    "access_review": (SETTERS, {"GET"}),
    "audit": (SETTERS, {"GET"}),
    "search": (READERS, {"GET"}),
    "remediation_options": (HANDLERS, {"GET", "POST"}),
    "exception_options": (HANDLERS, {"GET", "POST"}),
    "exception_extension": (HANDLERS, {"GET", "POST"}),
    "exception_transition": (READERS, {"POST"}),
    # The rule asks for the permission of the verb.
    "activity_transition": (READERS, {"POST"}),
    "activity_rest": (HANDLERS, {"POST"}),
    "ticket_retry": (HANDLERS, {"POST"}),
    "ticket_adopt": (HANDLERS, {"POST"}),
    "ticket_abandon": (HANDLERS, {"POST"}),
    "ticket_group": (HANDLERS, {"POST"}),
    "select_groups": (SIGNED_IN, {"POST"}),
    "set_theme": (SIGNED_IN, {"POST"}),
    "settings_features": (SETTERS, {"GET"}),
    "settings_sources": (SETTERS, {"GET"}),
    "settings_feed_load": (SETTERS, {"POST"}),
    "settings_delivery": (SETTERS, {"GET"}),
    "settings_finding_close": (SETTERS, {"POST"}),
    "settings_syncs": (SETTERS, {"GET"}),
    "settings_sync": (SETTERS, {"GET"}),
    "settings_switch": (SETTERS, {"POST"}),
    "settings_connection_test": (SETTERS, {"POST"}),
    "settings_sync_start": (SETTERS, {"POST"}),
    "settings_sync_confirm": (SETTERS, {"POST"}),
}


def routes(patterns: list | None = None, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every pattern of the product with its full name."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from routes(pattern.url_patterns, inner)
        else:
            yield f"{namespace}{pattern.name or ''}", pattern


OURS = {name: pattern for name, pattern in routes() if not name.startswith("admin:")}
OF_THE_ADMIN = {name: pattern for name, pattern in routes() if name.startswith("admin:")}


@pytest.fixture
def things() -> dict[str, int | str]:
    """One of everything, by the route that shows it."""
    enable_intune()
    recommendation = estate(name=CANARY)
    Software.objects.update(name=CANARY, vendor=CANARY)
    Weakness.objects.update(name=CANARY)
    activity = ActivityFactory(recommendation=recommendation, title=CANARY)
    activity.counts.create(group=recommendation.counters.first().group, targets=3, exposed=3)
    ticket = TicketFactory(activity=activity, delivery_state=DeliveryState.DEAD)
    now = timezone.now()
    run = SyncRun.objects.create(
        source="defender", started_at=now, heartbeat_at=now, ended_at=now, state=SyncState.HELD, error=CANARY
    )
    things = dict.fromkeys(["recommendation", "recommendation_devices", "remediation_options"], recommendation.pk)
    things["exception_options"] = recommendation.pk
    excepted = RecommendationException.objects.create(
        recommendation=recommendation, request_key=uuid4(), justification="other", context=CANARY,
        ends_at=now + timedelta(days=1), exposed_then=3, impact_then=1, filed_by=activity.requester, filed_at=now,
        status="in_effect", started_at=now, status_changed_by=activity.requester, status_changed_at=now,
    )  # fmt: skip
    things |= dict.fromkeys(["exception", "exception_extension", "exception_transition"], excepted.pk)
    things |= dict.fromkeys(["software", "software_devices"], recommendation.software_id)
    weakness = recommendation.software.versions.get().weaknesses.get()
    things |= dict.fromkeys(["weakness", "weakness_devices"], weakness.pk)
    things |= dict.fromkeys(["activity", "activity_rest", "activity_transition"], activity.pk)
    things |= dict.fromkeys(["group_script", "ticket_group", "ticket_state"], ticket.pk)
    things |= dict.fromkeys(["ticket_retry", "ticket_adopt", "ticket_abandon"], ticket.pk)
    things |= dict.fromkeys(["settings_switch", "settings_connection_test"], "intune")
    things["settings_feed_load"] = "kev"
    device = DeviceFactory(name=CANARY, group=recommendation.counters.get().group)
    things |= dict.fromkeys(OF_A_DEVICE, device.pk)
    report = InaccuracyReport.objects.create(
        device=device, reason="other", note=CANARY, reported_by=activity.requester, reported_at=now
    )
    things |= dict.fromkeys(["inaccuracy", "close_inaccuracy"], report.pk)
    finding = RemoteFinding.objects.create(
        system=ticket.system, kind="double", remote_id="2", ticket=ticket, marker="m", found_at=now, seen_at=now
    )
    things["settings_sync"] = run.pk
    return things | {"settings_sync_confirm": run.pk, "settings_finding_close": finding.pk}


def address(name: str, things: dict[str, int | str]) -> str:
    return reverse(name, args=[things[name]] if name in things else [])


def sign_in(person: str, **more) -> Client:
    client = Client(raise_request_exception=True)
    if person == ANONYMOUS:
        return client
    roles = [person] if person in ROLES else []
    user = UserFactory(roles=roles, is_superuser=person == SUPERUSER, **more)
    client.force_login(user)
    if person == DISABLED:
        user.is_active = False
        user.save()
    return client


@pytest.mark.security(id="S1")
def test_every_address_is_declared_and_expected():
    assert set(OURS) == set(EXPECTED)
    assert [name for name in OURS if permission_for(name) is None] == []


def test_nothing_is_declared_that_does_not_exist():
    assert set(ACCESS) - set(OURS) == set()


@pytest.mark.security(id="S1")
@pytest.mark.parametrize("person", sorted(EVERYBODY))
def test_who_gets_in_with_which_method(person, things):
    for name, (may, methods) in EXPECTED.items():
        client, url = sign_in(person), address(name, things)
        for method in METHODS:
            client = sign_in(person) if name == "logout" else client
            response = client.generic(method, url, content_type="application/x-www-form-urlencoded")
            if person not in may:
                assert_kept_out(response, person, name)
            elif method in methods or (method == "HEAD" and "GET" in methods):
                assert_let_in(response, name, method)
            else:
                assert response.status_code == 405, (name, method)


def assert_let_in(response, name: str, method: str) -> None:
    assert response.status_code not in {403, 500}, (name, method)
    assert name in {"login", "logout"} or "/accounts/login/" not in response.get("Location", ""), (name, method)


def assert_kept_out(response, person: str, name: str) -> None:
    assert CANARY.encode() not in response.content, name
    if person in {ANONYMOUS, DISABLED}:
        assert response.status_code == 302, name
        assert response["Location"].startswith(f"{reverse('login')}?next="), name
        assert response.content == b"", name
    else:
        assert response.status_code == 403, (name, response.status_code)


@pytest.mark.security(id="S6")
@pytest.mark.parametrize("token", ["", "a" * 64], ids=["without a token", "with a foreign one"])
def test_every_post_needs_the_token_of_its_form(token, things):
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory(is_superuser=True))
    before = snapshot()

    for name, (_, methods) in EXPECTED.items():
        if "POST" in methods:
            response = client.post(address(name, things), {"csrfmiddlewaretoken": token} if token else {})
            assert response.status_code == 403, name

    assert snapshot() == before


@pytest.mark.security(id="S6")
def test_looking_changes_nothing(things):
    client = sign_in(SUPERUSER)
    before = snapshot()

    for name, (_, methods) in EXPECTED.items():
        if "GET" in methods:
            client.get(address(name, things))
            client.get(address(name, things), {"verb": "complete", "_method": "POST", "status": "completed"})
            client.get(address(name, things), headers={"X-HTTP-Method-Override": "POST"})

    assert snapshot() == before


def snapshot() -> list[str]:
    models = [*apps.get_app_config("remediation").get_models(), *apps.get_app_config("integrations").get_models()]
    return [f"{model.__name__} {row}" for model in models for row in model.objects.order_by().values_list()]


OF_ONE_THING = [
    *OF_A_DEVICE,
    "inaccuracy",
    "close_inaccuracy",
    "recommendation",
    "recommendation_devices",
    "software",
    "software_devices",
    "weakness",
    "weakness_devices",
    "remediation_options",
    "exception_options",
    "exception",
    "exception_extension",
    "exception_transition",
    "activity",
    "activity_rest",
    "activity_transition",
    "group_script",
    "ticket_group",
    "ticket_retry",
    "ticket_adopt",
    "ticket_abandon",
    "ticket_state",
]


@pytest.mark.security(id="S2")
def test_what_is_out_of_scope_looks_like_what_does_not_exist(things):
    client = Client()
    client.force_login(UserFactory(roles=[SECURITY_TEAM], device_groups=[DeviceGroupFactory()]))

    for name in OF_ONE_THING:
        for method in EXPECTED[name][1]:
            hidden = client.generic(method, address(name, things))
            missing = client.generic(method, reverse(name, args=[10**9]))
            assert hidden.status_code == missing.status_code == 404, (name, method)
            assert CANARY.encode() not in hidden.content, (name, method)


@pytest.mark.security(id="S3")
def test_lists_show_nothing_out_of_scope(things):
    client = Client()
    client.force_login(UserFactory(roles=[SECURITY_TEAM], device_groups=[DeviceGroupFactory()]))

    for name in [
        "overview",
        "recommendations",
        "software_list",
        "weaknesses",
        "activities",
        "tickets",
        "exceptions",
        "devices",
        "inaccuracies",
        "search",
        "events",
    ]:
        page = client.get(address(name, things), {"q": CANARY[:6]})
        assert page.status_code == 200, name
        # What was asked for stands in the box again.
        assert CANARY.encode() not in page.content, name


@pytest.mark.parametrize("person", sorted(EVERYBODY - {SUPERUSER}))
def test_the_admin_is_closed_to_whoever_is_no_staff(person, things):
    client = sign_in(person)

    for name, pattern in OF_THE_ADMIN.items():
        arguments = {key: 1 if key.endswith("_id") else "1" for key in pattern.pattern.converters}
        arguments |= dict.fromkeys(pattern.pattern.regex.groupindex, "remediation")
        if name in {"admin:login", "admin:logout", "admin:"}:
            continue
        response = client.get(reverse(name, kwargs=arguments))
        assert response.status_code in {302, 403, 404}, name
        assert CANARY.encode() not in response.content


def test_the_machine_cannot_sign_in_and_its_role_is_nobodys(client):
    system = RemediationActivity._meta.get_field("requester").related_model.objects.system()

    assert not system.has_usable_password()
    assert list(system.groups.values_list("name", flat=True)) == [SYSTEM]


def test_only_health_and_signing_in_are_public():
    public = {name for name, needed in ACCESS.items() if needed == PUBLIC}
    assert public == {"login", "sign_in_with_microsoft", "microsoft_signed_in", "livez", "readyz", "metrics"}
    assert TicketSystem.objects.exists()
