"""Security tasks of Intune that are not ours: imported, linked by their product, and gone from there when adopted."""

import pytest

from integrations.delivery import look
from remediation.models import DeliveryState, ImportedActivity, TicketSystem
from tests.factories import RecommendationFactory, SoftwareFactory, TicketFactory, UserFactory

pytestmark = pytest.mark.django_db


def seen() -> list[str]:
    return list(ImportedActivity.objects.order_by("pk").values_list("remote_id", flat=True))


def test_a_task_of_others_is_imported_and_ours_is_not(there, ticket):
    theirs = there.made_by_others("Contoso Reader")
    there.store(ticket.marker)

    look.look(TicketSystem.objects.get(pk="intune"))

    found = ImportedActivity.objects.get()
    assert (found.remote_id, found.imported_from, found.status) == (theirs, "intune", "active")
    assert found.target_devices is None


def test_it_is_linked_where_its_product_leads_to_one_recommendation(there, ticket):
    reader = RecommendationFactory(software=SoftwareFactory(name="Contoso Reader"))
    for vendor in ("one", "two"):
        RecommendationFactory(software=SoftwareFactory(name="Twin", source_id=f"{vendor}-_-twin"))
    there.made_by_others("Contoso Reader")
    there.made_by_others("Twin")

    look.look(TicketSystem.objects.get(pk="intune"))

    linked = ImportedActivity.objects.order_by("related_component").values_list("recommendation", flat=True)
    assert list(linked) == [reader.pk, None]


def test_it_follows_its_state_and_stays_when_it_is_deleted_there(there, ticket):
    theirs = there.made_by_others("Contoso Reader")
    look.look(TicketSystem.objects.get(pk="intune"))
    there.edit(theirs, "completed")
    look.look(TicketSystem.objects.get(pk="intune"))
    del there.tickets[theirs]
    look.look(TicketSystem.objects.get(pk="intune"))

    assert ImportedActivity.objects.get().status == "completed"


def test_one_that_we_adopted_is_ours_from_then_on(there, ticket):
    theirs = there.made_by_others("Contoso Reader")
    look.look(TicketSystem.objects.get(pk="intune"))
    TicketFactory(delivery_state=DeliveryState.DELIVERED, remote_id=theirs)

    look.look(TicketSystem.objects.get(pk="intune"))

    assert seen() == []


def test_nothing_says_which_groups_it_is_about_so_only_who_sees_all_sees_it(there, ticket):
    there.made_by_others("Contoso Reader")
    look.look(TicketSystem.objects.get(pk="intune"))

    assert ImportedActivity.objects.visible_to(UserFactory()).count() == 1
    assert ImportedActivity.objects.visible_to(UserFactory(device_groups=[])).count() == 0


def test_a_listing_that_brings_nothing_new_writes_nothing(there, ticket, clock):
    there.made_by_others("Contoso Reader")
    look.look(TicketSystem.objects.get(pk="intune"))
    before = ImportedActivity.objects.get()
    clock.shift(60)

    look.look(TicketSystem.objects.get(pk="intune"))

    assert ImportedActivity.objects.get().last_seen_at == before.last_seen_at


def test_after_a_while_it_is_said_that_it_was_seen_again(there, ticket, clock):
    there.made_by_others("Contoso Reader")
    look.look(TicketSystem.objects.get(pk="intune"))
    before = ImportedActivity.objects.get()
    clock.shift(7200)

    look.look(TicketSystem.objects.get(pk="intune"))

    assert ImportedActivity.objects.get().last_seen_at > before.last_seen_at
