import stat
from pathlib import Path

import pytest

from integrations.sandbox import groups_credentials
from tvm_remediation.supervisor.broker import Broker
from tvm_remediation.supervisor.environment import Place, establish, read_place, read_run_file, wants_sandbox
from tvm_remediation.supervisor.refusal import Refused

TENANT = {"MICROSOFT_TENANT_ID": "b0a4bbb2-1b0a-4bf0-8d5b-0c2bb0a1b2c3", "MICROSOFT_CLIENT_SECRET": "the-tenants-own"}


def place(data_dir: Path) -> Place:
    return read_place({"TVM_DATA_DIR": str(data_dir), "PORT": "9100"})


def broker(data_dir: Path) -> Broker:
    return Broker("valkey-server", data_dir, data_dir / "broker.sock")


def settled(env: dict[str, str], data_dir: Path) -> dict[str, str]:
    """The environment of the children after a start with `env`."""
    env = dict(env)
    establish(env, place(data_dir), broker(data_dir))
    return env


def test_the_keys_of_the_first_start_are_those_of_the_next(tmp_path):
    first = settled(TENANT, tmp_path)
    second = settled(TENANT, tmp_path)

    assert len(first["SECRET_KEY"]) >= 50
    assert first["SIGNING_KEYS"] != first["SECRET_KEY"]
    assert (second["SECRET_KEY"], second["SIGNING_KEYS"]) == (first["SECRET_KEY"], first["SIGNING_KEYS"])


@pytest.mark.security(id="S13")
def test_a_given_secret_key_is_used_and_written_nowhere(tmp_path):
    env = settled(TENANT | {"SECRET_KEY": "given-by-hand"}, tmp_path)

    assert env["SECRET_KEY"] == "given-by-hand"
    assert "SIGNING_KEYS" not in env
    assert "given-by-hand" not in (tmp_path / "run.env").read_text()


def test_the_signing_key_outlives_a_secret_key_that_is_given_later(tmp_path):
    first = settled(TENANT, tmp_path)
    second = settled(TENANT | {"SECRET_KEY": "given-by-hand"}, tmp_path)

    assert second["SIGNING_KEYS"] == first["SIGNING_KEYS"]


def test_the_file_for_the_second_terminal_is_the_owners_alone(tmp_path):
    settled(TENANT, tmp_path)

    assert stat.S_IMODE((tmp_path / "run.env").stat().st_mode) == 0o600


@pytest.mark.security(id="S13")
def test_a_tenants_secret_is_not_copied_to_disk(tmp_path):
    settled(TENANT, tmp_path)

    assert "the-tenants-own" not in (tmp_path / "run.env").read_text()


def test_the_second_terminal_reaches_the_same_database_and_broker(tmp_path):
    settled(TENANT | {"DATABASE_URL": "postgres://somebody@db/tvm"}, tmp_path)

    kept = read_run_file(tmp_path / "run.env")
    assert kept["DATABASE_URL"] == "postgres://somebody@db/tvm"
    assert kept["CELERY_BROKER_URL"] == broker(tmp_path).url


def test_without_a_tenant_everything_of_microsoft_is_the_sandboxs(tmp_path):
    env = settled(
        {"MICROSOFT_CLOUD": "china", "MICROSOFT_GRAPH_CLIENT_ID": "left-over", "CONFIGMGR_KEYTAB": "x"}, tmp_path
    )

    assert "MICROSOFT_CLOUD" not in env
    assert "MICROSOFT_GRAPH_CLIENT_ID" not in env
    assert env["MICROSOFT_GRAPH_URL"] == "https://127.0.0.1:9101"
    assert env["CONFIGMGR_URL"] == "https://127.0.0.1:9101/AdminService_TokenAuth"
    assert "CONFIGMGR_KEYTAB" not in env
    assert read_run_file(tmp_path / "run.env")["MICROSOFT_TENANT_ID"] == env["MICROSOFT_TENANT_ID"]


@pytest.mark.parametrize(("switch", "is_on"), [("1", True), ("", False)])
def test_the_sandboxs_target_groups_are_off_until_they_are_asked_for(tmp_path, switch, is_on):
    env = {"SANDBOX_TARGET_GROUPS": switch}

    establish(env, place(tmp_path), None)

    assert (groups_credentials(tmp_path / "sandbox").items() <= env.items()) == is_on


def test_people_can_sign_in_at_the_sandbox_by_a_page_that_a_browser_takes(tmp_path):
    env = settled({"MICROSOFT_SIGN_IN_CLIENT_ID": "left over"}, tmp_path)

    assert (env["MICROSOFT_SIGN_IN"], env["MICROSOFT_SIGN_IN_URL"]) == ("on", "http://127.0.0.1:9102")
    assert "MICROSOFT_SIGN_IN_CLIENT_ID" not in env


def test_a_proxy_does_not_stand_between_us_and_the_sandbox(tmp_path):
    env = settled({"NO_PROXY": "intranet"}, tmp_path)

    assert env["NO_PROXY"] == "intranet,127.0.0.1,localhost"


def test_only_the_sandbox_is_looked_at_every_few_seconds(tmp_path):
    assert settled({}, tmp_path / "demo")["DELIVERY_POLL"] == "5"
    assert settled({"DELIVERY_POLL": "2"}, tmp_path / "hasty")["DELIVERY_POLL"] == "2"
    assert "DELIVERY_POLL" not in settled(TENANT, tmp_path / "tenant")


def test_a_tenant_id_of_blanks_is_none():
    assert wants_sandbox({"MICROSOFT_TENANT_ID": "  "})
    assert not wants_sandbox(TENANT)


@pytest.mark.parametrize("port", ["http", "0", "70000", "-1", "80 80"])
def test_an_odd_port_is_refused_with_a_sentence(port):
    with pytest.raises(Refused, match=r"PORT is '.*', which is no port"):
        read_place({"PORT": port})
