"""Small files of both forms, as they are published."""

import json
from typing import Any

EPSS_HEAD = "#model_version:v2025.03.14,score_date:2026-11-25T12:55:00Z\ncve,epss,percentile\n"


def epss(**scores: float) -> bytes:
    """`epss(CVE_2026_1=0.5)`"""
    lines = (f"{name.replace('_', '-')},{score:.5f},0.50000\n" for name, score in scores.items())
    return (EPSS_HEAD + "".join(lines)).encode()


def kev(*names: str, **more: Any) -> bytes:
    entries = [
        {
            "cveID": name,
            "vendorProject": "Contoso",
            "product": "Reader",
            "dateAdded": "2026-11-20",
            "dueDate": "2026-12-11",
            "knownRansomwareCampaignUse": "Known",
        }
        for name in names
    ]
    found = {
        "title": "CISA Catalog of Known Exploited Vulnerabilities",
        "catalogVersion": "2026.11.25",
        "dateReleased": "2026-11-25T17:04:19.9796Z",
        "count": len(entries),
        "vulnerabilities": entries,
    }
    return json.dumps(found | more).encode()
