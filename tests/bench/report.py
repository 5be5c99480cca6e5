"""The figures as a page of Markdown. What they mean is written in `findings.md`, next to the figures it speaks of."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import kept
from .machine import machine

_INTRODUCTION = """# Benchmarks

Written by `make bench`; do not edit, the next run replaces it. What it measures, and why each figure stands beside a
limit of the same run: ratios hold on other machines, milliseconds do not.

Requests go through the whole application (middleware, sessions, access table, templates) inside one process, with
`DEBUG` off, {rounds} times after 5 that do not count; what a web server and the network add is not in it. *CPU* is the
process's own time, on PostgreSQL with the time of its backend added; it is the figure to compare, because wall time
includes whatever else the machine was doing.
"""


def report(results: dict[str, dict[str, Any]], size: str, rounds: int) -> str:
    parts = [_INTRODUCTION.format(rounds=rounds)]
    if size == "quick":
        parts.append("**A quick run on a tiny estate: it proves that the bench works, and no more.**\n")
    parts += ["## The machine\n", _table(["", ""], machine()), "## The estate\n", _estate(results)]
    parts += ["## What falls short, and why\n", (Path(__file__).parent / "findings.md").read_text()]
    parts += ["## Aims\n", _table(["what", "aim", *results], _aims(results))]
    for database, result in results.items():
        parts += [f"## Pages on {database}\n"]
        for reader, pages in result["pages"].items():
            parts += [f"Reader: {reader}\n", _pages(pages)]
        parts += [f"Rows of a list on {database}, drawn twice from the same cells\n", _rows(result["pages"])]
    parts += ["## CSV of all remediation activities\n", _table(_EXPORT_HEADS, _exports(results))]
    parts += ["## Submitting a remediation request\n", _table(_SUBMIT_HEADS, _submits(results))]
    parts += ["## Delivering tickets\n", _DELIVERY, _table(_SPEED_HEADS, _speeds(results))]
    parts += [_table(_DRAIN_HEADS, _drains(results))]
    return kept.with_sections("\n".join(parts))


def _estate(results: dict[str, dict[str, Any]]) -> str:
    kinds = list(next(iter(results.values()))["seed"])
    rows = [[kind, *(f"{result['seed'][kind]:,}" for result in results.values())] for kind in kinds]
    seconds = ["Seconds to fill", *(f"{result['seed_seconds']:.0f}" for result in results.values())]
    return _table(["", *results], [*rows, seconds])


def _pages(pages: dict[str, dict[str, Any]]) -> str:
    heads = ["page", "median ms", "95 % ms", "CPU ms", "95 % CPU ms", "of which PostgreSQL", "queries", "kB"]
    return _table(heads, [_page(name, page) for name, page in pages.items()])


def _page(name: str, page: dict[str, Any]) -> list[str]:
    if page["status"] != 200:
        return [name, f"answers {page['status']}", *[""] * 6]
    whole = page["cpu"] + page["backend_cpu"]
    figures = [page["median"], page["p95"], whole, page["cpu_p95"], page["backend_cpu"]]
    return [name, *(f"{figure:.1f}" for figure in figures), str(page["queries"]), f"{page['bytes'] / 1024:.0f}"]


def _rows(readers: dict[str, dict]) -> str:
    pages = [(name, page) for name, page in next(iter(readers.values())).items() if "stock_cpu" in page]
    heads = ["list", "rows", "ours, CPU ms", "stock template, CPU ms", "ratio"]
    return _table(
        heads,
        [
            [name, str(page["rows"]), f"{page['rows_cpu']:.2f}", f"{page['stock_cpu']:.1f}", _ratio(page)]
            for name, page in pages
        ],
    )


def _ratio(page: dict[str, Any]) -> str:
    return f"{page['rows_cpu'] / page['stock_cpu']:.2f}"


_EXPORT_HEADS = [
    "database", "rows", "MB", "wall s", "CPU s", "own program", "its CPU s", "CPU ratio",
    "first byte ms", "first rows ms", "memory MB (first time)",
]  # fmt: skip


def _exports(results: dict[str, dict[str, Any]]) -> Iterable[list[str]]:
    for database, result in results.items():
        export = result["exports"]
        if export["status"] != 200:
            yield [database, f"answers {export['status']}", *[""] * (len(_EXPORT_HEADS) - 2)]
            continue
        yield [
            database, f"{export['rows']:,}", f"{export['bytes'] / 1e6:.1f}", f"{export['ours']['wall'] / 1000:.2f}",
            f"{_cpu(export['ours']):.2f}", export["own_program"], f"{_cpu(export['own']):.2f}",
            f"{_export_ratio(export):.1f}", f"{export['first_byte']:.1f}", f"{export['first_rows']:.0f}",
            f"{export['growth']:.1f} ({export['first_growth']:.1f})",
        ]  # fmt: skip


def _cpu(cost: dict[str, float]) -> float:
    return (cost["cpu"] + cost["backend_cpu"]) / 1000


def _export_ratio(export: dict[str, Any]) -> float:
    return _cpu(export["ours"]) / (_cpu(export["own"]) or 0.001)


_SUBMIT_HEADS = ["database", "broker", "devices", "device list ms", "whole rule ms", "page ms, median", "page ms, 95 %"]


def _submits(results: dict[str, dict[str, Any]]) -> Iterable[list[str]]:
    for database, result in results.items():
        for name, submit in result.items():
            if not name.startswith("submit"):
                continue
            page = submit["page"]
            answer = [f"{page['median']:.0f}", f"{page['p95']:.0f}"] if page["status"] == 302 else [str(page), ""]
            figures = [f"{submit['device_list']['median']:.0f}", f"{submit['rule']['median']:.0f}"]
            yield [database, name.rpartition(" ")[2], f"{submit['devices']:,}", *figures, *answer]


_DELIVERY = """Real workers send over HTTPS to a sandbox that answers after 100 ms; the ideal is concurrency / latency.
Workers and sandbox share the cores of this machine. Below, two workers of four threads under Graph's limit of 100
writes in 20 seconds, which the sandbox enforces; the ideal is what a sliding window lets through.
"""
_SPEED_HEADS = ["database", "threads", "workers", "tickets", "tickets per second", "of the ideal"]
_DRAIN_HEADS = ["database", "tickets", "seconds", "ideal", "of the ideal", "refused by 429"]


def _speeds(results: dict[str, dict[str, Any]]) -> Iterable[list[str]]:
    for database, result in results.items():
        for speed in result["delivery"]["speeds"]:
            counts = [str(speed[name]) for name in ("threads", "workers", "tickets")]
            yield [database, *counts, f"{speed['speed']:.1f}", f"{speed['ratio']:.0%}"]


def _drains(results: dict[str, dict[str, Any]]) -> Iterable[list[str]]:
    for database, result in results.items():
        if drain := result["delivery"]["drain"]:
            seconds = [f"{drain['seconds']:.1f}", f"{drain['ideal']:.0f}"]
            yield [database, f"{drain['tickets']:,}", *seconds, f"{drain['ratio']:.0%}", str(drain["refused"])]


def _of_drain(result: dict[str, Any]) -> str:
    drain = result["delivery"]["drain"]
    return f"{drain['ratio']:.0%}, {drain['refused']} refused" if drain else "not measured"


def _of_speed(result: dict[str, Any]) -> str:
    slowest = min(result["delivery"]["speeds"], key=lambda speed: speed["ratio"])
    return f"{slowest['ratio']:.0%} ({slowest['threads']} × {slowest['workers']})"


def _aims(results: dict[str, dict[str, Any]]) -> list[list[str]]:
    def row(what: str, aim: str, figure: Any) -> list[str]:
        return [what, aim, *(figure(result) for result in results.values())]

    return [
        row("slowest page, 95 %", "< 100 ms", lambda result: _worst(result["pages"], "p95", "{:.0f} ms")),
        row("the same in CPU time", "< 100 ms", lambda result: _worst(result["pages"], "cpu_p95", "{:.0f} ms")),
        row("most queries a page", "≤ 8", lambda result: _worst(result["pages"], "queries", "{}")),
        row("rows of a list, CPU of the stock template's", "≤ 0.2", _worst_rows),
        row("CSV, CPU of the own program's", "≤ 2 (SQLite ≤ 6)", lambda result: _of_export(result, _export_ratio)),
        row("CSV, first byte", "< 100 ms", lambda result: _of_export(result, lambda one: one["first_byte"])),
        row("CSV, memory", "+ 10 MB", lambda result: _of_export(result, lambda one: one["growth"])),
        row("device list of 10,000", "100 ms", lambda result: _of_submit(result, "up", "device_list")),
        row("page of a request, broker up", "300 ms", lambda result: _of_submit(result, "up", "page")),
        row("the same, broker refuses", "2,000 ms", lambda result: _of_submit(result, "refuses", "page")),
        row("the same, broker silent", "2,000 ms", lambda result: _of_submit(result, "silent", "page")),
        row("delivery, least of concurrency / latency", "≥ 90 %", _of_speed),
        row("delivery, of Graph's limit", "≥ 90 %, 0 refused", _of_drain),
    ]


def _worst(readers: dict[str, dict], figure: str, form: str) -> str:
    pages = [(name, page) for pages in readers.values() for name, page in pages.items() if page["status"] == 200]
    name, page = max(pages, key=lambda pair: pair[1][figure])
    return f"{form.format(page[figure])} ({name})"


def _worst_rows(result: dict[str, Any]) -> str:
    ratios = [_ratio(page) for pages in result["pages"].values() for page in pages.values() if "stock_cpu" in page]
    return max(ratios, default="not measured")


def _of_export(result: dict[str, Any], figure: Any) -> str:
    return f"{figure(result['exports']):.1f}" if result["exports"]["status"] == 200 else "not measured"


def _of_submit(result: dict[str, Any], broker: str, figure: str) -> str:
    times = result.get(f"submit, broker {broker}", {}).get(figure, {"status": "nothing: not asked"})
    return f"{times['median']:.0f} ms" if "median" in times else f"answers {times['status']}"


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
