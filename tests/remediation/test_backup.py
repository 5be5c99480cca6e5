"""A copy of the database while everything runs; tests/integrations/delivery/test_restore.py restores one."""

import sqlite3

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.factories import DeviceGroupFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def only_sqlite():
    if connection.vendor != "sqlite":
        pytest.skip("is for SQLite")


def test_it_is_complete_and_its_owners_alone(only_sqlite, tmp_path):
    group, file = DeviceGroupFactory(), tmp_path / "backup.sqlite3"

    call_command("backup", str(file))

    with sqlite3.connect(file) as copy:
        assert copy.execute("SELECT name FROM remediation_devicegroup").fetchall() == [(group.name,)]
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("place", ["here", "nowhere/file"])
def test_where_it_cannot_be_written_a_sentence_says_so_and_nothing_is_overwritten(only_sqlite, tmp_path, place):
    (tmp_path / "here").write_text("mine")

    with pytest.raises(CommandError, match=r"already|cannot be written"):
        call_command("backup", str(tmp_path / place))

    assert (tmp_path / "here").read_text() == "mine"


@pytest.mark.postgresql
def test_for_postgresql_it_names_the_tool(tmp_path):
    with pytest.raises(CommandError, match="pg_dump"):
        call_command("backup", str(tmp_path / "x"))
