"""The test of an id token, claim by claim and minute by minute, against a login host that serves keys."""

import json
import time
from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.conf import settings as project
from pytest_httpserver import HTTPServer

from integrations.microsoft import BadToken, NoKeys, forget_clients, id_tokens, read_id_token
from tvm_remediation.clouds import Registration
from tvm_remediation.sign_in import SignIn

TENANT, CLIENT = "5f0e3f2e-0b4c-4c5e-9d2b-6f8f2f1f7c11", "0b9a3c52-8f0e-4d5a-9d7e-0a4f3f1c2b77"
ANOTHER, PERSON = "99999999-aaaa-4bbb-8ccc-dddddddddddd", "11111111-2222-4333-8444-555555555555"
KEYS = f"/{TENANT}/discovery/v2.0/keys"
NONCE = "a" * 64
OURS = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVE = ec.generate_private_key(ec.SECP256R1())


def public(key, name: str) -> dict:
    algorithm = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return json.loads(algorithm.to_jwk(key.public_key())) | {"kid": name, "use": "sig"}


@pytest.fixture
def login(httpserver: HTTPServer, settings) -> HTTPServer:
    """The login host of our tenant, with one key."""
    root = httpserver.url_for("").rstrip("/")
    settings.MICROSOFT = replace(project.MICROSOFT, login_url=root)
    settings.MICROSOFT_SIGN_IN = SignIn(True, TENANT, root, root, Registration(CLIENT, "secret"))
    httpserver.expect_request(KEYS).respond_with_json({"keys": [public(OURS, "one"), public(CURVE, "curve")]})
    forget_clients()
    id_tokens._keys_of.cache_clear()
    yield httpserver
    forget_clients()


def claims(login: HTTPServer, **changes) -> dict:
    now = int(time.time())
    all_claims = {
        "aud": CLIENT,
        "iss": f"{login.url_for('').rstrip('/')}/{TENANT}/v2.0",
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        "sub": "pairwise",
        "tid": TENANT,
        "oid": PERSON,
        "nonce": NONCE,
    }
    return {name: value for name, value in (all_claims | changes).items() if value is not None}


def token(content: dict, key=OURS, name: str = "one", algorithm: str = "RS256") -> str:
    return jwt.encode(content, key, algorithm=algorithm, headers={"kid": name})


def test_a_token_of_our_tenant_for_us_is_believed(login):
    assert read_id_token(token(claims(login)), nonce=NONCE)["oid"] == PERSON


@pytest.mark.parametrize("seconds", [-50, 50])
def test_clocks_may_differ_by_a_little(login, seconds):
    now = int(time.time()) + seconds

    read_id_token(token(claims(login, iat=now, nbf=now, exp=int(time.time()) - 50)), nonce=NONCE)


@pytest.mark.parametrize("name", ["aud", "iss", "iat", "nbf", "exp", "sub", "tid", "oid", "nonce"])
def test_a_token_without_one_of_its_claims_is_not_believed(login, name):
    with pytest.raises(BadToken):
        read_id_token(token(claims(login, **{name: None})), nonce=NONCE)


@pytest.mark.security(id="S31")
@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ANOTHER},
        {"aud": [CLIENT]},
        {"iss": f"https://login.microsoftonline.com/{TENANT}/v2.0"},
        {"iss": f"https://sts.windows.net/{TENANT}/"},
        {"tid": ANOTHER},
        {"tid": ["x"]},
        {"nonce": "b" * 64},
        {"nonce": ""},
        {"nonce": 5},
        {"exp": time.time() - 3600},
        {"exp": "soon"},
        {"nbf": time.time() + 3600},
        {"iat": time.time() + 3600},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_token_with_a_wrong_claim_is_not_believed(login, changes):
    with pytest.raises(BadToken):
        read_id_token(token(claims(login, **changes)), nonce=NONCE)


@pytest.mark.security(id="S31")
@pytest.mark.parametrize(
    ("key", "name", "algorithm"),
    [
        (OTHER, "one", "RS256"),
        (OTHER, "none of theirs", "RS256"),
        (OURS, "one", "RS512"),
        (OURS, "one", "PS256"),
        (CURVE, "curve", "ES256"),
        (None, "one", "none"),
        ("s" * 40, "one", "HS256"),
    ],
)
def test_a_token_that_is_signed_otherwise_is_not_believed(login, key, name, algorithm):
    with pytest.raises(BadToken):
        read_id_token(token(claims(login), key, name, algorithm), nonce=NONCE)


def test_for_another_algorithm_no_key_is_even_looked_for(login):
    with pytest.raises(BadToken, match="algorithm"):
        read_id_token(token(claims(login), None, "a new one", "none"), nonce=NONCE)

    assert not login.log


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "e30.e30.", "\x00", "é.é.é", "eyJhbGciOiJSUzI1NiJ9.e30.e30"])
def test_what_is_no_token_is_not_believed(login, text):
    with pytest.raises(BadToken):
        read_id_token(text, nonce=NONCE)


def test_keys_are_read_once_and_again_for_a_new_one(login):
    for _ in range(3):
        read_id_token(token(claims(login)), nonce=NONCE)
    assert len(login.log) == 1
    login.clear()
    login.expect_request(KEYS).respond_with_json({"keys": [public(OTHER, "two")]})

    read_id_token(token(claims(login), OTHER, "two"), nonce=NONCE)

    assert len(login.log) == 1
    # The tenant has withdrawn the first one: it is asked once more, and that is that.
    with pytest.raises(BadToken, match="unknown key"):
        read_id_token(token(claims(login)), nonce=NONCE)
    assert len(login.log) == 2


def test_keys_are_not_believed_for_ever(login, monkeypatch):
    read_id_token(token(claims(login)), nonce=NONCE)
    monkeypatch.setattr(id_tokens, "KEYS_LAST", -1.0)

    read_id_token(token(claims(login)), nonce=NONCE)

    assert len(login.log) == 2


def test_keys_are_asked_for_without_any_token_of_ours(login):
    read_id_token(token(claims(login)), nonce=NONCE)

    assert "Authorization" not in login.log[0][0].headers


@pytest.mark.parametrize(
    ("status", "body"),
    [(302, ""), (404, ""), (500, "{}"), (200, ""), (200, "<html>"), (200, "[]"), (200, "{}"), (200, '{"keys": 5}'),
     (200, '{"keys": [{"kty": "RSA"}]}'), (200, '{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "one"}]}')],
)  # fmt: skip
def test_without_the_keys_nothing_is_believed(login, status, body):
    login.clear()
    elsewhere = {"Location": login.url_for("/elsewhere")}
    login.expect_request(KEYS).respond_with_data(body, status, elsewhere if status == 302 else {})

    with pytest.raises((NoKeys, BadToken)):
        read_id_token(token(claims(login)), nonce=NONCE)
    assert [request.path for request, _ in login.log] == [KEYS]
