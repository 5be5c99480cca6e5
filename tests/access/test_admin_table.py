"""The admin, model by model and address by address, held against docs/access.md."""

import pytest
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.urls import reverse
from django.utils import timezone

from integrations.models import SyncRun
from remediation.models import AuditEvent, DeviceGroup, TicketAttempt, User
from remediation.roles import ADMINISTRATOR, SECURITY_TEAM, VIEWER
from tests.factories import ActivityFactory, DeviceGroupFactory, EntraPersonFactory, TicketFactory, UserFactory

from .people import ANONYMOUS, STAFF, SUPERUSER, Visitor
from .routes import OF_THE_ADMIN
from .table import SIGN_IN, tables, told

pytestmark = pytest.mark.django_db

RECORDS, ADDRESSES = tables()["The admin"]
# Column -> who it is about, and whether they see some device groups only.
STAFF_MEMBERS = {
    STAFF: (STAFF, False),
    ADMINISTRATOR: (ADMINISTRATOR, False),
    f"{ADMINISTRATOR} of some groups": (ADMINISTRATOR, True),
    SUPERUSER: (SUPERUSER, False),
    f"{SUPERUSER} of some groups": (SUPERUSER, True),
}
CALLERS = {
    "Not signed in": ANONYMOUS,
    "Without the staff flag": SECURITY_TEAM,
    STAFF: STAFF,
    ADMINISTRATOR: ADMINISTRATOR,
    SUPERUSER: SUPERUSER,
}


def row_of(label: str) -> Model:
    """A record of each model that the admin knows."""
    now, seen = timezone.now(), {"username": "x", "ip_address": "127.0.0.1", "user_agent": "x", "path_info": "/"}
    makers = {
        "remediation.user": UserFactory,
        "remediation.entraperson": EntraPersonFactory,
        "auth.group": lambda: Group.objects.get(name=VIEWER),
        "remediation.devicegroup": DeviceGroupFactory,
        "remediation.ticketsystem": lambda: TicketFactory().system,
        "remediation.auditevent": lambda: AuditEvent.objects.record(ActivityFactory(), "request", by=UserFactory()),
        "remediation.remediationactivity": ActivityFactory,
        "remediation.ticket": TicketFactory,
        "remediation.ticketattempt": lambda: TicketAttempt.objects.create(
            ticket=TicketFactory(), fence=1, purpose="create", started_at=now
        ),
        "integrations.syncrun": lambda: SyncRun.objects.create(
            source="defender", started_at=now, heartbeat_at=now, ended_at=now, state="complete"
        ),
        "axes.accessattempt": lambda: AccessAttempt.objects.create(**seen, failures_since_start=1),
        "axes.accesslog": lambda: AccessLog.objects.create(**seen),
        "axes.accessfailurelog": lambda: AccessFailureLog.objects.create(**seen),
    }
    return makers[label]()


@pytest.mark.security(id="S1")
@pytest.mark.security(id="S21")
def test_every_record_of_the_admin_has_its_line():
    known = {model._meta.label_lower for model in admin.site._registry}
    assert sorted(row["Records"] for row in RECORDS) == sorted(known)


@pytest.mark.security(id="S1")
@pytest.mark.security(id="S21")
@pytest.mark.parametrize("column", STAFF_MEMBERS)
def test_staff_may_do_with_records_what_the_table_says(column):
    person, sees_some = STAFF_MEMBERS[column]
    visitor = Visitor(person, [DeviceGroupFactory()] if sees_some else None)

    for line in RECORDS:
        record = row_of(line["Records"])
        done = [verb for verb in VERBS if may(visitor, verb, record)]
        assert (", ".join(done) or "–") == line[column], (line["Records"], column)


# Each with the pages and forms that it opens; they open together or not at all.
VERBS = {
    "read": [("GET", "changelist"), ("GET", "change"), ("GET", "history")],
    "add": [("POST", "add")],
    "change": [("POST", "change")],
    "delete": [("POST", "delete")],
}


