"""The page's sections as HTML; every value is escaped on its way into a template."""

from collections.abc import Iterable
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from . import records, site, tasks
from .dates import with_seven_digits
from .estate import GROUPS
from .faults import FAMILIES, KINDS, RETRY_AFTER
from .messages import Request
from .people import PEOPLE
from .tenant import DEFENDER_ROLES, GRAPH_ROLES, GROUPS_ROLES, MODES, NUMBERS, Tenant

TITLES = {
    "/": "Security tasks",
    "/collections": "Collections",
    "/estate": "Time and devices",
    "/faults": "Faults",
    "/permissions": "Permissions",
}
TASKS_A_PAGE = 25
STATUSES = ["pending", "active", "completed", "rejected"]
RETRY_AFTER_TITLES = {
    "integer": "2",
    "fractional": "2.128 (as documented)",
    "date": "a date in 3 seconds",
    "past": "a date in the past",
    "absurd": "1000000000",
    "none": "no header",
}
MODE_TITLES = {
    "inline_devices": "Devices inside a new task",
    "notes": "Note of the administrator",
    "filters": "Filters on the task list",
    "rate_limits": "Documented request limits",
    "site_role": "Role at the Configuration Manager site",
    "sign_in": "Sign-in of people",
    "page_size": "Tasks a page",
    "listing_lag": "Seconds until a list shows a new task",
    "file_address_seconds": "Seconds for which an export file's address holds, 0 as asked for",
    "latency": "Milliseconds until Graph answers",
}


@cache
def _template(name: str) -> Template:
    return Template(Path(__file__).with_name("templates").joinpath(name).read_text(encoding="utf-8"))


def fill(template: str, raw: dict[str, str] | None = None, /, **values: Any) -> str:
    """Fill a template; values are escaped, raw holds HTML made here."""
    return _template(template).substitute({key: escape(str(value)) for key, value in values.items()} | (raw or {}))


def page(path: str, content: str, said: str) -> str:
    links = "".join(
        f'<li><a href="{address}"{" aria-current=page" if address == path else ""}>{escape(title)}</a></li>'
        for address, title in TITLES.items()
    )
    notice = f'<p class="notice" role="status">{escape(said)}</p>' if said else ""
    return fill("base.html", {"links": links, "notice": notice, "content": content}, title=TITLES[path])


def options(choices: Iterable[tuple[str, str]], chosen: str = "") -> str:
    return "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(title)}</option>'
        for value, title in choices
    )


def task_list(tenant: Tenant, request: Request) -> str:
    status = request.query.get("status", "")
    number = int(request.query["page"]) if request.query.get("page", "").isdigit() else 1
    number = min(max(1, number), 1_000_000)
    found, total = tasks.newest(tenant, status, (number - 1) * TASKS_A_PAGE, TASKS_A_PAGE)
    rows = "".join(_task(entity) for entity in found) or '<p class="empty">No security task here.</p>'
    filters = options([("", "All"), *((name, name.capitalize()) for name in STATUSES)], status)
    raw = {"rows": rows, "filters": filters, "pager": _pager(status, number, total)}
    return fill("tasks.html", raw | {"recommendations": _recommendations(tenant)}, total=total)


def _task(entity: dict[str, Any]) -> str:
    details = [
        ("Due", entity["dueDateTime"]),
        ("Created", entity["createdDateTime"]),
        ("Priority", entity["priority"]),
        ("Creator", entity["creator"]),
        ("Devices", entity.get("managedDeviceCount")),
        ("Application", entity.get("appName")),
        ("Remediation", entity.get("remediation")),
        ("Insights", entity.get("insights")),
        ("Creator's notes", entity["creatorNotes"]),
        ("Administrator's note", entity.get("note")),
    ]
    listed = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in details if value not in (None, "")
    )
    return fill(
        "task.html",
        {"details": listed},
        id=entity["id"],
        name=entity["displayName"] or "(no name)",
        status=entity["status"],
        description=entity["description"] or "",
    )


