"""Figures of runs that take too long for every `make bench`: kept in a file, and shown on the page with the others."""

import json
import re
from pathlib import Path
from typing import Any

from .large import report as large

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
_FILE = Path(__file__).parent / "kept.json"
# Heading on the page, what it says, and which figures make a run another run.
_CHAOS, _DRAIN = "Delivery under fire", "The whole drain under Graph's limit"
_INTRODUCTIONS = {
    _CHAOS: """By `make chaos N=... KEEP=1`. Processes are killed by `kill -9`, some are stopped for seconds and go on
(a database server of the run's own is restarted and killed, too), while the sandbox fails a fifth of the requests;
*late* counts those that it stored after their client had given up.
Checked from outside: what was asked for against what stands in the sandbox's store.
""",
    _DRAIN: """By `BENCH_DRAIN=5000 make bench`. The ideal is what a sliding window of 100 writes in 20 seconds lets
through; the sandbox enforces it, and *refused* counts its 429s.
""",
}
_SAME_RUN = {_CHAOS: ("database", "tickets", "seed"), _DRAIN: ("database", "tickets")}
_INTRODUCTIONS |= {heading: large.introduction(heading) for heading in large.HEADINGS}
_SAME_RUN |= large.SAME_RUN


def keep_chaos(figures: dict[str, Any]) -> None:
    keep(_CHAOS, [figures])


def keep_drain(database: str, drain: dict[str, Any]) -> None:
    figures = {"database": database, "tickets": drain["tickets"], "seconds": round(drain["seconds"])}
    figures |= {"ideal": round(drain["ideal"]), "of the ideal": f"{drain['ratio']:.0%}", "refused": drain["refused"]}
    keep(_DRAIN, [figures])


def sections() -> str:
    """Everything that is kept, as Markdown."""
    kept = _read()
    return "\n".join(_section(heading, kept[heading]) for heading in _INTRODUCTIONS if heading in kept)


def keep(heading: str, runs: list[dict[str, Any]]) -> None:
    """Runs replace earlier ones of the same kind, here and on the page."""
    kept = _read()
    news = [_name(heading, run) for run in runs]
    others = [run for run in kept.get(heading, []) if _name(heading, run) not in news]
    # Lists of pages stay in their order.
    kept[heading] = sorted([*others, *runs], key=lambda run: _name(heading, run)) if len(runs) == 1 else others + runs
    _FILE.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n")
    PAGE.write_text(with_sections(PAGE.read_text()))


def _name(heading: str, run: dict[str, Any]) -> list[str]:
    return [str(run[part]) for part in _SAME_RUN[heading]]


def with_sections(page: str) -> str:
    """The page with these sections at its end, and nowhere else."""
    for heading in _INTRODUCTIONS:
        page = re.sub(rf"^## {re.escape(heading)}\n.*?(?=^## |\Z)", "", page, flags=re.MULTILINE | re.DOTALL)
    return f"{page.rstrip()}\n\n{sections()}".rstrip() + "\n"


def _section(heading: str, runs: list[dict[str, Any]]) -> str:
    return f"## {heading}\n\n{_INTRODUCTIONS[heading]}\n{table(runs)}\n"


def table(runs: list[dict[str, Any]]) -> str:
    heads = list(dict.fromkeys(name for run in runs for name in run))
    lines = [heads, ["---"] * len(heads), *([str(run.get(name, "")) for name in heads] for run in runs)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _read() -> dict[str, list[dict[str, Any]]]:
    return json.loads(_FILE.read_text()) if _FILE.exists() else {}
