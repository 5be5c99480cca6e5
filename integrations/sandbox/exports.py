"""The exports by files: addresses that hold for a while, and the files behind them. Made as they are fetched."""

import gzip
import hashlib
import hmac
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlencode

import msgspec

from . import assessments
from .messages import Answer, Request, json_answer
from .odata import number
from .tenant import Tenant

CONTEXT = "https://api.securitycenter.microsoft.com/api/$metadata#microsoft.windowsDefenderATP.api.ExportFilesResponse"
ROOT = "/tvm-export/"
DEVICES_A_FILE = 500
LONGEST_HOURS = 6
KINDS = {
    "softwarevulnerabilitiesexport": ("VaExport", assessments.weaknesses),
    "secureconfigurationsassessmentexport": ("ScaExport", assessments.configurations),
}


def offer(tenant: Tenant, request: Request, route: str) -> Answer:
    """The files of an export as it is now. They stay the same until the estate changes."""
    hours = number(request.option("sasValidHours"), "sasValidHours", LONGEST_HOURS, 1) or 1
    lasts = tenant.number("file_address_seconds") or hours * 3600
    made = tenant.export_made_at()
    host = request.headers.get("host", "127.0.0.1")
    moment = datetime.fromtimestamp(made, UTC)
    folder = f"{ROOT}{moment:%Y-%m-%d}/{moment:%H%M%S%f}/{KINDS[route][0]}/json/OrgId={tenant.id}"
    last = tenant.store.number("SELECT MAX(number) FROM device")
    addresses = []
    for part in range(last // DEVICES_A_FILE + 1):
        name = uuid.uuid5(uuid.NAMESPACE_URL, f"{folder}/{part}")
        path = f"{folder}/part-{part:05d}-{name}.c000.json.gz"
        addresses.append(f"https://{host}{path}?{_signature(tenant, path, int(time.time() + lasts))}")
    return json_answer(
        {"@odata.context": CONTEXT, "exportFiles": addresses, "generatedTime": f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"}
    )


def answer(tenant: Tenant, request: Request) -> Answer:
    """A file, to whoever has its address in time. A token is refused: it is for nobody's eyes here."""
    expires = request.option("se") or "0"
    if "authorization" in request.headers or not expires.isdigit():
        return _refused(400, "InvalidAuthenticationInfo")
    genuine = dict(part.split("=", 1) for part in _signature(tenant, request.path, int(expires)).split("&"))["sig"]
    if not hmac.compare_digest(genuine, request.option("sig") or "") or int(expires) < time.time():
        return _refused(403, "AuthenticationFailed")
    _, _, _, made, kind, *_ = request.path.split("/")
    if made != f"{datetime.fromtimestamp(tenant.export_made_at(), UTC):%H%M%S%f}":
        return _refused(404, "BlobNotFound")
    part = int(request.path.rsplit("/part-", 1)[1][:5])
    rows = next(rows for name, rows in KINDS.values() if name == kind)
    return Answer(
        200, _packed(rows(tenant, (part * DEVICES_A_FILE, 0)), (part + 1) * DEVICES_A_FILE), "application/gzip"
    )


def _packed(rows: assessments.Rows, end: int) -> Iterator[bytes]:
    """The rows of the devices below `end`, in the form of the files: one object a line, PascalCase."""
    packer = _Packer()
    for (device, _), row in rows:
        if device >= end:
            break
        columns = msgspec.json.decode(row)
        line = {name[0].upper() + name[1:]: value for name, value in columns.items()}
        if piece := packer.add(msgspec.json.encode(line) + b"\n"):
            yield piece
    yield packer.end()


class _Packer:
    """Gzip in pieces."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def add(self, line: bytes) -> bytes:
        self._waiting += line
        if len(self._waiting) < assessments.PIECE:
            return b""
        return self.end()

    def end(self) -> bytes:
        # Members of a gzip file may follow each other.
        packed = gzip.compress(bytes(self._waiting), 1)
        self._waiting.clear()
        return packed


def _signature(tenant: Tenant, path: str, expires: int) -> str:
    key = tenant.credentials["MICROSOFT_CLIENT_SECRET"].encode()
    sig = hmac.new(key, f"{path} {expires}".encode(), hashlib.sha256).hexdigest()
    return urlencode({"sv": "2020-08-04", "se": expires, "sr": "b", "sp": "r", "sig": sig})


def _refused(status: int, code: str) -> Answer:
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code></Error>'
    return Answer(status, body.encode(), "application/xml")
