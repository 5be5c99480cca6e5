"""Entra's part: discovery, keys, tokens for an application and for people (`sign_in`), and the check of a bearer token.

What a token may do follows the roles granted now, not those of the moment when it was issued, so that a person who
withdraws a role sees the effect at once; the real service takes up to the token's life of one hour.
"""

import base64
import time
import uuid
from typing import Any

import jwt

from . import sign_in
from .entra_errors import error
from .id_tokens import KEY_ID
from .messages import Answer, Request, json_answer
from .tenant import DEFENDER_ROLES, GRAPH_ROLES, GROUPS_ROLES, Tenant

TOKEN_LIFE = 3600
GRAPH, DEFENDER, SITE = "graph", "defender", "site"
RESOURCES = {
    "https://graph.microsoft.com": GRAPH,
    "https://graph.microsoft.us": GRAPH,
    "https://dod-graph.microsoft.us": GRAPH,
    "https://microsoftgraph.chinacloudapi.cn": GRAPH,
    "https://api.securitycenter.microsoft.com": DEFENDER,
    "https://api.security.microsoft.com": DEFENDER,
    "https://api-gcc.securitycenter.microsoft.us": DEFENDER,
    "https://api-gov.securitycenter.microsoft.us": DEFENDER,
}


def resources(tenant: Tenant) -> dict[str, str]:
    """Microsoft's own, and the tenant's web app that stands for its Configuration Manager site."""
    return RESOURCES | {tenant.site_audience: SITE}


class Refused(Exception):
    """A bearer token that does not open the door, in words for the caller."""


def answer(tenant: Tenant, request: Request) -> Answer:
    """Serve everything under /<tenant>/."""
    named, _, rest = request.path.lstrip("/").partition("/")
    if named.lower() != tenant.id:
        return error(
            400,
            "invalid_tenant",
            90002,
            f"Tenant '{named}' not found. Check to make sure you have the correct tenant ID.",
        )
    root = f"https://{request.headers.get('host', '127.0.0.1')}/{tenant.id}"
    if rest == "v2.0/.well-known/openid-configuration":
        return json_answer(_discovery(root, f"{tenant.page_root}/{tenant.id}" if tenant.page_root else root))
    if rest in ("discovery/v2.0/keys", "discovery/keys"):
        return json_answer({"keys": [_public_key(tenant)]})
    if rest == "oauth2/v2.0/token" and request.method == "POST":
        return _token(tenant, request.form(), f"{root}/v2.0")
    return sign_in.answer(tenant, request) or Answer(404)


