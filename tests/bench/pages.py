"""What each page costs, beside a view that does nothing and beside the stock template for the same rows."""

import time
from typing import Any
from unittest.mock import patch

from django.test import Client, RequestFactory

from dashboard.lists import base

from . import meters
from .estate import Size
from .people import READERS, signed_in

_WARM_UP = 5
_HTMX = {"HX-Request": "true", "HX-Target": "flyout"}
_STOCK = "django_tables2/bootstrap5.html"
# The second has half of all devices; the last activity with devices stands for an ordinary one.
_RECOMMENDATION = 2
_WITH_STOCK = {"Recommendations", "Remediation", "Devices of a recommendation"}


def addresses(size: Size) -> dict[str, tuple[str, dict[str, str]]]:
    """Name of the page, its address, and the headers to ask with."""
    flyout = f"/recommendations/?open={_RECOMMENDATION}"
    return {
        "A view that does nothing": ("/bench/nothing/", {}),
        "Dashboard": ("/", {}),
        "Dashboard with the flyout": (f"/?open={_RECOMMENDATION}", {}),
        "Recommendations": ("/recommendations/", {}),
        "Recommendations, filters and text": ("/recommendations/?type=update&threat=exploit&q=contoso", {}),
        "Recommendations, sorted, page 5": ("/recommendations/?sort=-exposed&page=5", {}),
        "Recommendations with the flyout": (flyout, {}),
        "Flyout alone (htmx)": (flyout, _HTMX),
        "Recommendation, as a page": (f"/recommendations/{_RECOMMENDATION}/", {}),
        "Devices of a recommendation": (f"/recommendations/{_RECOMMENDATION}/devices/", {}),
        "Remediation options": (f"/recommendations/{_RECOMMENDATION}/remediation/", {}),
        "Remediation": ("/remediation/", {}),
        "Remediation, filters and text": ("/remediation/?status=active&priority=high&q=contoso", {}),
        "Remediation, overdue": ("/remediation/?due=overdue", {}),
        "Remediation, sorted by progress": ("/remediation/?sort=-progress", {}),
        "Remediation, page 150": ("/remediation/?page=150", {}),
        "Tickets": ("/remediation/tickets/", {}),
        "Activity": (f"/remediation/activities/{size.activities_with_devices}/", {}),
        "Activity of all devices": ("/remediation/activities/1/", {}),
    }


def run(size: Size, rounds: int) -> dict[str, Any]:
    """Figures by page and reader."""
    return {
        reader: {
            name: _page(signed_in(username), url, headers, rounds, stock=name in _WITH_STOCK)
            for name, (url, headers) in addresses(size).items()
        }
        for reader, username in READERS.items()
    }


def _page(client: Client, url: str, headers: dict, rounds: int, *, stock: bool) -> dict[str, Any]:
    return measured(client, url, headers, rounds) | (_beside_stock(client, url, rounds) if stock else {})


def measured(client: Client, url: str, headers: dict[str, str], rounds: int) -> dict[str, Any]:
    """Asked for so many times, after a few that do not count."""
    for _ in range(min(_WARM_UP, rounds)):
        response = client.get(url, headers=headers)
    if response.status_code != 200:
        return {"url": url, "status": response.status_code}
    with meters.queries() as asked:
        client.get(url, headers=headers)
    walls, cpus = [], []
    with meters.cost() as cost:
        for _ in range(rounds):
            start, cpu = time.perf_counter(), time.process_time()
            client.get(url, headers=headers)
            walls.append(time.perf_counter() - start)
            cpus.append(time.process_time() - cpu)
    return {
        "url": url,
        "status": 200,
        **meters.summary(walls),
        "cpu": cost.cpu / rounds * 1000,
        "cpu_p95": meters.summary(cpus)["p95"] + cost.backend_cpu / rounds * 1000,
        "backend_cpu": cost.backend_cpu / rounds * 1000,
        "queries": len(asked.statements),
        "slowest": max(asked.statements, key=lambda pair: pair[1], default=("", 0)),
        "bytes": len(response.content),
    }


def _beside_stock(client: Client, url: str, rounds: int) -> dict[str, Any]:
    """CPU of the same rows, with the same cells, by our renderer and by django-tables2's own template."""
    kept: list[base.List] = []
    with patch.object(base.List, "__post_init__", _remember(base.List.__post_init__, kept)):
        client.get(url)
    if not kept:
        return {}
    listing = kept[0]
    rows = list(listing.page().rows)
    stock = _stock_class(listing.table_class)
    request = RequestFactory().get(url)
    return {
        "rows": len(rows),
        "rows_cpu": _cpu(lambda: _ours(listing, rows), rounds),
        "stock_cpu": _cpu(lambda: stock(rows).as_html(request), max(3, rounds // 5)),
    }


def _remember(original: Any, kept: list[base.List]) -> Any:
    def remember(listing: base.List) -> None:
        original(listing)
        kept.append(listing)

    return remember


def _ours(listing: base.List, rows: list[base.Row]) -> tuple:
    return [listing._head(column) for column in listing.table.columns], listing.table.rows_html(rows)


def _stock_class(table: type[base.ListTable]) -> type[base.ListTable]:
    """The same columns and cells, drawn as django-tables2 draws them."""
    cells = {f"render_{name}": _drawn_by(column) for name, column in table.base_columns.items()}
    return type("Stock", (table,), {**cells, "Meta": type("Meta", (), {"template_name": _STOCK})})


def _drawn_by(column: base.Column) -> Any:
    return lambda self, record: column.cell(record)


def _cpu(work: Any, rounds: int) -> float:
    work()
    start = time.process_time()
    for _ in range(rounds):
        work()
    return (time.process_time() - start) / rounds * 1000
