"""A page of JSON turned into records: in one go, and where that fails one by one, so that only the bad are set aside.

Keys are compared without case: file exports write PascalCase.
"""

import json
import math
import re
from dataclasses import dataclass, field
from datetime import datetime
from types import GenericAlias
from typing import Any

import msgspec
from msgspec import Struct

from . import clean
from .records import OF_DEVICES

# How much of a bad record is kept, for whoever has to ask the source's support.
SAMPLE_CAP = 300
DEEPEST = 40


@dataclass(frozen=True)
class SetAside:
    """A record that cannot be used: why, whose it is as far as that can be read, and its beginning."""

    reason: str
    key: str
    sample: str


@dataclass
class Page:
    """One page: the good records, and those set aside."""

    records: list[Any]
    set_aside: list[SetAside] = field(default_factory=list)
    next_link: str | None = None
    # What to hand the source to go on after this page; empty where it cannot.
    bookmark: str = ""
    # The moment of which the records are true, where the source names one.
    as_of: datetime | None = None


class NotAPage(ValueError):
    """A body that is no page of records at all."""


class _Envelope(Struct):
    value: list[msgspec.Raw]
    next_link: str | None = msgspec.field(name="@odata.nextLink", default=None)


_DEVICE = re.compile(rb'"deviceid"\s*:\s*"([^"\\]{1,64})"', re.IGNORECASE)
_envelope = msgspec.json.Decoder(_Envelope)
_fast: dict[type, Any] = {}
_pascal: dict[type, msgspec.json.Decoder] = {}
_keys: dict[type, dict[str, str]] = {}


def read_page(body: bytes, kind: type) -> Page:
    """A page of `{"value": [...]}` as structs of `kind`. Raises NotAPage."""
    try:
        page = _fast_decoder(kind).decode(body)
        return Page(page.value, [], page.next_link)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return _slowly(body, kind)


def read_records(raws: list[bytes], kind: type) -> Page:
    """Records that came one by one, as in a file with one JSON object a line. File exports write PascalCase."""
    page = Page([])
    decoders = [msgspec.json.Decoder(kind), _pascal_decoder(kind)]
    for raw in raws:
        for decoder in decoders:
            try:
                page.records.append(decoder.decode(raw))
                break
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
                continue
        else:
            _one(_known_owner(_lenient(raw), raw, kind), kind, page)
            continue
        if decoder is not decoders[0]:
            # The next one is written like this one.
            decoders.reverse()
    return page


def _pascal_decoder(kind: type) -> msgspec.json.Decoder:
    """Of a twin of the struct whose keys are PascalCase; its records have the same attributes."""
    if kind not in _pascal:
        fields: list[Any] = [
            (item.name, item.type, *([] if item.required else [item.default])) for item in msgspec.structs.fields(kind)
        ]
        twin = msgspec.defstruct(kind.__name__, fields, rename="pascal", frozen=True, gc=False, kw_only=True)
        _pascal[kind] = msgspec.json.Decoder(twin)
    return _pascal[kind]


def _fast_decoder(kind: type) -> msgspec.json.Decoder:
    if kind not in _fast:
        link = msgspec.field(name="@odata.nextLink", default=None)
        # Known at run time only, which no type checker can follow.
        records = GenericAlias(list, (kind,))
        fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [("value", records), ("next_link", str | None, link)]
        _fast[kind] = msgspec.json.Decoder(msgspec.defstruct(f"{kind.__name__}Page", fields))
    return _fast[kind]


def _slowly(body: bytes, kind: type) -> Page:
    """Record by record. What even the splitting refuses (NaN, lone surrogates) goes through the standard parser."""
    try:
        page = _envelope.decode(body)
        read = read_records([bytes(raw) for raw in page.value], kind)
        return Page(read.records, read.set_aside, page.next_link)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        pass
    found = _lenient(body)
    value = found.get("value") if isinstance(found, dict) else None
    if not isinstance(value, list):
        raise NotAPage(found.reason if isinstance(found, SetAside) else "It has no list named value.")
    link = found.get("@odata.nextLink")  # type: ignore[union-attr]
    result = Page([], [], link if isinstance(link, str) else None)
    for record in value:
        _one(record, kind, result)
    return result


def _lenient(raw: bytes) -> Any:
    """JSON by the standard parser, which knows lone surrogates; a refusal comes back as SetAside."""
    try:
        return json.loads(raw, strict=False)
    except (ValueError, RecursionError) as problem:
        word = "JSON nested too deeply" if isinstance(problem, RecursionError) else "No valid JSON"
        return SetAside(word, "", raw[:SAMPLE_CAP].decode("utf-8", "replace"))


def _known_owner(record: Any, raw: bytes, kind: type) -> Any:
    """A line that is no JSON may still say whose it is."""
    if isinstance(record, SetAside) and kind in OF_DEVICES and (found := _DEVICE.search(raw)):
        return SetAside(record.reason, clean.identifier(found[1].decode("utf-8", "replace")), record.sample)
    return record


def _one(record: Any, kind: type, page: Page) -> None:
    """Turn one loose record into a struct, or set it aside with the reason."""
    if isinstance(record, SetAside):
        page.set_aside.append(record)
        return
    if not isinstance(record, dict):
        page.set_aside.append(SetAside("Not an object", "", _sample(record)))
        return
    known = _known_keys(kind)
    loose = {known[key.lower()]: value for key, value in record.items() if key.lower() in known}
    try:
        page.records.append(msgspec.convert(_with_raw(_tame(loose), kind), kind, strict=True))
    except (msgspec.MsgspecError, RecursionError, ValueError, UnicodeError) as problem:
        page.set_aside.append(SetAside(str(problem)[:200], _key_of(loose, kind), _sample(record)))


def _with_raw(loose: dict[str, Any], kind: type) -> dict[str, Any]:
    """With those values as text again that the struct keeps as text."""
    kept = {item.encode_name for item in msgspec.structs.fields(kind) if item.type is msgspec.Raw}
    return {key: msgspec.Raw(msgspec.json.encode(value)) if key in kept else value for key, value in loose.items()}


def _known_keys(kind: type) -> dict[str, str]:
    if kind not in _keys:
        _keys[kind] = {item.encode_name.lower(): item.encode_name for item in msgspec.structs.fields(kind)}
    return _keys[kind]


def _tame(value: Any, depth: int = 0) -> Any:
    """Text without what no database takes; refuses NaN, infinity and bottomless nesting."""
    if depth > DEEPEST:
        raise ValueError("Nested too deeply")
    if isinstance(value, str):
        return clean.text(value, len(value))
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("A number that is none (NaN or infinite)")
    if isinstance(value, list):
        return [_tame(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {str(key): _tame(item, depth + 1) for key, item in value.items()}
    return value


def _key_of(loose: dict[str, Any], kind: type) -> str:
    """The device or recommendation that the record is about, so that nothing of it is closed; empty if unreadable."""
    value = loose.get("deviceId" if kind in OF_DEVICES else "id")
    return clean.identifier(value)[:255] if isinstance(value, str) else ""


def _sample(record: Any) -> str:
    return clean.text(json.dumps(record, default=str)[:SAMPLE_CAP], SAMPLE_CAP)