def _pager(status: str, number: int, total: int) -> str:
    pages = max(1, -(-total // TASKS_A_PAGE))
    links = [(number - 1, "Newer")] if number > 1 else []
    links += [(number + 1, "Older")] if number < pages else []
    made = " ".join(f'<a href="/?status={escape(status)}&amp;page={target}">{title}</a>' for target, title in links)
    return f"Page {number} of {pages} {made}"


def collections(tenant: Tenant, request: Request) -> str:
    found = site.collections(tenant, newest_first=True)
    rows = "".join(_collection(entity) for entity in found[:TASKS_A_PAGE])
    return fill("collections.html", {"rows": rows or '<p class="empty">No collection here.</p>'}, total=len(found))


def _collection(entity: dict[str, Any]) -> str:
    return fill(
        "collection.html",
        {"states": options((name, name.capitalize()) for name in ["active", "rejected", "completed", "pending"])},
        id=entity["CollectionID"],
        name=entity["Name"],
        members=entity["MemberCount"],
        limit=entity["LimitToCollectionID"],
        comment=entity["Comment"],
    )


def estate(tenant: Tenant, request: Request) -> str:
    figures = tenant.figures()
    groups = [("", "All devices"), *((str(group.id), group.name or "Without group") for group in GROUPS)]
    newest = tenant.store.row("SELECT MAX(last_seen), COUNT(*), SUM(is_silent) FROM device WHERE merged_into IS NULL")
    assert newest is not None
    return fill(
        "estate.html",
        {
            "recommendations": _recommendations(tenant, request.query.get("recommendation", "")),
            "groups": options(groups),
        },
        devices=newest[1],
        silent=newest[2] or 0,
        newest=with_seven_digits(newest[0])[:19].replace("T", " ") if newest[0] else "never",
        exposure=f"{figures.exposure_score:.1f}",
        configuration=f"{figures.configuration_score:.0f}",
    )


def _recommendations(tenant: Tenant, chosen: str = "") -> str:
    counted = (
        (entry, entry["exposedMachinesCount"], entry["totalMachineCount"]) for entry in records.recommendations(tenant)
    )
    return options(
        ((entry["id"], f"{entry['recommendationName']} ({exposed} of {total})") for entry, exposed, total in counted),
        chosen,
    )


def faults(tenant: Tenant, request: Request) -> str:
    rows = "".join(
        fill(
            "fault.html",
            number=order["number"],
            family=FAMILIES[order["family"]],
            kind=KINDS[order["kind"]],
            remaining="until cleared" if order["remaining"] is None else order["remaining"],
            probability=f"{order['probability']:g}",
            hits=order["hits"],
        )
        for order in tenant.faults.listed()
    )
    raw = {
        "rows": rows or '<tr><td colspan="6">No fault is in force.</td></tr>',
        "families": options(FAMILIES.items(), "graph_create"),
        "kinds": options(KINDS.items()),
        "retry_after": options((name, RETRY_AFTER_TITLES[name]) for name in RETRY_AFTER),
    }
    return fill("faults.html", raw)


def permissions(tenant: Tenant, request: Request) -> str:
    rows = "".join(_role(role, role in tenant.roles) for role in GRAPH_ROLES + DEFENDER_ROLES + GROUPS_ROLES)
    choices = "".join(
        fill(
            "mode.html",
            {"options": options((value, value) for value in [tenant.mode(name), *_others(tenant, name)])},
            name=name,
            title=MODE_TITLES[name],
        )
        for name in MODES
    )
    numbers = "".join(
        fill(
            "number.html",
            name=name,
            title=MODE_TITLES[name],
            value=tenant.number(name),
            least=NUMBERS[name][1],
            most=NUMBERS[name][2],
        )
        for name in NUMBERS
    )
    everybody = "".join(
        fill("person.html", person=person, name=name, roles=", ".join(tenant.app_roles[person]))
        for person, name in PEOPLE.items()
    )
    return fill("permissions.html", {"rows": rows, "people": everybody, "modes": choices + numbers})


def _others(tenant: Tenant, name: str) -> list[str]:
    return [value for value in MODES[name] if value != tenant.mode(name)]


def _role(role: str, granted: bool) -> str:
    verb, title = ("withdraw", "Withdraw") if granted else ("grant", "Grant")
    return fill("role.html", role=role, state="granted" if granted else "not granted", verb=verb, title=title)
