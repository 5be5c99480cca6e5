"""What is done with an activity, and a person's own view: it works, the wrong person, the wrong state, twice."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from remediation.models import ActivityStatus, AuditEvent, DeviceGroup, RemediationActivity, RemoteState
from remediation.roles import EXCEPTION_APPROVER, IT_ADMINISTRATOR, SECURITY_TEAM, VIEWER
from remediation.rules.requests import RemediationRequest, request_remediation
from tests.factories import ActivityFactory, DeviceGroupFactory, UserFactory, enable_intune, estate

pytestmark = pytest.mark.django_db


def transition_url(activity) -> str:
    return reverse("activity_transition", args=[activity.pk])


def requested(**estate_values) -> RemediationActivity:
    """An activity as the form makes it, with devices and one ticket."""
    from uuid import uuid4

    enable_intune()
    due_on = timezone.localdate() + timedelta(days=7)
    request = RemediationRequest(uuid4(), "update", "high", due_on, ticket_system="intune")
    return request_remediation(estate(**estate_values), request, by=UserFactory(roles=[SECURITY_TEAM]))[0]


@pytest.fixture
def as_role(client):
    def sign_in(*roles, **values):
        user = UserFactory(roles=roles, **values)
        client.force_login(user)
        return user

    return sign_in


@pytest.mark.parametrize("role", [SECURITY_TEAM, IT_ADMINISTRATOR])
def test_marking_as_completed_also_wishes_the_ticket_completed(client, as_role, role):
    by, activity = as_role(role), requested()

    response = client.post(transition_url(activity), {"verb": "complete", "note": "Rolled out."})

    activity.refresh_from_db()
    assert response["Location"] == activity.get_absolute_url()
    assert (activity.status, activity.status_changed_by) == (ActivityStatus.COMPLETED, by)
    assert activity.status_note == "Rolled out."
    assert activity.tickets.get().remote_wanted == RemoteState.COMPLETED
    assert "Completed" in " ".join(str(message) for message in get_messages(response.wsgi_request))


@pytest.mark.parametrize("role", [VIEWER, EXCEPTION_APPROVER])
def test_who_may_only_look_changes_nothing(client, as_role, role):
    as_role(role)
    activity = ActivityFactory()

    assert client.post(transition_url(activity), {"verb": "complete"}).status_code == 403
    activity.refresh_from_db()
    assert activity.status == ActivityStatus.ACTIVE


@pytest.mark.parametrize("verb", ["reopen", "cancel"])
def test_an_it_administrator_neither_reopens_nor_cancels(client, as_role, verb):
    as_role(IT_ADMINISTRATOR)
    activity = ActivityFactory(status="completed" if verb == "reopen" else "active")

    assert client.post(transition_url(activity), {"verb": verb, "note": "Because."}).status_code == 403


@pytest.mark.fault(id="F27")
def test_the_second_of_two_people_sees_who_was_first_and_when(client, as_role):
    activity = requested()
    first = as_role(IT_ADMINISTRATOR, first_name="Ines", last_name="Okafor")
    client.post(transition_url(activity), {"verb": "complete", "note": "Mine."})
    as_role(SECURITY_TEAM)

    second = client.post(transition_url(activity), {"verb": "complete", "note": "No, mine."})

    page = second.content.decode()
    assert second.status_code == 409
    assert str(first) in page
    assert "Mine." in page
    assert "Completed" in page
    assert activity.get_absolute_url() in page
    assert AuditEvent.objects.about(activity).filter(verb="complete").count() == 1


def test_a_missing_note_is_asked_for_and_nothing_is_lost(client, as_role):
    as_role(SECURITY_TEAM)
    activity = ActivityFactory()

    response = client.post(transition_url(activity), {"verb": "cancel", "note": "   "})

    assert response.status_code == 400
    assert "Please say why." in response.content.decode()
    activity.refresh_from_db()
    assert activity.status == ActivityStatus.ACTIVE


def test_a_note_that_cannot_be_stored_is_given_back_with_the_reason(client, as_role):
    as_role(SECURITY_TEAM)
    activity = ActivityFactory()

    response = client.post(transition_url(activity), {"verb": "cancel", "note": "Too long " * 200})

    assert response.status_code == 400
    assert "Use at most 1,000 characters" in response.content.decode()
    assert "Too long Too long" in response.content.decode()


@pytest.mark.parametrize("verb", ["", "complete_automatically", "reopen_by_regression", "delete", "COMPLETE", "\x00"])
def test_an_unknown_verb_is_a_bad_request(client, as_role, verb):
    as_role(SECURITY_TEAM)
    activity = ActivityFactory()

    assert client.post(transition_url(activity), {"verb": verb, "note": "Because."}).status_code == 400
    activity.refresh_from_db()
    assert activity.status == ActivityStatus.ACTIVE


@pytest.mark.security(id="S4")
def test_extra_fields_of_a_transition_are_ignored(client, as_role):
    as_role(SECURITY_TEAM)
    activity = requested()

    client.post(transition_url(activity), {"verb": "complete", "status": "cancelled", "requester": 1, "fixed": 3})

    activity.refresh_from_db()
    assert (activity.status, activity.fixed) == (ActivityStatus.COMPLETED, 0)


def test_who_sees_only_some_of_its_groups_does_not_complete_it(client, as_role):
    activity = requested(devices=4, groups=2)
    as_role(SECURITY_TEAM, device_groups=[DeviceGroup.objects.first()])

    assert client.post(transition_url(activity), {"verb": "complete"}).status_code == 403


def test_who_sees_none_of_its_groups_does_not_find_it(client, as_role):
    activity = requested()
    as_role(SECURITY_TEAM, device_groups=[DeviceGroupFactory()])

    assert client.post(transition_url(activity), {"verb": "complete"}).status_code == 404


class TestGroups:
    url = "/preferences/groups/"

    def test_the_choice_is_kept_and_leads_back(self, client, as_role):
        user, (first, _) = as_role(VIEWER), [DeviceGroupFactory(), DeviceGroupFactory()]

        response = client.post(self.url, {"groups": [first.pk], "next": "/recommendations/?groups=1&q=chrome"})

        assert list(user.selected_groups.all()) == [first]
        assert response["Location"] == "/recommendations/?q=chrome"

    def test_all_groups_forgets_the_choice(self, client, as_role):
        user, group = as_role(VIEWER), DeviceGroupFactory()
        user.selected_groups.add(group)

        client.post(self.url, {"groups": [group.pk], "all": "1"})

        assert not user.selected_groups.exists()

    def test_a_group_out_of_scope_is_not_chosen(self, client, as_role):
        hidden = DeviceGroupFactory()
        user = as_role(VIEWER, device_groups=[DeviceGroupFactory()])

        client.post(self.url, {"groups": [hidden.pk]})

        assert not user.selected_groups.exists()

    @pytest.mark.parametrize("groups", ["abc", "", "-1", str(10**30), "1.5", "\x00", "٣", "1e9"])
    def test_odd_ids_choose_nothing(self, client, as_role, groups):
        user = as_role(VIEWER)

        assert client.post(self.url, {"groups": [groups]}).status_code == 302
        assert not user.selected_groups.exists()


class TestTheme:
    url = "/preferences/theme/"

    @pytest.mark.parametrize("theme", ["light", "dark", ""])
    def test_a_theme_is_kept(self, client, as_role, theme):
        user = as_role(VIEWER, theme="dark")

        response = client.post(self.url, {"theme": theme, "next": "/remediation/"})

        user.refresh_from_db()
        assert user.theme == theme
        assert response["Location"] == "/remediation/"

    def test_an_unknown_theme_is_a_bad_request(self, client, as_role):
        as_role(VIEWER)

        assert client.post(self.url, {"theme": "neon"}).status_code == 400


ELSEWHERE = [
    "//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "\\\\evil.example", "\\/evil.example",
    "https://evil.example", "http:evil.example", "https:evil.example", "https:/evil.example", "HTTPS://EVIL.EXAMPLE",
    "javascript:alert(1)", "JavaScript:alert(1)", "java\nscript:alert(1)", "data:text/html,x", "vbscript:x",
    "ftp://evil.example", "file:///etc/passwd", "evil.example", "@evil.example", "//testserver@evil.example",
    "http://testserver:80@evil.example", "http://testserver.evil.example", "/\t/evil.example", "/\n/evil.example",
    "\t//evil.example", " //evil.example", "/%0d%0aLocation:x\r\nX: y", "\x00//evil.example", "/\x00/evil.example",
    "http:///evil.example", "https:///evil.example", "http://[::1", "//[evil", "?next=//evil.example",
    "mailto:x@evil.example", "about:blank", "blob:https://evil.example", "//evil.example/%2e%2e",
    "\u2028//evil.example", "／／evil.example", "/／evil.example",
]  # fmt: skip


@pytest.mark.security(id="S10")
@pytest.mark.parametrize("target", ELSEWHERE)
def test_nothing_leads_to_another_host(client, as_role, target):
    from urllib.parse import urlsplit

    as_role(VIEWER)

    for url, data in [("/preferences/theme/", {"theme": "dark"}), ("/preferences/groups/", {"all": "1"})]:
        location = client.post(url, data | {"next": target})["Location"]
        assert location.startswith("/")
        assert location[1:2] not in {"/", "\\"}
        assert not urlsplit(location).netloc
        assert not {"\r", "\n", "\t", "\x00"} & set(location)
