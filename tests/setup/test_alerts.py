"""The alert rules name metrics that exist, and every rule is explained."""

import re
from pathlib import Path

import pytest

from integrations.operation.metrics import exposition

DOCS = Path(__file__).resolve().parents[2] / "docs"
RULES = (DOCS / "alerts.yml").read_text()
WORDS = (DOCS / "operations.md").read_text()


def alerts() -> list[str]:
    return re.findall(r"- alert: (\w+)", RULES)


@pytest.mark.django_db
def test_alerts_and_words_name_metrics_that_exist():
    exists = set(re.findall(r"^# TYPE (\w+)", exposition().decode(), re.MULTILINE))

    assert set(re.findall(r"\btvm_\w+", RULES)) <= exists
    assert set(re.findall(r"`(tvm_\w+)`", WORDS)) == exists


def test_every_alert_is_explained_once():
    assert len(alerts()) > 10
    assert sorted(re.findall(r"^\| `(Tvm\w+)`", WORDS, re.MULTILINE)) == sorted(alerts())


def test_every_alert_has_an_expression_a_severity_and_a_summary():
    for rule in RULES.split("- alert: ")[1:]:
        assert re.search(r"expr: .+", rule), rule
        assert re.search(r"severity: (page|ticket)\b", rule), rule
        assert re.search(r"summary: .+", rule), rule
