import os
import subprocess
import sys
from pathlib import Path

import pytest

from . import kept
from .large import report as large

ROOT = Path(__file__).resolve().parent.parent.parent


# Five processes start one after the other.
@pytest.mark.long
def test_the_bench_measures_a_tiny_estate_and_writes_its_page(tmp_path):
    page = tmp_path / "benchmarks.md"

    subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick", "--only", "sqlite", "--rounds", "1", "--output", str(page)],
        cwd=ROOT,
        check=True,
        timeout=300,
    )

    text = page.read_text()
    assert "## Pages on SQLite" in text
    assert "| Exposures | 1,500 |" in text
    assert "| SQLite | up |" in text
    assert "| SQLite | 4 | 2 | 320 |" in text


# Ten processes, one after the other.
@pytest.mark.long
def test_the_large_bench_measures_every_page_of_a_small_share():
    environment = os.environ | {"SIZE": "0.01", "ONLY": "sqlite", "ROUNDS": "1", "PARTS": "http,staged,pages,export"}

    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.large"],
        cwd=ROOT,
        env=environment,
        check=True,
        timeout=600,
        stdout=subprocess.PIPE,
        text=True,
    )

    shown = done.stdout
    assert all(f"## {heading}" in shown for heading in large.HEADINGS)
    assert "| complete |" in shown
    assert "| re-sync, 1 % changed |" in shown
    assert "answers" not in shown


def test_a_kept_run_replaces_its_predecessor_and_stands_on_the_page_once(tmp_path, monkeypatch):
    page = tmp_path / "benchmarks.md"
    page.write_text("# Benchmarks\n\n## Aims\n\nFast.\n")
    monkeypatch.setattr(kept, "PAGE", page)
    monkeypatch.setattr(kept, "_FILE", tmp_path / "kept.json")

    for seconds in (9, 8):
        kept.keep_chaos({"lost": 0, "tickets": 10_000, "seconds": seconds, "database": "sqlite", "seed": 1})
    kept.keep_chaos({"lost": 0, "tickets": 10_000, "seconds": 7, "database": "postgresql", "seed": 1})

    assert page.read_text().count("## Delivery under fire") == 1
    assert "Fast." in page.read_text()
    assert "| 0 | 10000 | 8 | sqlite | 1 |" in page.read_text()
    assert "| 0 | 10000 | 9 |" not in page.read_text()
    assert "| 0 | 10000 | 7 | postgresql | 1 |" in page.read_text()
