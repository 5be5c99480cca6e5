"""The parts of an activity on its page: progress, devices as CSV, the rest, and the script for a group in Entra."""

import csv
import io
import re
from dataclasses import replace

import pytest
from django.utils import timezone

from remediation.models import ActivityCount, ActivityDevice, BatchCount, DeviceGroup, RemoteState, TargetGroup
from tests.factories import (
    ActivityFactory,
    DeviceFactory,
    DeviceGroupFactory,
    TicketFactory,
    UserFactory,
    enable_intune,
)
from tvm_remediation.clouds import Registration

from .conftest import csv_of, publish, words

HOSTILE = [
    "'; Remove-Item -Recurse C:\\ #",
    "x\n'@\nInvoke-Expression 'evil'\n$y = @'\n",
    '$(Stop-Computer)`n"',
    "\u2018\u2019\u201a\u201b smart",
    "=cmd|'/c calc'!A1",
    "Ñandú-pc",
]


@pytest.fixture
def activity(db):
    """Two parts of three devices in two groups, and one device that no ticket can name; part 2 has no ticket yet."""
    publish()
    enable_intune()
    one, two = DeviceGroupFactory(name="Berlin"), DeviceGroupFactory(name="Oslo")
    item = ActivityFactory(targets=7, fixed=1)
    for batch, group, state in [
        (1, one, "fixed"), (1, one, "exposed"), (1, two, "exposed"),
        (2, one, "exposed"), (2, two, "exposed"), (2, two, "exposed"), (None, two, "exposed"),
    ]:  # fmt: skip
        device = DeviceFactory(group=group, **({} if batch else {"entra_device_id": ""}))
        ActivityDevice.objects.create(
            activity=item, device=device, group=group, batch=batch, state=state, state_changed_at=timezone.now(),
            installed_version="1.0", disk_paths=["C:\\app.exe"],
        )  # fmt: skip
    for batch, group, targets, fixed in [(1, one, 2, 1), (1, two, 1, 0), (2, one, 1, 0), (2, two, 2, 0)]:
        BatchCount.objects.create(activity=item, batch=batch, group=group, targets=targets, fixed=fixed)
    for group, targets, fixed in [(one, 3, 1), (two, 4, 0)]:
        ActivityCount.objects.create(activity=item, group=group, targets=targets, fixed=fixed, exposed=targets - fixed)
    TicketFactory(activity=item, batch=1, batches=2, devices=3)
    return item


def rows_of(response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_of(response).removeprefix("\ufeff"))))


def test_the_page_says_how_far_each_part_is(client, reader, activity):
    reader(client)

    [view] = client.get(activity.get_absolute_url()).context["tickets"]

    assert (view.ticket.here_targets, view.ticket.here_fixed) == (3, 1)


def test_a_reader_sees_the_progress_of_their_own_devices(client, reader, activity):
    reader(client, device_groups=[DeviceGroup.objects.get(name="Oslo")])

    context = client.get(activity.get_absolute_url()).context

    [view] = context["tickets"]
    assert (view.ticket.here_targets, view.ticket.here_fixed) == (1, 0)
    assert (context["rest"].devices, context["rest"].may_open) == (2, False)


def test_the_page_offers_the_rest_to_those_who_may_open_it(client, reader, activity):
    reader(client)

    rest = client.get(activity.get_absolute_url()).context["rest"]

    assert (rest.devices, rest.parts, rest.may_open) == (3, 1, True)


@pytest.mark.parametrize("is_over", [True, False])
def test_no_rest_is_offered_where_there_is_none(client, reader, activity, is_over):
    if is_over:
        type(activity).objects.update(status="cancelled")
    else:
        TicketFactory(activity=activity, batch=2, batches=2, devices=3)
    reader(client)

    assert client.get(activity.get_absolute_url()).context["rest"] is None


def test_a_part_is_listed_and_exported_by_itself(client, reader, activity):
    reader(client)
    address = activity.get_absolute_url()

    page = client.get(f"{address}?part=2").context["devices"]
    rows = rows_of(client.get(f"{address}?part=2&format=csv"))

    assert (page.count, len(page.rows), len(rows)) == (3, 3, 3)
    assert {row["ticket_part"] for row in rows} == {"2"}
    assert all(row["entra_device_id"] and row["disk_paths"] == '["C:\\\\app.exe"]' for row in rows)


def test_the_file_of_a_part_is_cut_to_the_readers_groups(client, reader, activity):
    reader(client, device_groups=[DeviceGroup.objects.get(name="Oslo")])

    rows = rows_of(client.get(f"{activity.get_absolute_url()}?part=2&format=csv"))

    assert {row["device_group"] for row in rows} == {"Oslo"}
    assert len(rows) == 2


@pytest.mark.parametrize("part", ["0", "-1", "x", "99999", "9999999999", "１", ""])
def test_an_odd_part_is_no_error(client, reader, activity, part):
    reader(client)

    assert client.get(activity.get_absolute_url(), {"part": part}).context["devices"].count in {0, 7}


def test_what_it_completed_in_intune_is_claimed(client, reader, activity):
    activity.tickets.update(
        remote_state=RemoteState.COMPLETED, remote_id="7", delivery_state="delivered", remote_changed_at=timezone.now()
    )
    reader(client)

    assert client.get(activity.get_absolute_url()).context["claimed"] == 3


# --- The script -------------------------------------------------------------------------------------------------------
def script_of(response) -> str:
    return b"".join(response.streaming_content).decode("ascii")


