"""The environment of every process of one data directory, and the file that hands it to a second terminal."""

import os
import secrets
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from .broker import Broker
from .refusal import Refused

PROJECT = Path(__file__).resolve().parent.parent.parent
# The sandbox's people act within seconds, so the product looks that often; a tenant's limits want the longer defaults.
_LIVELY = {
    "DELIVERY_POLL": "5",
    "DELIVERY_SWEEP": "10",
    "DELIVERY_QUARANTINE": "15",
    "DELIVERY_LISTING_GAP": "5",
}


@dataclass(frozen=True)
class Place:
    """Where this run keeps its state, and where it listens."""

    data_dir: Path
    bind: str
    port: int
    sandbox_port: int
    sandbox_page_port: int
    # Of the sandbox's first start only: later ones find the estate there.
    has_large_estate: bool = False

    @property
    def sandbox_dir(self) -> Path:
        return self.data_dir / "sandbox"

    @property
    def logs_dir(self) -> Path:
        return self.data_dir / "logs"

    @property
    def sandbox_page(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_page_port}/"


def read_place(env: Mapping[str, str]) -> Place:
    port = _port(env, "PORT", 8000)
    return Place(
        data_dir=Path(env.get("TVM_DATA_DIR") or PROJECT / "var").resolve(),
        bind=env.get("BIND") or "127.0.0.1",
        port=port,
        sandbox_port=_port(env, "SANDBOX_PORT", port + 1),
        sandbox_page_port=_port(env, "SANDBOX_PAGE_PORT", port + 2),
        has_large_estate=env.get("SANDBOX_ESTATE") == "large",
    )


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    value = env.get(name) or str(default)
    if not value.isdecimal() or not 1 <= int(value) <= 65535:
        raise Refused(f"{name} is {value!r}, which is no port. Give a number from 1 to 65535.")
    return int(value)


def wants_sandbox(env: Mapping[str, str]) -> bool:
    return not env.get("MICROSOFT_TENANT_ID", "").strip()


def establish(env: MutableMapping[str, str], place: Place, broker: Broker | None) -> None:
    """Complete `env` in place with what the processes need, and write down what this run decided itself."""
    decided = _keys(env, read_run_file(place.data_dir / "run.env"))
    if broker:
        decided["CELERY_BROKER_URL"] = broker.url
    if wants_sandbox(env):
        decided |= _sandbox_variables(env, place)
    env.update(decided)
    env["TVM_DATA_DIR"] = str(place.data_dir)
    env["PORT"] = str(place.port)
    env.setdefault("LOG_JSON", "false")
    # A command in a second terminal must reach the same database; other things that the operator gave stay theirs.
    given = {name: env[name] for name in ("DATABASE_URL", "CELERY_BROKER_URL", "PORT") if env.get(name)}
    _write_run_file(place.data_dir / "run.env", given | decided)


def _keys(env: Mapping[str, str], kept: Mapping[str, str]) -> dict[str, str]:
    """The keys that nobody gave: those of an earlier start, else new ones.

    A signing key is kept even when SECRET_KEY is given later, for it alone verifies what it signed.
    """
    keys = {}
    for name in ("SECRET_KEY", "SIGNING_KEYS"):
        is_given = env.get(name) or env.get(f"{name}_FILE") or (env.get("SECRET_KEY") and not kept.get(name))
        if not is_given:
            keys[name] = kept.get(name) or secrets.token_urlsafe(50)
    return keys


def _sandbox_variables(env: MutableMapping[str, str], place: Place) -> dict[str, str]:
    from integrations.sandbox import groups_credentials, prepare

    for name in [name for name in env if name.startswith(("MICROSOFT_", "CONFIGMGR_"))]:
        del env[name]  # half a tenant's settings would mix with the sandbox's
    for name, value in _LIVELY.items():
        env.setdefault(name, value)
    for name in ("NO_PROXY", "no_proxy"):
        env[name] = ",".join(filter(None, [env.get(name, ""), "127.0.0.1", "localhost"]))
    made = prepare(place.sandbox_dir, place.sandbox_port, place.sandbox_page_port)
    variables = made | {name: env[name] for name in _LIVELY}
    return variables | (groups_credentials(place.sandbox_dir) if env.get("SANDBOX_TARGET_GROUPS") == "1" else {})


def read_run_file(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    return {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}


def _write_run_file(path: Path, variables: Mapping[str, str]) -> None:
    """Readable by the owner only from its first moment on, and never seen half-written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{name}='{value}'\n" for name, value in sorted(variables.items()))
    draft.replace(path)
