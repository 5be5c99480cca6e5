"""The two files turned into facts, or refused whole: a file with one odd row may be cut off or not the file at all."""

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from remediation.models import FeedKind

from ..sources import clean

# Unpacked. The files have 10 and 2 megabytes.
LARGEST = 40 * 1024 * 1024
_LONGEST_LINE = 1000
Facts = dict[str, Any]
_CVE = re.compile(r"CVE-\d{4}-\d{4,19}")
_EPSS_HEAD = re.compile(r"#model_version:(?P<version>[^,\s]{1,32}),score_date:(?P<day>[^,\s]{8,40})\s*")


class FeedProblem(Exception):
    """Why a file cannot be used, in words."""


@dataclass(frozen=True)
class Published:
    """What a file says: of each CVE the fields of Weakness."""

    as_of: date
    version: str
    facts: dict[str, Facts]


class _Entry(msgspec.Struct, rename="camel"):
    cve: str = msgspec.field(name="cveID")
    date_added: date
    due_date: date | None = None
    known_ransomware_campaign_use: str = ""


class _Catalogue(msgspec.Struct, rename="camel"):
    catalog_version: str
    date_released: str
    vulnerabilities: list[_Entry]
    count: int | None = None


def read(kind: str, content: bytes) -> Published:
    """Raises FeedProblem."""
    return _READERS[kind](unpack(content))


def unpack(content: bytes) -> bytes:
    """A packed file unpacked, up to a size."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            plain = packed.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error):
        raise FeedProblem("The packed file is damaged or cut off.") from None
    if len(plain) > LARGEST:
        raise FeedProblem("The packed file holds more than a file of this kind can.")
    return plain


def _read_epss(content: bytes) -> Published:
    # Line by line, and no longer ones than there are: a list of all would take many times the memory of the file.
    file = io.TextIOWrapper(io.BytesIO(content), "utf-8-sig")
    lines = iter(lambda: file.readline(_LONGEST_LINE), "")
    try:
        return _scores(next(lines, ""), next(lines, ""), lines)
    except UnicodeDecodeError:
        raise FeedProblem("The file is no text.") from None


def _scores(first: str, columns: str, lines: Iterator[str]) -> Published:
    head = _EPSS_HEAD.fullmatch(first)
    day = clean.day(head["day"]) if head else None
    if head is None or day is None or columns.rstrip() != "cve,epss,percentile":
        raise FeedProblem("The file does not begin as EPSS scores do: with their model, their day, and the columns.")
    facts: dict[str, Facts] = {}
    for number, line in enumerate(lines, start=3):
        cve, _, rest = line.partition(",")
        score = _probability(rest.partition(",")[0])
        if score is None or not _CVE.fullmatch(cve):
            raise FeedProblem(f"Line {number} is no score of a CVE.")
        facts[cve] = {"epss": score, "epss_on": day}
    return _whole(Published(day, clean.text(head["version"], 32), facts))


def _probability(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return clean.measure(found) if 0 <= found <= 1 else None


def _read_kev(content: bytes) -> Published:
    try:
        found = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"), type=_Catalogue)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise FeedProblem(f"The file is no KEV catalogue: {str(problem)[:200]}") from None
    day = clean.day(found.date_released)
    if day is None:
        raise FeedProblem("The catalogue does not say when it was released.")
    if found.count is not None and found.count != len(found.vulnerabilities):
        raise FeedProblem(f"The catalogue says that it has {found.count} entries and has {len(found.vulnerabilities)}.")
    odd = next((entry.cve for entry in found.vulnerabilities if not _CVE.fullmatch(entry.cve)), None)
    if odd is not None:
        raise FeedProblem(f"An entry has no CVE but {clean.text(odd, 40)!r}.")
    facts = {
        entry.cve: {
            "kev_added_on": entry.date_added,
            "kev_due_on": entry.due_date,
            "kev_ransomware": entry.known_ransomware_campaign_use.casefold() == "known",
        }
        for entry in found.vulnerabilities
    }
    return _whole(Published(day, clean.text(found.catalog_version, 32), facts))


def _whole(published: Published) -> Published:
    if not published.facts:
        raise FeedProblem("The file has no rows.")
    return published


_READERS = {FeedKind.EPSS.value: _read_epss, FeedKind.KEV.value: _read_kev}
