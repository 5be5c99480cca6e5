"""The figures of the large bench as rows under headings, each beside its limit and its aim."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Rows = list[Row]

AIMS = "A large tenant: aims"
HTTP = "A large tenant through HTTP"
STAGED = "A large tenant from staging on"
PAGES = "Pages of a large tenant"
EXPORT = "CSV of a large tenant"
_PASSES = {"first": "first sync", "again": "re-sync, 1 % changed"}
DELTA = "Changes alone, 0.1 % of a large tenant"
_APPLYING = ("applying", "verifying", "publishing")


def sections(results: dict[str, dict[str, Any]]) -> dict[str, Rows]:
    makers = {AIMS: _aims, HTTP: _http, STAGED: _staged, DELTA: _delta, PAGES: _pages, EXPORT: _export}
    found = {heading: _rows(results, make) for heading, make in makers.items()}
    return {heading: rows for heading, rows in found.items() if rows}


def _rows(results: dict[str, dict[str, Any]], make: Callable[[dict[str, Any]], Iterator[Row]]) -> Rows:
    return [_of(database, result) | row for database, result in results.items() for row in make(result)]


def _of(database: str, result: dict[str, Any]) -> Row:
    return {"database": database, "devices": f"{200_000 * result['share']:,.0f}", "load": result["load"]}


def _http(result: dict[str, Any]) -> Iterator[Row]:
    if "http" not in result:
        return
    whole, limits = result["http"]["whole"], result["http"]["limits"]
    reading = _sum(whole["phases"], lambda name: name not in _APPLYING)
    yield {
        "raw records": f"{limits['records']:,}",
        "GB": f"{result['http']['pages']['bytes'] / 1e9:.1f}",
        "ended": whole["state"],
        "wall s": _short(whole["whole"]["wall"]),
        "records a second": f"{whole['rows'] / whole['whole']['wall']:,.0f}",
        "CPU s, sync": _short(whole["whole"]["cpu"]),
        "CPU s, database": _short(whole["whole"]["backend_cpu"]),
        "of which reading, sync": _short(reading["cpu"]),
        "JSON alone, CPU s": _short(limits["json"]["cpu"]),
        "bare load, CPU s": _short(_cpu(limits["load"])),
        "exposures": f"{whole['new']:,}",
        "peak memory MB": _short(whole["memory"]),
    }


def _staged(result: dict[str, Any]) -> Iterator[Row]:
    for name, words in _PASSES.items():
        if name not in result:
            continue
        one, bare = result[name], _bare(result)
        applied = _sum(one["phases"], lambda phase: phase in _APPLYING)
        yield {
            "pass": words,
            "exposures": f"{result['limits']['rows']:,}",
            "new, gone": f"{one['new']:,}, {one['fixed']:,}",
            "wall s": _short(applied["wall"]),
            "CPU s": _short(_cpu(applied)),
            **{f"{phase}, CPU s": _short(_cpu(one["phases"].get(phase, {}))) for phase in _APPLYING},
            "diff, CPU s": f"{_cpu(one['diff']):.1f}",
            "bare load + indexes, CPU s": f"{bare:.1f}",
            "ratio": f"{_cpu(applied) / bare:.1f}",
            "peak memory MB": _short(one["memory"]),
        }


def _delta(result: dict[str, Any]) -> Iterator[Row]:
    if one := result.get("delta"):
        whole = _sum(one["phases"], lambda phase: True)
        yield {
            "changes read": f"{one['rows']:,}",
            "new, gone": f"{one['new']:,}, {one['fixed']:,}",
            "wall s": _short(whole["wall"]),
            "CPU s": _short(_cpu(whole)),
            **{
                f"{phase}, CPU s": _short(_cpu(one["phases"].get(phase, {})))
                for phase in ("changes", "applying", "publishing")
            },
            "peak memory MB": _short(one["memory"]),
        }


def _pages(result: dict[str, Any]) -> Iterator[Row]:
    crowded = result.get("crowd", {}).get("pages", {})
    for reader, pages in result.get("pages", {}).items():
        for name, page in pages.items():
            beside = crowded.get(reader, {}).get(name, {})
            if page["status"] != 200:
                yield {"reader": reader, "page": name, "median ms": f"answers {page['status']}"}
                continue
            yield {
                "reader": reader,
                "page": name,
                "requests": result["rounds"],
                "median ms": f"{page['median']:.0f}",
                "95 % ms": f"{page['p95']:.0f}",
                "CPU ms": _short(page["cpu"] + page["backend_cpu"]),
                "queries": page["queries"],
                "all at once: median ms": _short(beside.get("median")),
                "95 % ms, all at once": _short(beside.get("p95")),
                "requests, all at once": result["rounds all at once"] if beside else "",
            }


def _export(result: dict[str, Any]) -> Iterator[Row]:
    if export := result.get("export"):
        ours, own = _cpu(export["ours"]) / 1000, _cpu(export["own"]) / 1000
        yield {
            "rows": f"{export['rows']:,}",
            "MB": f"{export['bytes'] / 1e6:.1f}",
            "wall s": f"{export['ours']['wall'] / 1000:.2f}",
            "CPU s": f"{ours:.2f}",
            "own program": export["own_program"],
            "its CPU s": f"{own:.2f}",
            "CPU ratio": f"{ours / (own or 0.01):.1f}",
            "first byte ms": f"{export['first_byte']:.1f}",
            "first rows ms": _short(export["first_rows"]),
            "memory MB (first time)": f"{export['growth']:.1f} ({export['first_growth']:.1f})",
        }


def _aims(result: dict[str, Any]) -> Iterator[Row]:
    http, staged = next(_http(result), {}), {row["pass"]: row for row in _staged(result)}
    if http:
        yield _aim("peak memory of a sync through HTTP, MB", "< 500", http["peak memory MB"])
        millions = result["http"]["limits"]["records"] / 1e6
        yield _aim("JSON alone, CPU s a million records", "≤ 2", f"{float(http['JSON alone, CPU s']) / millions:.1f}")
    for words, row in staged.items():
        yield _aim(f"{words}: peak memory, MB", "< 500", row["peak memory MB"])
        yield _aim(f"{words}: CPU from staging on, of bare load + indexes", "≤ 2", row["ratio"])
        yield _aim(f"{words}: diff, CPU s", f"≤ {15 * result['share']:g}", row["diff, CPU s"])
    for state, pages in (("idle", result.get("pages")), ("all at once", result.get("crowd", {}).get("pages"))):
        if pages:
            yield _aim(f"slowest page, 95 %, {state}", "< 100 ms", _worst(pages, "p95", "{:.0f} ms"))
            yield _aim(f"pages within it, {state}", "all", _within(pages))
    if result.get("pages"):
        yield _aim("most queries a page", "≤ 8", _worst(result["pages"], "queries", "{}"))
    for export in _export(result):
        yield _aim("CSV, CPU of the own program's", "≤ 2 (SQLite ≤ 6)", export["CPU ratio"])
        yield _aim("CSV, first byte, ms", "< 100", export["first byte ms"])
        yield _aim("CSV, memory, MB", "+ 10", export["memory MB (first time)"])


def _aim(what: str, aim: str, figure: str) -> Row:
    return {"what": what, "aim": aim, "measured": figure}


def _answered(readers: dict[str, dict]) -> list[tuple[str, dict]]:
    return [pair for pages in readers.values() for pair in pages.items() if pair[1]["status"] == 200]


def _worst(readers: dict[str, dict], figure: str, form: str) -> str:
    name, page = max(_answered(readers), key=lambda pair: pair[1][figure])
    return f"{form.format(page[figure])} ({name})"


def _within(readers: dict[str, dict]) -> str:
    pages = _answered(readers)
    return f"{sum(page['p95'] < 100 for _, page in pages)} of {len(pages)}"


def _bare(result: dict[str, Any]) -> float:
    return _cpu(result["limits"]["load"]) + _cpu(result["limits"]["indexes"])


def _sum(phases: dict[str, dict], is_wanted: Callable[[str], bool]) -> dict[str, float]:
    wanted = [cost for name, cost in phases.items() if is_wanted(name)]
    return {name: sum(cost[name] for cost in wanted) for name in ("wall", "cpu", "backend_cpu")}


def _cpu(cost: dict[str, float]) -> float:
    return cost.get("cpu", 0.0) + cost.get("backend_cpu", 0.0)


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def introduction(heading: str) -> str:
    """What stands above a table, from the file of findings."""
    text = (Path(__file__).parent / "findings.md").read_text()
    return text.partition(f"## {heading}\n")[2].partition("\n## ")[0].strip() + "\n"


HEADINGS = (AIMS, HTTP, STAGED, DELTA, PAGES, EXPORT)
# Which figures make a run another run.
SAME_RUN = {
    AIMS: ("database", "devices", "what"),
    HTTP: ("database", "devices"),
    STAGED: ("database", "devices", "pass"),
    DELTA: ("database", "devices"),
    PAGES: ("database", "devices", "reader", "page"),
    EXPORT: ("database", "devices"),
}
