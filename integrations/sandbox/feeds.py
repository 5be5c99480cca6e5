"""The two published files about weaknesses, cut to the catalogue: EPSS of today, KEV as CISA released it that day."""

import gzip
import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from .environment import EPSS_PATH, KEV_PATH
from .messages import Answer, Request, json_answer
from .tenant import Tenant


def answer(tenant: Tenant, request: Request) -> Answer:
    if request.path == EPSS_PATH:
        return Answer(200, epss(tenant), "application/gzip")
    if request.path == KEV_PATH:
        return json_answer(kev())
    return Answer(404)


def epss(tenant: Tenant) -> bytes:
    day = datetime.fromtimestamp(tenant.now(), UTC).date()
    lines = [f"#model_version:v2025.03.14,score_date:{day}T00:00:00Z", "cve,epss,percentile"]
    ranked = sorted(tenant.catalogue.weaknesses.values(), key=lambda weakness: weakness.epss)
    for place, weakness in enumerate(ranked, start=1):
        lines.append(f"{weakness.id},{weakness.epss:.5f},{place / len(ranked):.5f}")
    return gzip.compress("\n".join([*lines, ""]).encode(), mtime=0)


@cache
def kev() -> dict[str, Any]:
    content = json.loads(Path(__file__).with_name("kev.json").read_text(encoding="utf-8"))
    entries = [
        {"cveID": cve, "dateAdded": added, "dueDate": due, "knownRansomwareCampaignUse": ransomware}
        for cve, added, due, ransomware in content["vulnerabilities"]
    ]
    head = {name: content[name] for name in ("catalogVersion", "dateReleased")}
    return {"title": "CISA Catalog of Known Exploited Vulnerabilities", **head, "count": len(entries)} | {
        "vulnerabilities": entries
    }
