"""The imagined tenant's people, their app roles, and what can be wrong with their sign-in."""

import uuid

# Short name -> name. Their accounts are <short name>@contoso.example.
PEOPLE = {
    "ada": "Ada Administrator",
    "sam": "Sam Security",
    "ida": "Ida Itadmin",
    "abel": "Abel Approver",
    "vera": "Vera Viewer",
    "nora": "Nora Norole",
}
APP_ROLES_AT_FIRST = {
    "ada": ["Tvm.Administrator"],
    "sam": ["Tvm.SecurityTeam"],
    "ida": ["Tvm.ItAdministrator"],
    "abel": ["Tvm.ExceptionApprover"],
    "vera": ["Tvm.Viewer"],
    "nora": [],
}
# The first is the default. What is wrong: with the id token, with what the browser is sent back with, or with the code.
SIGN_IN_MODES = [
    "honest",
    *("forged", "unknown_key", "alg_none", "hs256", "garbage"),
    *(
        "expired",
        "not_yet",
        "wrong_tenant",
        "wrong_tid",
        "wrong_issuer",
        "wrong_audience",
        "two_audiences",
        "wrong_nonce",
    ),
    *("no_object_id", "no_roles", "overage"),
    # Only where a sign-in made anew was asked for.
    *("stale", "timeless"),
    *("foreign_state", "replayed_code", "denied"),
]


def object_id(tenant_id: str, person: str) -> str:
    """The same for the same tenant."""
    return str(uuid.uuid5(uuid.UUID(tenant_id), person))


def sign_in_name(person: str) -> str:
    return f"{person}@contoso.example"