def test_the_script_names_the_devices_of_its_part(client, reader, activity):
    reader(client)

    script = script_of(client.get(f"/remediation/tickets/{activity.tickets.get().pk}/group.ps1"))

    ids = set(activity.devices.filter(batch=1).values_list("device__entra_device_id", flat=True))
    assert set(re.findall(r"^([0-9a-f-]{36}),", script, re.MULTILINE)) == ids
    assert f"$UniqueName = 'tvm-remediation-{activity.pk}-1'" in script
    assert "$Graph = 'https://graph.microsoft.com/v1.0'" in script


def test_the_script_is_cut_to_the_readers_groups(client, reader, activity):
    reader(client, device_groups=[DeviceGroup.objects.get(name="Oslo")])

    script = script_of(client.get(f"/remediation/tickets/{activity.tickets.get().pk}/group.ps1"))

    assert len(re.findall(r"^[0-9a-f-]{36},", script, re.MULTILINE)) == 1


@pytest.mark.security(id="S30")
@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_becomes_a_part_of_the_script(client, reader, activity, name):
    target = activity.devices.filter(batch=1).select_related("device").first()
    target.device.name = name
    target.device.save()
    type(activity).objects.update(title=name)
    harmless = client_script(client, reader, activity)
    lines = harmless.splitlines()

    [line] = [line for line in lines if line.startswith(target.device.entra_device_id)]
    assert re.fullmatch(r"[0-9a-f-]{36},[A-Za-z0-9._ -]*", line)
    [title] = [line for line in lines if line.startswith("$DisplayName")]
    assert re.fullmatch(r"\$DisplayName = '[A-Za-z0-9:._ -]+'", title)
    assert sum(line.startswith("'@") for line in lines) == 1


def client_script(client, reader, activity) -> str:
    reader(client)
    return script_of(client.get(f"/remediation/tickets/{activity.tickets.get().pk}/group.ps1"))


@pytest.mark.parametrize("entra_id", ["", "'; evil", "0" * 36, "12345678-1234-1234-1234-12345678901'"])
def test_an_id_that_is_none_is_left_out(client, reader, activity, entra_id):
    target = activity.devices.filter(batch=1).select_related("device").first()
    target.device.entra_device_id = entra_id
    target.device.save()

    assert target.device.name not in client_script(client, reader, activity)


def test_the_script_of_an_activity_out_of_sight_is_not_found(client, reader, activity):
    reader(client, device_groups=[DeviceGroupFactory()])

    assert client.get(f"/remediation/tickets/{activity.tickets.get().pk}/group.ps1").status_code == 404


# --- The dashboard ----------------------------------------------------------------------------------------------------
def reject(activity, **more) -> None:
    values = {"remote_state": RemoteState.REJECTED, "remote_id": "7", "delivery_state": "delivered"}
    activity.tickets.update(
        **values | {"remote_note": "Not before Friday.", "remote_changed_at": timezone.now()} | more
    )


def test_a_rejection_stands_on_the_requesters_dashboard(client, reader, activity):
    user = reader(client)
    type(activity).objects.update(requester=user)
    reject(activity)

    response = client.get("/")

    [card] = response.context["rejections"]
    assert (card["activity"], card["note"], card["system"]) == (activity.pk, "Not before Friday.", "Microsoft Intune")
    assert "Not before Friday." in words(response)


@pytest.mark.parametrize("how", ["accepted", "cancelled", "another"])
def test_a_rejection_that_is_dealt_with_or_not_theirs_does_not(client, reader, activity, how):
    user = reader(client)
    type(activity).objects.update(
        requester=UserFactory() if how == "another" else user,
        status="cancelled" if how == "cancelled" else "active",
    )
    reject(activity, **({"remote_state": RemoteState.ACTIVE} if how == "accepted" else {}))

    assert client.get("/").context["rejections"] == []


# --- What the page says -----------------------------------------------------------------------------------------------
def test_the_page_says_what_was_left_out_and_how_far_each_part_is(client, reader, activity):
    reader(client)

    shown = words(client.get(activity.get_absolute_url()))

    assert "3 devices are in no ticket yet." in shown
    assert "Open the remaining ticket" in shown
    assert "1 of 3 fixed" in shown


@pytest.mark.parametrize(("state", "advice"), [("missing", "not created again by itself"), ("rejected", "Settle with")])
def test_a_ticket_that_was_deleted_or_rejected_says_what_to_do(client, reader, activity, state, advice):
    reject(activity, remote_state=state)
    reader(client)

    assert advice in words(client.get(activity.get_absolute_url()))


def test_a_target_group_is_offered_where_it_is_on_and_its_progress_shown(client, reader, activity, settings):
    registration = Registration("id", "secret")
    settings.MICROSOFT = replace(
        settings.MICROSOFT, tenant_id="t", registration=registration, groups_registration=registration
    )
    user = reader(client)
    activity.tickets.update(remote_id="7", delivery_state="delivered")
    offered = words(client.get(activity.get_absolute_url()))

    TargetGroup.objects.create(
        ticket=activity.tickets.get(), unique_name="tvm-remediation-1-1", requested_by=user, added=2,
        requested_at=timezone.now(), next_attempt_at=timezone.now(),
    )  # fmt: skip
    filling = words(client.get(activity.get_absolute_url()))

    assert "Make a group in Entra" in offered
    assert "tvm-remediation-1-1 2 of 3" in filling
    assert "Make a group in Entra" not in filling
