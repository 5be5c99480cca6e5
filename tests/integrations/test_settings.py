"""The Settings pages: who may, what is switched, tested, started and confirmed, and that no secret shows."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings as project
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from integrations import trial
from integrations.connectors.base import Finding
from integrations.models import SyncRun, SyncState
from remediation.models import AuditEvent, DeliveryState, Route, Ticket, TicketSystem
from remediation.roles import ADMINISTRATOR, SECURITY_TEAM
from tests.factories import TicketFactory, UserFactory, enable_intune
from tests.signed_in import sign_in
from tvm_remediation.clouds import Registration
from tvm_remediation.configmgr import ConfigurationManager

pytestmark = pytest.mark.django_db
SECRET = "canary-secret-4711"


@pytest.fixture
def administrator(client):
    return sign_in(client, UserFactory(roles=[ADMINISTRATOR]))


@pytest.fixture
def tenant(settings):
    registration = Registration("11111111-2222-4333-8444-555555555555", SECRET)
    settings.MICROSOFT = replace(
        project.MICROSOFT,
        tenant_id="5f0e3f2e-0b4c-4c5e-9d2b-6f8f2f1f7c11",
        registration=registration,
        graph_registration=registration,
        graph_url="https://127.0.0.1:8443",
    )


def said(response) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def a_run(**values) -> SyncRun:
    now = timezone.now()
    state = values.setdefault("state", SyncState.COMPLETE)
    values.setdefault("ended_at", None if state == SyncState.RUNNING else now)
    values.setdefault("started_at", now - timedelta(seconds=48))
    return SyncRun.objects.create(source="defender", heartbeat_at=now, **values)


class Connection:
    """A connector that finds what the test says."""

    def __init__(self, *findings: Finding) -> None:
        self.findings = list(findings)

    def test(self, *, with_writing: bool) -> list[Finding]:
        return self.findings


@pytest.fixture
def finds(monkeypatch):
    """What the ticket system would answer: the border of our code."""

    def answer(*findings: Finding) -> None:
        monkeypatch.setattr(trial, "connector_for", lambda key: Connection(*findings))

    return answer


@pytest.mark.parametrize("route", ["settings_features", "settings_sources", "settings_syncs"])
def test_the_pages_are_for_administrators_only(client, route):
    client.force_login(UserFactory(roles=[SECURITY_TEAM]))
    refused = client.get(reverse(route))
    client.force_login(UserFactory(roles=[ADMINISTRATOR]))

    assert refused.status_code == 403
    assert client.get(reverse(route)).status_code == 200


@pytest.mark.security(id="S13")
@pytest.mark.parametrize("route", ["settings_features", "settings_sources", "settings_syncs"])
def test_no_page_shows_the_secret(client, administrator, tenant, route):
    page = client.get(reverse(route)).content.decode()

    assert SECRET not in page
    assert "No tenant is configured" not in page


def test_the_connection_is_off_at_first(client, administrator, tenant):
    page = client.get(reverse("settings_features")).content.decode()

    assert not TicketSystem.objects.get(key="intune").is_enabled
    assert "Microsoft Intune connection" in page
    assert "5f0e3f2e-0b4c-4c5e-9d2b-6f8f2f1f7c11" in page


@pytest.mark.parametrize("takes_devices", [True, False])
def test_a_test_teaches_whether_devices_inside_a_ticket_are_kept(client, administrator, tenant, finds, takes_devices):
    finds(Finding("write", True, "Created.", "works", takes_devices))

    client.post(reverse("settings_connection_test", args=["intune"]), {"with_writing": "on", "is_confirmed": "on"})

    assert TicketSystem.objects.get(key="intune").takes_devices is takes_devices


def test_switching_on_and_off_is_written_down_once_each(client, administrator, tenant):
    url = reverse("settings_switch", args=["intune"])

    client.post(url, {"is_enabled": "on"})
    client.post(url, {"is_enabled": "on"})
    assert TicketSystem.objects.get(key="intune").is_enabled
    client.post(url, {})

    assert not TicketSystem.objects.get(key="intune").is_enabled
    events = AuditEvent.objects.filter(subject_type="remediation.ticketsystem").order_by("pk")
    assert [(event.verb, event.actor) for event in events] == [
        ("switch on", administrator),
        ("switch off", administrator),
    ]


def test_without_a_tenant_the_switch_is_refused_in_a_sentence(client, administrator):
    response = client.post(reverse("settings_switch", args=["intune"]), {"is_enabled": "on"})

    assert not TicketSystem.objects.get(key="intune").is_enabled
    assert "MICROSOFT_TENANT_ID" in said(response)


def test_without_a_tenant_it_can_still_be_switched_off(client, administrator):
    enable_intune()

    client.post(reverse("settings_switch", args=["intune"]), {})

    assert not TicketSystem.objects.get(key="intune").is_enabled


def test_nobody_else_switches(client, tenant):
    client.force_login(UserFactory(roles=[SECURITY_TEAM]))

    assert client.post(reverse("settings_switch", args=["intune"]), {"is_enabled": "on"}).status_code == 403
    assert not TicketSystem.objects.get(key="intune").is_enabled


def test_a_connection_test_is_shown_in_words_and_its_routes_are_remembered(client, administrator, tenant, finds):
    finds(
        Finding("address", True, "The address was reached."),
        Finding("read", True, "Security tasks can be read.", route="works"),
        Finding("write", False, "Graph refuses this (403).", route="refused"),
    )

    client.post(reverse("settings_connection_test", args=["intune"]), {"with_writing": "on", "is_confirmed": "on"})

    page = client.get(reverse("settings_features")).content.decode()
    assert "something does not work" in page
    assert "Graph refuses this (403)." in page
    system = TicketSystem.objects.get(key="intune")
    assert (system.list_route, system.create_route) == (Route.WORKS, Route.REFUSED)
    assert AuditEvent.objects.get(verb="test with writing").after["create_route"] == "refused"


def test_a_ticket_is_tested_only_after_its_own_confirmation(client, administrator, tenant, finds):
    finds(Finding("write", True, "Created and deleted.", route="works"))

    response = client.post(reverse("settings_connection_test", args=["intune"]), {"with_writing": "on"})

    assert "Please confirm" in said(response)
    assert TicketSystem.objects.get(key="intune").create_route == Route.UNTRIED


def test_a_test_without_a_tenant_says_what_is_missing(client, administrator, finds):
    finds(Finding("read", True, "No."))

    assert "MICROSOFT_TENANT_ID" in said(client.post(reverse("settings_connection_test", args=["intune"])))


def test_the_page_counts_what_waits(client, administrator, tenant):
    TicketFactory()
    TicketFactory(delivery_state=DeliveryState.DEAD)

    page = client.get(reverse("settings_features")).content.decode()

    assert "1 queued, 1 failed" in page


def test_syncs_show_result_reasons_and_how_long_they_took(client, administrator):
    reasons = [{"reason": "No id", "count": 3, "samples": ["<script>alert(1)</script>"]}]
    a_run(rows=61_204, set_aside=3, reasons=reasons)
    a_run(state=SyncState.PARTIAL, error="Page 14 could not be read: 429.")

    page = client.get(reverse("settings_syncs")).content.decode()

    assert "61,204" in page
    assert "48 s" in page
    assert "3 records set aside" in page
    assert "Page 14 could not be read" in page
    assert "<script>alert" not in page


def test_a_sync_is_not_started_while_one_runs(client, administrator):
    a_run(state=SyncState.RUNNING)

    assert "running already" in said(client.post(reverse("settings_sync_start")))


def test_a_sync_can_be_asked_for(client, administrator):
    assert "was asked for" in said(client.post(reverse("settings_sync_start")))


def test_a_held_sync_is_confirmed_by_a_person_once(client, administrator):
    run = a_run(state=SyncState.HELD, error="8 of 10 devices are missing.")
    url = reverse("settings_sync_confirm", args=[run.pk])
    assert "8 of 10 devices are missing." in client.get(reverse("settings_syncs")).content.decode()

    client.post(url)
    second = client.post(url)

    run.refresh_from_db()
    assert run.confirmed_by == administrator
    assert AuditEvent.objects.filter(verb="confirm").count() == 1
    assert "any more" in said(second)


def test_a_held_sync_that_a_later_one_has_settled_is_not_asked_about(client, administrator):
    run = a_run(state=SyncState.HELD, error="8 of 10 devices are missing.")
    a_run()

    page = client.get(reverse("settings_syncs"))
    client.post(reverse("settings_sync_confirm", args=[run.pk]))

    run.refresh_from_db()
    assert page.context["held"] is None
    assert run.confirmed_at is None


def test_a_complete_sync_needs_no_confirmation(client, administrator):
    run = a_run()

    client.post(reverse("settings_sync_confirm", args=[run.pk]))

    run.refresh_from_db()
    assert run.confirmed_at is None


@pytest.mark.parametrize("page", ["0", "-1", "999", "abc", "10" * 30, ""])
def test_an_odd_page_number_shows_a_page(client, administrator, page):
    a_run()

    assert client.get(reverse("settings_syncs"), {"page": page}).status_code == 200


class TestRetry:
    def failed_ticket(self) -> Ticket:
        return TicketFactory(delivery_state=DeliveryState.DEAD, reason="Graph refuses this (403).")

    def retry(self, client, ticket):
        return client.post(reverse("ticket_retry", args=[ticket.pk]))

    def test_a_failed_ticket_is_queued_again(self, client):
        client.force_login(UserFactory(roles=[SECURITY_TEAM]))
        ticket = self.failed_ticket()

        response = self.retry(client, ticket)

        ticket.refresh_from_db()
        assert response["Location"] == ticket.activity.get_absolute_url()
        assert ticket.delivery_state == DeliveryState.READY

    def test_the_second_of_two_learns_that_it_has_changed(self, client):
        client.force_login(UserFactory(roles=[SECURITY_TEAM]))
        ticket = self.failed_ticket()

        self.retry(client, ticket)

        assert self.retry(client, ticket).status_code == 409

    def test_an_administrator_of_settings_may_not_retry(self, client, administrator):
        ticket = self.failed_ticket()

        assert self.retry(client, ticket).status_code == 403
        ticket.refresh_from_db()
        assert ticket.delivery_state == DeliveryState.DEAD

    def test_a_ticket_out_of_scope_is_not_found(self, client):
        client.force_login(UserFactory(roles=[SECURITY_TEAM], device_groups=[]))

        assert self.retry(client, self.failed_ticket()).status_code == 404


class TestConfigurationManager:
    """The same card, switch and test as Intune's."""

    @pytest.fixture
    def site(self, settings):
        settings.CONFIGMGR = ConfigurationManager(
            url="https://cm.corp.example/AdminService", principal="tvm@CORP.EXAMPLE", keytab="/run/secrets/tvm.keytab"
        )

    def test_the_page_shows_where_it_is_and_who_signs_in(self, client, administrator, site):
        page = client.get(reverse("settings_features")).content.decode()

        for words in ("Configuration Manager connection", "https://cm.corp.example/AdminService", "tvm@CORP.EXAMPLE"):
            assert words in page
        assert "tvm.keytab" not in page

    def test_it_is_switched_by_itself(self, client, administrator, site):
        response = client.post(reverse("settings_switch", args=["configmgr"]), {"is_enabled": "on"})

        assert "Configuration Manager connection is on" in said(response)
        assert list(TicketSystem.objects.filter(is_enabled=True).values_list("pk", flat=True)) == ["configmgr"]

    def test_without_an_address_the_switch_is_refused_in_a_sentence(self, client, administrator, tenant):
        response = client.post(reverse("settings_switch", args=["configmgr"]), {"is_enabled": "on"})

        assert "CONFIGMGR_URL" in said(response)
        assert not TicketSystem.objects.filter(is_enabled=True).exists()

    def test_its_test_is_shown_on_its_own_card(self, client, administrator, site, tenant, finds):
        finds(Finding("read", True, "Collections can be read.", route="works"))

        client.post(reverse("settings_connection_test", args=["configmgr"]))

        cards = {card.system.pk: card for card in client.get(reverse("settings_features")).context["cards"]}
        assert cards["configmgr"].test["findings"][0]["words"] == "Collections can be read."
        assert cards["intune"].test is None
        assert TicketSystem.objects.get(key="configmgr").list_route == Route.WORKS

    def test_a_collection_is_tested_only_after_its_own_confirmation(self, client, administrator, site, finds):
        finds(Finding("write", True, "Created and deleted.", route="works"))

        response = client.post(reverse("settings_connection_test", args=["configmgr"]), {"with_writing": "on"})

        assert "labelled collection" in said(response)
        assert TicketSystem.objects.get(key="configmgr").create_route == Route.UNTRIED

    @pytest.mark.parametrize("route", ["settings_switch", "settings_connection_test"])
    def test_a_system_that_does_not_exist_is_not_found(self, client, administrator, route):
        assert client.post(reverse(route, args=["jira"])).status_code == 404


