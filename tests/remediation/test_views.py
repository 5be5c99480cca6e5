"""Remediation options: the form, its preview, and what submitting it comes to."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from remediation.models import (
    ActivityStatus,
    DeviceGroup,
    RemediationActivity,
    Ticket,
    TicketSystem,
)
from remediation.roles import IT_ADMINISTRATOR, SECURITY_TEAM, VIEWER
from tests.factories import (
    ActivityFactory,
    DeviceGroupFactory,
    ScoreSnapshotFactory,
    UserFactory,
    enable_intune,
    estate,
)

pytestmark = pytest.mark.django_db


def options_url(recommendation) -> str:
    return reverse("remediation_options", args=[recommendation.pk])


def answers(**changes) -> dict:
    values = {
        "request_key": str(uuid4()),
        "requested_remediation": "update",
        "scope": "all",
        "priority": "high",
        "due_on": (timezone.localdate() + timedelta(days=7)).isoformat(),
        "notes": "Kiosks may wait.",
        "batches": "all",
    }
    values |= changes
    return {name: value for name, value in values.items() if value is not None}


@pytest.fixture
def security(client):
    user = UserFactory(roles=[SECURITY_TEAM])
    client.force_login(user)
    return user


def said(response) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def test_the_form_proposes_the_recommended_remediation_and_a_due_date(client, security):
    recommendation = estate(devices=3)

    page = client.get(options_url(recommendation))

    form = page.context["form"]
    assert form.initial["requested_remediation"] == "update"
    assert form.initial["due_on"] == timezone.localdate() + timedelta(days=14)
    assert b"Submit request" in page.content
    assert f'min="{timezone.localdate().isoformat()}"'.encode() in page.content


def test_a_known_exploit_shortens_the_proposed_time(client, security):
    page = client.get(options_url(estate(public_exploit=True)))

    assert page.context["form"].initial["due_on"] == timezone.localdate() + timedelta(days=7)
    assert page.context["form"].initial["priority"] == "high"


def test_submitting_creates_the_activity_and_its_ticket_and_leads_there(client, security):
    enable_intune()
    recommendation = estate(devices=3)

    response = client.post(options_url(recommendation), answers(open_ticket="on"))

    activity = RemediationActivity.objects.get()
    assert response.status_code == 302
    assert response["Location"] == activity.get_absolute_url()
    assert (activity.requester, activity.priority, activity.notes) == (security, "high", "Kiosks may wait.")
    assert Ticket.objects.get().activity == activity
    assert "Queued tickets: 1" in said(response)


def test_a_request_without_a_ticket_needs_no_connection(client, security):
    response = client.post(options_url(estate()), answers())

    assert response.status_code == 302
    assert not Ticket.objects.exists()


def test_the_same_form_twice_makes_one_activity_and_says_who_asked_first(client, security):
    recommendation = estate()
    sent = answers()

    first = client.post(options_url(recommendation), sent)
    second = client.post(options_url(recommendation), sent)

    assert RemediationActivity.objects.count() == 1
    assert second["Location"] == first["Location"]
    assert f"Already requested by {security}" in said(second)


def test_the_ticket_is_shown_disabled_with_the_reason_while_the_connection_is_off(client, security):
    page = client.get(options_url(estate())).content.decode()

    assert 'disabled aria-describedby="open-ticket-off"' in page
    assert "Microsoft Intune connection is switched off" in page
    assert reverse("settings_features") not in page


def test_an_administrator_is_led_to_the_switch(client):
    client.force_login(UserFactory(may=["remediation.handle_remediation", "remediation.manage_settings"]))

    assert reverse("settings_features") in client.get(options_url(estate())).content.decode()


def test_the_server_refuses_a_ticket_while_the_connection_is_off(client, security):
    response = client.post(options_url(estate()), answers(open_ticket="on"))

    assert response.status_code == 200
    assert "switched off" in str(response.context["form"].non_field_errors())
    assert not RemediationActivity.objects.exists()


def test_a_refused_form_keeps_its_key_and_what_was_typed(client, security):
    sent = answers(due_on="2020-01-01", notes="Keep me")

    page = client.post(options_url(estate()), sent).content.decode()

    assert sent["request_key"] in page
    assert "Keep me" in page
    assert "The due date must be today or later." in page
    assert 'aria-invalid="true"' in page


@pytest.mark.parametrize("roles", [[], [VIEWER], [IT_ADMINISTRATOR]])
def test_without_the_permission_nothing_is_shown_or_requested(client, roles):
    client.force_login(UserFactory(roles=roles))
    recommendation = estate()

    assert client.get(options_url(recommendation)).status_code == 403
    assert client.post(options_url(recommendation), answers()).status_code == 403
    assert not RemediationActivity.objects.exists()


@pytest.mark.security(id="S2")
def test_a_recommendation_outside_the_scope_is_not_found(client):
    client.force_login(UserFactory(roles=[SECURITY_TEAM], device_groups=[DeviceGroupFactory()]))
    recommendation = estate()

    assert client.get(options_url(recommendation)).status_code == 404
    assert client.post(options_url(recommendation), answers()).status_code == 404
    assert client.get(options_url(recommendation)).content.count(recommendation.name.encode()) == 0


def test_a_scoped_person_sees_and_requests_only_their_groups(client):
    recommendation = estate(devices=4, groups=2)
    seen, hidden = DeviceGroup.objects.order_by("pk")
    client.force_login(UserFactory(roles=[SECURITY_TEAM], device_groups=[seen]))

    page = client.get(options_url(recommendation))
    forged = client.post(options_url(recommendation), answers(scope="chosen", device_groups=[hidden.pk]))
    client.post(options_url(recommendation), answers())

    assert page.context["outlook"].exposed == 2
    assert hidden.name not in page.content.decode()
    assert forged.status_code == 200
    assert RemediationActivity.objects.get().targets == 2


def test_a_closed_recommendation_is_refused_in_words(client, security):
    recommendation = estate(closed_at=timezone.now())

    response = client.post(options_url(recommendation), answers())

    assert "no longer applies" in str(response.context["form"].non_field_errors())
    assert not RemediationActivity.objects.exists()


def test_extra_posted_fields_change_nothing(client, security):
    someone = UserFactory()

    extra = answers(status="completed", requester=someone.pk, targets=0, request_id=1, is_staff="on")
    client.post(options_url(estate()), extra)

    activity = RemediationActivity.objects.get()
    assert (activity.status, activity.requester, activity.targets) == (ActivityStatus.ACTIVE, security, 3)


def test_attention_required_has_neither_due_date_nor_ticket(client, security):
    enable_intune()

    client.post(options_url(estate()), answers(requested_remediation="attention_required", open_ticket="on"))

    assert RemediationActivity.objects.get().due_on is None
    assert not Ticket.objects.exists()


def test_an_active_activity_of_the_same_recommendation_is_pointed_out(client, security):
    recommendation = estate()
    activity = ActivityFactory(recommendation=recommendation, all_groups=True)

    page = client.get(options_url(recommendation))

    assert page.context["outlook"].overlapping == [activity]
    assert activity.get_absolute_url() in page.content.decode()


def test_a_preview_changes_nothing_and_answers_with_the_parts_that_depend_on_the_choices(client, security):
    enable_intune()
    recommendation = estate(devices=4, groups=2)
    group = DeviceGroup.objects.order_by("pk").first()
    sent = answers(preview="1", scope="chosen", device_groups=[group.pk], open_ticket="on")

    partial = client.post(options_url(recommendation), sent, headers={"HX-Request": "true"})
    whole = client.post(options_url(recommendation), sent)

    assert partial.context["outlook"].exposed == whole.context["outlook"].exposed == 2
    assert b"<html" not in partial.content
    assert b'hx-swap-oob="true"' in partial.content
    assert b"One Microsoft Intune ticket" in partial.content
    assert "HX-Request" in partial["Vary"]
    assert sent["request_key"] in whole.content.decode()
    assert not RemediationActivity.objects.exists()


def test_a_preview_of_a_half_filled_form_shows_no_errors(client, security):
    response = client.post(options_url(estate()), {"preview": "1", "due_on": "", "scope": "chosen"})

    assert response.status_code == 200
    assert b"was not submitted" not in response.content
    assert b"No exposed device is chosen" in response.content


def test_above_the_limit_the_form_asks_how_to_send_them(client, security):
    enable_intune()
    recommendation = estate(devices=1)
    recommendation.counters.update(exposed=12_408, eligible=12_117)

    page = client.get(options_url(recommendation)).content.decode()
    first = client.post(
        options_url(recommendation),
        answers(preview="1", open_ticket="on", batches="first"),
        headers={"HX-Request": "true"},
    )

    assert "More than 10,000 machines." in page
    assert "All devices, in 2 tickets" in page
    assert "2,117" in page
    assert first.context["outlook"].batches == [10_000]
    assert first.context["outlook"].without_ticket == 2_408


def test_where_devices_are_not_kept_inside_one_ticket_serves_for_all(client, security):
    enable_intune()
    TicketSystem.objects.update(takes_devices=False)
    recommendation = estate(devices=1)
    recommendation.counters.update(exposed=12_408, eligible=12_117)

    page = client.get(options_url(recommendation))

    assert page.context["outlook"].batches == [12_117]
    assert "keeps no devices inside a ticket" in page.content.decode()
    assert "More than 10,000 machines." not in page.content.decode()


def test_where_intune_refuses_the_form_says_what_remains(client, security):
    enable_intune()
    TicketSystem.objects.update(create_route="refused")

    page = client.get(options_url(estate()))

    assert not page.context["form"].initial["open_ticket"]
    assert "Intune refuses to create tickets" in page.content.decode()


@pytest.mark.parametrize("groups", [1, 30])
def test_the_form_page_takes_a_fixed_number_of_queries(client, security, groups, django_assert_max_num_queries):
    recommendation = estate(devices=groups, groups=groups)
    ActivityFactory(recommendation=recommendation)
    client.get(options_url(recommendation))

    with django_assert_max_num_queries(14):
        client.get(options_url(recommendation))


@pytest.mark.parametrize("sees_all", [True, False])
def test_the_form_and_the_flyout_tell_the_same_score_of_what_the_person_sees(client, sees_all):
    recommendation = estate(devices=4, groups=2)
    seen, hidden = DeviceGroup.objects.order_by("pk")
    ScoreSnapshotFactory(group=seen, devices_normal=10, score_normal=306)
    ScoreSnapshotFactory(group=hidden, devices_normal=10, score_normal=900)
    recommendation.counters.update(drop_normal=20)
    client.force_login(UserFactory(roles=[SECURITY_TEAM], device_groups=None if sees_all else [seen]))

    form = client.get(options_url(recommendation)).context["outlook"]
    flyout = client.get(reverse("recommendation", args=[recommendation.pk])).context["impact"]

    assert form.score == pytest.approx(flyout.score) == pytest.approx(60.3 if sees_all else 30.6)
    assert form.score_after == pytest.approx(flyout.score_after)
