"""What the product needs to know to call the stand-in instead of the tenant."""

import json
import secrets
import uuid
from pathlib import Path

from .certificate import ensure_certificate, write_private

EPSS_PATH = "/feeds/epss_scores-current.csv.gz"
KEV_PATH = "/feeds/known_exploited_vulnerabilities.json"


def prepare(data_dir: Path | str, port: int, page_port: int | None = None) -> dict[str, str]:
    """Make credentials and certificate without starting anything; answers the variables of its environment.

    Calling it again answers the same, so a supervisor may compute its children's environment first. With a port for the
    page, people can sign in there.
    """
    data_dir = Path(data_dir).resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    authority = ensure_certificate(data_dir)
    root = f"https://127.0.0.1:{port}"
    variables = {
        **credentials(data_dir),
        "MICROSOFT_LOGIN_URL": root,
        "MICROSOFT_GRAPH_URL": root,
        "MICROSOFT_DEFENDER_URL": root,
        "MICROSOFT_EXPORT_URL": root,
        "MICROSOFT_CA_BUNDLE": str(authority),
    }
    variables |= {
        "CONFIGMGR_URL": f"{root}/AdminService_TokenAuth",
        "CONFIGMGR_SCOPE": f"{site_audience(variables['MICROSOFT_TENANT_ID'])}/.default",
        "CONFIGMGR_CA_BUNDLE": str(authority),
    }
    variables |= {
        "EPSS_URL": f"{root}{EPSS_PATH}",
        "KEV_URL": f"{root}{KEV_PATH}",
        "FEEDS_CA_BUNDLE": str(authority),
    }
    if page_port is not None:
        # People meet its Entra on the page: no browser knows the certificate of the API.
        variables |= {"MICROSOFT_SIGN_IN": "on", "MICROSOFT_SIGN_IN_URL": f"http://127.0.0.1:{page_port}"}
    write_private(data_dir / "environment.json", json.dumps(variables, indent=2).encode())
    return variables


def credentials(data_dir: Path) -> dict[str, str]:
    """The tenant id, client id and secret, generated at the first call and kept."""
    return _kept(
        data_dir / "credentials.json",
        MICROSOFT_TENANT_ID=str(uuid.uuid4()),
        MICROSOFT_CLIENT_ID=str(uuid.uuid4()),
        MICROSOFT_CLIENT_SECRET=secrets.token_urlsafe(30),
    )


def groups_credentials(data_dir: Path) -> dict[str, str]:
    """Those of the registration for target groups in Entra: not part of the environment, for the feature is off by
    default; whoever sets these variables has it on."""
    return _kept(
        data_dir / "groups.json",
        MICROSOFT_GROUPS_CLIENT_ID=str(uuid.uuid4()),
        MICROSOFT_GROUPS_CLIENT_SECRET=secrets.token_urlsafe(30),
    )


def _kept(path: Path, **fresh: str) -> dict[str, str]:
    if not path.exists():
        write_private(path, json.dumps(fresh).encode())
    return dict(json.loads(path.read_text()))


def site_audience(tenant_id: str) -> str:
    """What a token for the Configuration Manager site is asked for: the same for the same tenant."""
    return f"api://{tenant_id}/{uuid.uuid5(uuid.UUID(tenant_id), 'configuration manager')}"
