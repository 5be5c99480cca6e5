"""The other people, by the sandbox's own page: the Intune administrator, time, and trouble."""

from dataclasses import dataclass
from typing import Any

import requests


@dataclass
class Sandbox:
    """A client of the page's verbs; what they mean stands in `integrations/sandbox/page.py`."""

    page_url: str

    def do(self, verb: str, **fields: Any) -> dict[str, Any]:
        answer = requests.post(
            f"{self.page_url}/control/{verb}", data=fields, headers={"Accept": "application/json"}, timeout=30
        )
        assert answer.ok, answer.text
        return answer.json()

    def dump(self) -> dict[str, Any]:
        return requests.get(f"{self.page_url}/control/dump", timeout=30).json()

    def tasks_named(self, words: str) -> list[dict[str, Any]]:
        """The stored tasks whose name holds the words."""
        return [task for task in self.dump()["tasks"] if words in task["displayName"]]

    def fix(self, recommendation: str, percent: float = 100) -> int:
        return self.do("fix", recommendation=recommendation, percent=percent)["devices"]
