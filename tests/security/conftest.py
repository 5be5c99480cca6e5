import pytest
from django.test import Client

from tests.factories import UserFactory

# One of everything, by the route that shows it.
from tests.test_access import things  # noqa: F401


@pytest.fixture
def chief() -> Client:
    """Somebody who may do everything, so that no permission keeps bad input from where it could do harm."""
    client = Client()
    client.force_login(UserFactory(is_superuser=True, is_staff=True))
    return client
