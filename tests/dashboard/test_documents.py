"""docs/csv.md names every column that a file has."""

from pathlib import Path

import pytest
from django.conf import settings

from dashboard.details.activity import DEVICE_CSV
from dashboard.lists.activities import ActivityTable
from dashboard.lists.imported import ImportedTable
from dashboard.lists.recommendation_devices import ExposedDeviceTable
from dashboard.lists.recommendations import RecommendationTable
from dashboard.lists.tickets import TicketTable

pytestmark = pytest.mark.once

DOCUMENT = (Path(settings.BASE_DIR) / "docs/csv.md").read_text()


@pytest.mark.parametrize("table", [RecommendationTable, ActivityTable, TicketTable, ExposedDeviceTable, ImportedTable])
def test_every_column_of_a_list_is_documented(table):
    names = [name for name, _ in table([]).csv_columns()]

    assert [name for name in names if f"`{name}`" not in DOCUMENT] == []


def test_every_column_of_an_activitys_devices_is_documented():
    assert [name for name, _ in DEVICE_CSV if f"`{name}`" not in DOCUMENT] == []
