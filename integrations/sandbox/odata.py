"""The little of OData that Defender's lists understand: $filter with eq and ge, $top and $skip."""

import re
from collections.abc import Callable, Iterable
from typing import Any

LARGEST_TOP = 10_000
COMPARISON = re.compile(r"\s*(\w+)\s+(eq|ge)\s+('(?:[^']|'')*'|[^\s']+)\s*", re.IGNORECASE)
AND = re.compile(r"\s+and\s+(?=\w+\s+(?:eq|ge)\s)", re.IGNORECASE)


class BadQuery(ValueError):
    """A query option that the service refuses."""


def matcher(text: str | None, allowed: Iterable[str]) -> Callable[[dict[str, Any]], bool]:
    """A test for one entity from a filter such as "status eq 'Active' and severityScore ge 5"."""
    if not text:
        return lambda entity: True
    by_lower_case = {name.lower(): name for name in allowed}
    tests = [_comparison(part, by_lower_case) for part in AND.split(text)]
    return lambda entity: all(test(entity) for test in tests)


def _comparison(text: str, allowed: dict[str, str]) -> Callable[[dict[str, Any]], bool]:
    parsed = COMPARISON.fullmatch(text)
    if parsed is None:
        raise BadQuery(f"The filter '{text[:100]}' is not supported.")
    name, operator, literal = allowed.get(parsed[1].lower()), parsed[2].lower(), parsed[3]
    if name is None:
        raise BadQuery(f"The property '{parsed[1]}' cannot be used in the $filter query option.")
    value = _literal(literal)
    if operator == "eq":
        return lambda entity: _equal(entity.get(name), value)
    return lambda entity: _at_least(entity.get(name), value)


def _literal(text: str) -> Any:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text.lower() in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[text.lower()]
    try:
        return float(text)
    except ValueError:
        return text  # a moment, which is written without quotes


def _equal(found: Any, value: Any) -> bool:
    if isinstance(found, list):
        return value in found
    if isinstance(found, str) and isinstance(value, str):
        return found.lower() == value.lower()
    return found == value


def _at_least(found: Any, value: Any) -> bool:
    try:
        return found is not None and found >= value
    except TypeError:
        return False


def number(text: str | None, name: str, most: int, least: int = 0) -> int | None:
    """A whole number from a query option, or None when it was not given."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or int(text) < least:
        raise BadQuery(f"Invalid value '{text[:20]}' for {name} query option found. It requires a positive integer.")
    if int(text) > most:
        raise BadQuery(
            f"The limit of '{most}' for {name} query has been exceeded."
            f" The value from the incoming request is '{text[:20]}'."
        )
    return int(text)
