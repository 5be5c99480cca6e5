"""Rules broken on purpose, each as somebody might break it: the histories must notice every one."""

import pytest

from integrations.ingest import evidence
from remediation.rules import verification

# Name: module, statement, and the words in it that are put in place of others.
_CHECKED = (evidence, "_CHECKED")
_EVERY_WEAKNESS = ("v.has_weakness = 1 AND NOT EXISTS", "v.has_weakness = 1 OR NOT EXISTS")
MUTANTS = {
    "silence counts as fixed": (
        evidence,
        "_CHECKED",
        (evidence._HAS_SOFTWARE, "1 = 1"),
        ("p.last_seen_at >", "1 = 1 OR p.last_seen_at >"),
    ),
    "a device that the export lacks is clean": (*_CHECKED, (evidence._HAS_SOFTWARE, "1 = 1")),
    "a device with a bad record is judged all the same": (*_CHECKED, ("AND p.is_held = 0", "")),
    "the fix beside the old version is enough": (
        evidence,
        "_CHECKED",
        (f"WHEN {evidence._HAS_GOAL} THEN 1", f"WHEN {evidence._HAS_FIX} THEN 0 WHEN {evidence._HAS_GOAL} THEN 1"),
    ),
    "a merged device speaks for itself": (*_CHECKED, ("COALESCE(d.merged_into_id, d.id)", "d.id")),
    "one sync makes a regression": (verification, "_REGRESSED", (">= 2", ">= 1")),
    "a regression takes three syncs": (verification, "_REGRESSED", (">= 2", ">= 3")),
    "exposures need not be in a row": (verification, "_NOT_AGAIN", ("t.exposed_again > 0", "t.exposed_again > 9")),
    "devices not seen do not hold back": (verification, "_FINISHED", ("AND c.not_seen = 0", "")),
    "the tag alone makes a restart": (
        *_CHECKED,
        (f"AND {evidence._HAS_GOAL} AND {evidence._HAS_FIX}", f"AND {evidence._HAS_GOAL}"),
    ),
}
RELEASE_MUTANTS = {
    "a later release moves the goal": (evidence, "_GOALS", _EVERY_WEAKNESS),
    "who needs the next version is not counted": (
        *_CHECKED,
        (f"WHEN NOT {evidence._HAS_GOAL} AND {evidence._HAS_NEWER_WEAKNESS}", "WHEN 1 = 0"),
    ),
}


def break_rule(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, statement, *changes = (MUTANTS | RELEASE_MUTANTS)[name]
    text = getattr(module, statement)
    for old, new in changes:
        assert old in text, f"{statement} has no {old!r}: the mutant would change nothing"
        text = text.replace(old, new)
    monkeypatch.setattr(module, statement, text)
