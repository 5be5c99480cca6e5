"""Figures of runs that take too long for every `make bench`: kept in a file, and shown on the page with the others."""

import json
import re
from pathlib import Path
from typing import Any

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


def keep_chaos(figures: dict[str, Any]) -> None:
    _keep(_CHAOS, figures)


def keep_drain(database: str, drain: dict[str, Any]) -> None:
    figures = {"database": database, "tickets": drain["tickets"], "seconds": round(drain["seconds"])}
    figures |= {"ideal": round(drain["ideal"]), "of the ideal": f"{drain['ratio']:.0%}", "refused": drain["refused"]}
    _keep(_DRAIN, figures)


def sections() -> str:
    """Everything that is kept, as Markdown."""
    kept = _read()
    return "\n".join(_section(heading, kept[heading]) for heading in _INTRODUCTIONS if heading in kept)


def _keep(heading: str, figures: dict[str, Any]) -> None:
    """A run replaces an earlier one of the same kind, here and on the page."""
    kept = _read()
    name = [str(figures[part]) for part in _SAME_RUN[heading]]
    others = [run for run in kept.get(heading, []) if [str(run[part]) for part in _SAME_RUN[heading]] != name]
    kept[heading] = sorted([*others, figures], key=lambda run: [str(run[part]) for part in _SAME_RUN[heading]])
    _FILE.write_text(json.dumps(kept, indent=2) + "\n")
    PAGE.write_text(with_sections(PAGE.read_text()))


def with_sections(page: str) -> str:
    """The page with these sections at its end, and nowhere else."""
    for heading in _INTRODUCTIONS:
        page = re.sub(rf"^## {re.escape(heading)}\n.*?(?=^## |\Z)", "", page, flags=re.MULTILINE | re.DOTALL)
    return f"{page.rstrip()}\n\n{sections()}".rstrip() + "\n"


def _section(heading: str, runs: list[dict[str, Any]]) -> str:
    heads = list(dict.fromkeys(name for run in runs for name in run))
    lines = [heads, ["---"] * len(heads), *([str(run.get(name, "")) for name in heads] for run in runs)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"## {heading}\n\n{_INTRODUCTIONS[heading]}\n{table}\n"


def _read() -> dict[str, list[dict[str, Any]]]:
    return json.loads(_FILE.read_text()) if _FILE.exists() else {}