def may(visitor: Visitor, verb: str, record: Model) -> bool:
    answers = {visitor.ask(method, _address(record, page)).status_code for method, page in VERBS[verb]}
    assert answers in ({200}, {302}, {403}), (verb, record._meta.label, answers)
    return answers != {403}


def _address(record: Model, page: str) -> str:
    name = f"admin:{record._meta.app_label}_{record._meta.model_name}_{page}"
    return reverse(name, args=[record.pk] if page in {"change", "history", "delete"} else [])


@pytest.mark.security(id="S1")
def test_every_address_of_the_admin_that_is_no_records_has_its_line():
    of_records = {f"{model._meta.app_label}_{model._meta.model_name}_" for model in admin.site._registry}
    names = {name.removeprefix("admin:") or "(any other)" for name in OF_THE_ADMIN}
    rest = {name for name in names if not name.startswith(tuple(of_records))}

    # The account's password is nobody's page of `auth`; the name is Django's.
    assert rest == {row["Address of the admin"] for row in ADDRESSES}


@pytest.mark.security(id="S1")
@pytest.mark.security(id="S21")
@pytest.mark.parametrize("column", CALLERS)
def test_everybody_gets_from_the_admin_what_the_table_says(column):
    visitor, person, activity = Visitor(CALLERS[column]), UserFactory(), ActivityFactory()
    addresses = {
        "auth_user_password_change": [person.pk],
        "view_on_site": [ContentType.objects.get_for_model(activity).pk, activity.pk],
        "app_list": ["remediation"],
    }

    for line in ADDRESSES:
        name = line["Address of the admin"]
        address = "/admin/nowhere/" if name == "(any other)" else reverse(f"admin:{name}", args=addresses.get(name, []))
        response = visitor.ask(line["Request"], address)
        assert told(response) == line[column], (name, column)


@pytest.mark.security(id="S1")
@pytest.mark.parametrize("column", ["Not signed in", "Without the staff flag"])
def test_no_page_of_a_record_opens_without_the_staff_flag(column):
    visitor = Visitor(CALLERS[column])

    for line in RECORDS:
        record = row_of(line["Records"])
        for method in ("GET", "POST"):
            for page in ("changelist", "add", "change", "history", "delete"):
                response = visitor.ask(method, _address(record, page))
                assert told(response) == SIGN_IN, (line["Records"], page)


@pytest.mark.security(id="S1")
@pytest.mark.security(id="S5")
def test_an_administrator_of_some_groups_gives_nobody_any():
    own, other = DeviceGroupFactory(), DeviceGroupFactory()
    visitor = Visitor(ADMINISTRATOR, [own])
    someone = UserFactory(device_groups=[own])

    for person in (visitor.user, someone):
        address = reverse("admin:remediation_user_change", args=[person.pk])
        sent = {"username": person.username, "is_active": "on", "is_staff": "on", "time_zone": ""}
        sent |= {"sees_all_groups": "on", "device_groups": [own.pk, other.pk]}
        assert other.name not in visitor.client.get(address).content.decode()
        assert visitor.client.post(address, sent).status_code == 302
        stored = User.objects.get(pk=person.pk)
        assert not stored.sees_all_groups
        assert list(stored.device_groups.all()) == [own]


def test_a_superuser_of_some_groups_can_still_give_themselves_all():
    visitor = Visitor(SUPERUSER, [])
    address = reverse("admin:remediation_user_change", args=[visitor.user.pk])
    sent = {"username": visitor.user.username, "is_active": "on", "is_staff": "on", "is_superuser": "on"}

    visitor.client.post(address, sent | {"time_zone": "", "sees_all_groups": "on"})

    assert User.objects.get(pk=visitor.user.pk).sees_all_groups
    assert DeviceGroup.objects.visible_to(User.objects.get(pk=visitor.user.pk)).count() == DeviceGroup.objects.count()