def check(tenant: Tenant, request: Request, resource: str) -> dict[str, Any]:
    """The claims of the token. Raise Refused unless the request bears one of ours for this resource."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused("Access token is empty.")
    audiences = [address for address, kind in resources(tenant).items() if kind == resource]
    try:
        return jwt.decode(token, tenant.signing_key.public_key(), algorithms=["RS256"], audience=audiences)
    except jwt.ExpiredSignatureError as expired:
        raise Refused("Lifetime validation failed, the token is expired.") from expired
    except jwt.InvalidAudienceError as audience:
        raise Refused("Access token validation failure. Invalid audience.") from audience
    except jwt.InvalidTokenError as invalid:
        raise Refused("Access token validation failure. Invalid signature.") from invalid


def _token(tenant: Tenant, form: dict[str, str], issuer: str) -> Answer:
    if not form.get("grant_type"):
        return error(
            400, "invalid_request", 900144, "The request body must contain the following parameter: 'grant_type'."
        )
    if form["grant_type"] not in ("client_credentials", "authorization_code"):
        return error(
            400, "unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{form['grant_type']}'."
        )
    client = form.get("client_id", "")
    secrets = {
        tenant.credentials["MICROSOFT_CLIENT_ID"]: tenant.credentials["MICROSOFT_CLIENT_SECRET"],
        tenant.groups_credentials["MICROSOFT_GROUPS_CLIENT_ID"]: tenant.groups_credentials[
            "MICROSOFT_GROUPS_CLIENT_SECRET"
        ],
    }
    if client.lower() not in secrets:
        text = f"Application with identifier '{client}' was not found in the directory 'TVM Remediation sandbox'."
        return error(400, "unauthorized_client", 700016, text)
    if "client_assertion" in form:
        return error(
            401,
            "invalid_client",
            700027,
            "The certificate with identifier used to sign the client assertion is not registered on application.",
        )
    if form.get("client_secret") != secrets[client.lower()]:
        text = "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value,"
        text += f" not the client secret ID, for a secret added to app '{client}'."
        return error(401, "invalid_client", 7000215, text)
    if form["grant_type"] == "authorization_code":
        return sign_in.redeem(tenant, form, issuer)
    return _grant(tenant, form.get("scope", ""), client.lower())


def _grant(tenant: Tenant, scope: str, client: str) -> Answer:
    audience = scope.removesuffix("/.default").rstrip("/")
    if not scope.endswith("/.default"):
        return error(
            400,
            "invalid_scope",
            1002012,
            f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value"
            " with /.default suffixed to the resource identifier (application ID URI).",
        )
    if audience not in resources(tenant):
        return error(
            400,
            "invalid_resource",
            500011,
            f"The resource principal named {audience} was not found in the tenant named TVM Remediation sandbox.",
        )
    token = issue(tenant, audience, client=client)
    return json_answer(
        {"token_type": "Bearer", "expires_in": TOKEN_LIFE - 1, "ext_expires_in": TOKEN_LIFE - 1, "access_token": token}
    )


def issue(tenant: Tenant, audience: str, life: int = TOKEN_LIFE, client: str = "") -> str:
    """A signed access token for a resource, in the shape of an application's token."""
    now, client = int(time.time()), client or tenant.credentials["MICROSOFT_CLIENT_ID"]
    if client != tenant.credentials["MICROSOFT_CLIENT_ID"]:
        known = GROUPS_ROLES
    else:
        known = {GRAPH: GRAPH_ROLES, DEFENDER: DEFENDER_ROLES, SITE: []}[resources(tenant)[audience]]
    object_id = str(uuid.uuid5(uuid.NAMESPACE_URL, client))
    claims = {
        "aud": audience,
        "iss": f"https://sts.windows.net/{tenant.id}/",
        "iat": now,
        "nbf": now,
        "exp": now + life,
        "appid": client,
        "appidacr": "1",
        "idp": f"https://sts.windows.net/{tenant.id}/",
        "idtyp": "app",
        "oid": object_id,
        "sub": object_id,
        "tid": tenant.id,
        "roles": [role for role in known if role in tenant.roles],
        "uti": uuid.uuid4().hex[:22],
        "ver": "1.0",
    }
    return jwt.encode(claims, tenant.signing_key, algorithm="RS256", headers={"kid": KEY_ID})


def _discovery(root: str, browser_root: str) -> dict[str, object]:
    return {
        "token_endpoint": f"{root}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "jwks_uri": f"{root}/discovery/v2.0/keys",
        "response_types_supported": ["code", "id_token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "issuer": f"{root}/v2.0",
        "authorization_endpoint": f"{browser_root}/oauth2/v2.0/authorize",
        "end_session_endpoint": f"{browser_root}/oauth2/v2.0/logout",
    }


def _public_key(tenant: Tenant) -> dict[str, str]:
    numbers = tenant.signing_key.public_key().public_numbers()
    return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": _base64(numbers.n), "e": _base64(numbers.e)}


def _base64(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()


def token_fault(status: int) -> Answer:
    """The token endpoint's answer when it is told to fail."""
    errors = {
        401: ("invalid_client", 7000222, "The provided client secret keys are expired."),
        403: ("unauthorized_client", 53003, "Access has been blocked by Conditional Access policies."),
        429: ("temporarily_unavailable", 90055, "The server is terminating the request because it is throttled."),
    }
    name, code, text = errors.get(
        status, ("temporarily_unavailable", 90033, "A transient error has occurred. Please try again.")
    )
    return error(status, name, code, text)
