import pytest
from django.test import Client

from tests.access.things import Things, things_of_a_group, things_of_everybody
from tests.factories import UserFactory
from tests.signed_in import sign_in


@pytest.fixture
def things() -> Things:
    """One of everything, by the route that shows it."""
    found = things_of_a_group("Canary-4711")
    found.keys |= things_of_everybody()
    return found


@pytest.fixture
def chief() -> Client:
    """Somebody who may do everything, so that no permission keeps bad input from where it could do harm."""
    client = Client()
    sign_in(client, UserFactory(is_superuser=True, is_staff=True))
    return client