PHASES = [
    {"phase": "machines", "seconds": 10.0, "rows": 100},
    {"phase": "software", "seconds": 60.0, "rows": 1000},
    {"phase": "applying", "seconds": 20.0, "rows": 0},
]


def test_a_report_says_what_was_read_what_came_of_it_and_what_took_how_long(client, administrator):
    reasons = [{"reason": "No id", "count": 3, "samples": ["<script>alert(1)</script>"]}]
    run = a_run(
        rows=1100,
        set_aside=3,
        reasons=reasons,
        new=17,
        changed=5,
        fixed=11,
        phases=PHASES,
        peak_memory=321,
        continued=1,
    )

    page = client.get(reverse("settings_sync", args=[run.pk])).content.decode()

    for found in ("1,100", "17", "11", "321 MB", "No id", "1 min 0 s", "Software weaknesses", "1 time, after"):
        assert found in page
    assert "<script>alert" not in page


def test_a_running_sync_says_how_long_it_still_takes(client, administrator):
    a_run(phases=PHASES)
    half = [PHASES[0], {"phase": "software", "seconds": 40.0, "rows": 500}]
    run = a_run(state=SyncState.RUNNING, phase="software", phases=half, pages=7)

    page = client.get(reverse("settings_syncs")).content.decode()

    # At its own pace as long again, and then what applying took the last time.
    assert "1 min 0 s" in page
    assert f'hx-get="{reverse("settings_sync", args=[run.pk])}"' in page


def test_the_first_of_its_kind_does_not_guess(client, administrator):
    a_run(phases=PHASES, kind="delta", state=SyncState.APPLIED)
    run = a_run(state=SyncState.RUNNING, phase="machines", phases=[PHASES[0]])

    assert "not known yet" in client.get(reverse("settings_sync", args=[run.pk])).content.decode()


def test_progress_asks_for_itself_until_the_end(client, administrator):
    run = a_run(state=SyncState.RUNNING, phase="machines", phases=[PHASES[0]])
    url, htmx = reverse("settings_sync", args=[run.pk]), {"headers": {"HX-Request": "true"}}
    running = client.get(url, **htmx)
    run.state, run.ended_at = SyncState.COMPLETE, run.started_at
    run.save()

    ended = client.get(url, **htmx)

    assert "hx-get" in running.content.decode()
    assert "<html" not in running.content.decode()
    assert ended.headers["HX-Refresh"] == "true"
    assert "HX-Request" in ended.headers["Vary"]
