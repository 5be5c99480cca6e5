import subprocess
import sys
from pathlib import Path

import pytest

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
