"""What people, programs and attackers send: one corpus for every form, every address and every file."""

import json

POLYGLOT = "jaVasCript:/*-/*`/*\\`/*'/*\"/**/(/* */oNcliCk=alert() )//%0D%0A//</stYle/</titLe/</teXtarEa/</scRipt/--!>\\x3csVg/<sVg/oNloAd=alert()//>\\x3e"  # noqa: E501

TEXTS = {
    "NUL": "a\x00b",
    "escape": "a\x1b[31mb",
    "half a pair": "a\ud800b",
    "a megabyte": "x" * 1_000_000,
    "10,000 combining": "e" + "\u0301" * 10_000,
    "right to left": "\u202egnp.exe",
    "no width": "\u200b\u2060\ufeff",
    "joined emoji": "👩‍👩‍👧‍👦" * 30,
    "only spaces": " \t\r\n ",
    "line ends": "a\r\nb\rc\nd\u2028e",
    "markup": "</title><script>alert(1)</script><img src=x onerror=alert(1)>",
    "polyglot": POLYGLOT,
    "template": "{{ 7*7 }}{% debug %}${7*7}",
    "format": "%s%n%(x)s{0}",
    "quote": "'; DROP TABLE remediation_user; --",
    "formula": "=cmd|'/c calc'!A1",
    "path": "../../../../etc/passwd\x00.png",
    "header": "a\r\nSet-Cookie: x=1\r\n\r\n<html>",
}
NUMBERS = [
    "-1", "0", "-0", "1e9", "1e400", "1e9999999", "NaN", "Infinity", "-inf", "٣", "²", str(2**31), str(2**40),
    str(2**63), str(10**30), "9" * 5000, "0x10", "1_000", "1.0", "1,5", " 1 ", "+1", "", "None", "true",
]  # fmt: skip
DATES = [
    "2026-02-31", "0000-01-01", "0001-01-01", "9999-12-31", "10000-01-01", "99999-01-01", "2026-13-01", "2026-1-1",
    "31.12.2030", "12/31/2030", "1893456000000", "2026-03-29T02:30:00", "2026-10-25T02:30:00.1234567Z", "20301231",
    "2026-W01-1", "tomorrow", "٢٠٣٠-٠١-٠١", "", "\x00",
]  # fmt: skip
IDS = [
    "abc", "", "0", "-1", "1.0", "٣", str(2**63), str(2**64), str(10**30), "9" * 5000, "1;2", "1 or 1=1", "null", "[]",
    "%00", "\x00", "../1", "1/../2", "x" * 8000,
]  # fmt: skip
# What a query string may be, beyond the values of its names.
QUERIES = [
    "&&&===", "?", "=", "a", "%", "%zz=%", "%00=%00", "q=%ED%A0%80", "q=%FF%FE", "q[]=1&q[a]=2", "q=a&q=b&q=c",
    "page=1&page=abc", "sort=name&sort=-name&sort=x", "groups=1&groups=x&groups=", "unknown=1&__class__=1",
    "_connector=OR&_negated=1", "&".join(f"a{number}=1" for number in range(1500)), "q=" + "a" * 8000, "open=1&open=2",
]  # fmt: skip
# Names of columns, and lookups across to where secrets are.
KEYS = [
    "password", "-password", "requester__password", "user__password__startswith", "pk", "id", "?", "--name",
    "name,-name", "name__icontains", "name;--", "(select 1)", "name\x00", "\"name\"", "1", "_connector",
    "software__vendor", "__class__", "_state", "name)--", "name%", "x" * 5000,
]  # fmt: skip
SEARCHES = [
    "%", "_", "\\", "%" * 199, "(" * 199, "(a+)+$", "a" * 200, "a" * 201, "a" * 1_000_000, "*", "[a-", "'", '"', "\x00",
]  # fmt: skip


JSON = {
    "nothing": b"",
    "blanks": b" \n",
    "a page": b"<!doctype html><title>Sign in</title>",
    "cut off": b'{"value": [{"id": "1"',
    "null": b"null",
    "a number": b"1",
    "a text": b'"value"',
    "a list": b"[1, 2]",
    "value is none": b'{"value": null}',
    "value is a text": b'{"value": "x"}',
    "rows are numbers": b'{"value": [1, null, "x", []]}',
    "the same key twice": b'{"value": [], "value": [{"id": 1}]}',
    "deep": b'{"value": ' + b"[" * 100_000,
    "deep and whole": b'{"value": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "NaN": b'{"value": [{"id": NaN}]}',
    "endless": b'{"value": [{"id": 1e400}]}',
    "NUL": b'{"value": [{"id": "\\u0000", "productName": "\\u0000"}]}',
    "a lone surrogate": b'{"value": [{"id": "\\ud800", "productName": "\\udfff"}]}',
    "no UTF-8": b'{"value": [{"id": "\xff\xfe"}]}',
    "UTF-16": json.dumps({"value": []}).encode("utf-16"),
    "nulls for all": b'{"value": [{"id": null, "severity": null, "exposedMachinesCount": null}]}',
    "another type": b'{"value": [{"@odata.type": "#x.y", "id": {"a": 1}, "severity": 7, "tags": "x"}]}',
}
