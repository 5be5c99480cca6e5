"""A request and an answer, free of sockets."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec


@dataclass
class Request:
    """One HTTP request; header names are lower case, the path is decoded, query names keep their case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""
    path: str = field(init=False)
    query: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.target)
        self.path = unquote(parts.path)
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True))

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def option(self, name: str) -> str | None:
        """A query option by its name in any case, with or without the dollar sign's encoding."""
        return next((value for key, value in self.query.items() if key.lower() == name.lower()), None)


@dataclass
class Answer:
    """One HTTP answer; a body that is an iterator is sent in pieces and never held whole."""

    status: int = 200
    body: bytes | Iterator[bytes] = b""
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


def json_answer(value: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, msgspec.json.encode(value), headers={k.replace("_", "-"): v for k, v in headers.items()})


def read_json(body: bytes) -> dict[str, Any] | None:
    """The object in a body, or None when it holds no JSON object."""
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
