"""The stand-in's own certificate authority and server certificate, kept in the data directory."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509

RENEW_BEFORE = timedelta(days=30)
SERVER_LIFETIME = timedelta(days=397)  # the longest that every client platform accepts


def ensure_certificate(data_dir: Path) -> Path:
    """Make or renew what is missing or near its end; answers the path of the authority's certificate."""
    authority, authority_key = data_dir / "ca.pem", data_dir / "ca.key"
    server, server_key = data_dir / "server.pem", data_dir / "server.key"
    if not (_still_valid(authority) and authority_key.exists()):
        made = trustme.CA(organization_name="TVM Remediation sandbox")
        write_private(authority_key, made.private_key_pem.bytes())
        authority.write_bytes(made.cert_pem.bytes())
        server.unlink(missing_ok=True)
    if not (_still_valid(server) and server_key.exists()):
        issuer = trustme.CA.from_pem(authority.read_bytes(), authority_key.read_bytes())
        issued = issuer.issue_cert("127.0.0.1", "localhost", not_after=datetime.now(UTC) + SERVER_LIFETIME)
        write_private(server_key, issued.private_key_pem.bytes())
        server.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    return authority


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, from its first moment on."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _still_valid(path: Path) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    return certificate.not_valid_after_utc - datetime.now(UTC) > RENEW_BEFORE
