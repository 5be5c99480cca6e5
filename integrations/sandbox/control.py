"""The verbs of the administrator's page: fields in, a sentence and facts out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import estate, portal, site, tasks, world
from .faults import FAMILIES, KINDS, RETRY_AFTER, Fault, bad_day
from .people import PEOPLE
from .task_schema import Invalid
from .tenant import DEFENDER_ROLES, GRANTED_AT_FIRST, GRAPH_ROLES, GROUPS_ROLES, MODES, NUMBERS, Tenant

Fields = Mapping[str, str]


class BadField(ValueError):
    """A field that is missing or makes no sense, in words for a person."""


@dataclass
class Done:
    """What a verb did."""

    said: str
    facts: dict[str, Any] = field(default_factory=dict)


def perform(tenant: Tenant, verb: str, fields: Fields) -> Done:
    """Do it, or raise BadField; LookupError when there is no such verb."""
    try:
        return VERBS[verb](tenant, fields)
    except Invalid as invalid:
        raise BadField(str(invalid)) from invalid
    except world.UnknownRecommendation as unknown:
        raise BadField(f"There is no recommendation {unknown}.") from unknown


def _set_status(status: str) -> Callable[[Tenant, Fields], Done]:
    def verb(tenant: Tenant, fields: Fields) -> Done:
        if not tasks.update_status(tenant, fields.get("task", ""), status, fields.get("note", "").strip() or None):
            raise BadField("There is no such security task.")
        return Done(f"The security task is now {status}.", {"task": fields["task"], "status": status})

    return verb


def _delete(tenant: Tenant, fields: Fields) -> Done:
    if not tasks.delete(tenant, fields.get("task", "")):
        raise BadField("There is no such security task.")
    return Done("The security task was deleted.", {"task": fields["task"]})


def _make_task(tenant: Tenant, fields: Fields) -> Done:
    made = portal.make_task(tenant, fields.get("recommendation", ""))
    return Done("Defender has made a security task.", {"task": made["id"]})


def _answer_collection(tenant: Tenant, fields: Fields) -> Done:
    state = _choice(fields, "state", ["pending", "active", "completed", "rejected"])
    if not site.answer_in_comment(tenant, fields.get("collection", ""), state, fields.get("note", "").strip()):
        raise BadField("There is no such collection.")
    return Done(f"The comment of the collection now says {state}.", {"collection": fields["collection"]})


def _delete_collection(tenant: Tenant, fields: Fields) -> Done:
    if not site.delete(tenant, fields.get("collection", "")):
        raise BadField("There is no such collection.")
    return Done("The collection was deleted.", {"collection": fields["collection"]})


def _fix(tenant: Tenant, fields: Fields) -> Done:
    count = world.fix(tenant, fields.get("recommendation", ""), _percent(fields), _group(fields))
    return Done(f"{count} devices were fixed and have reported.", {"devices": count})


def _expose(tenant: Tenant, fields: Fields) -> Done:
    count = world.expose(tenant, fields.get("recommendation", ""), _percent(fields), _group(fields))
    return Done(f"{count} further devices are exposed and have reported.", {"devices": count})


def _next_day(tenant: Tenant, fields: Fields) -> Done:
    days = _whole(fields, "days", 1, 1, 90)
    reported = world.next_day(tenant, days)
    return Done(
        f"{days} {'day' if days == 1 else 'days'} later: {reported} devices have reported.", {"devices": reported}
    )


def _order_fault(tenant: Tenant, fields: Fields) -> Done:
    count = fields.get("count", "1").strip()
    fault = Fault(
        family=_choice(fields, "family", list(FAMILIES)),
        kind=_choice(fields, "kind", list(KINDS)),
        remaining=_whole(fields, "count", 1, 1, 1_000_000) if count else None,
        probability=_number(fields, "probability", 1.0, 0.0, 1.0),
        retry_after=_choice(fields, "retry_after", RETRY_AFTER),
        hold=_number(fields, "hold", 30.0, 0.0, 600.0),
        seed=_whole(fields, "seed", 0, 0, 2**31) if fields.get("seed", "").strip() else None,
    )
    ordered = tenant.faults.order(fault)
    return Done("The fault is in force.", {"number": ordered.number})


def _bad_day(tenant: Tenant, fields: Fields) -> Done:
    share, reads = _number(fields, "share", 0.2, 0.0, 0.9), _number(fields, "reads", 0.05, 0.0, 0.9)
    seed = _whole(fields, "seed", 1, 0, 2**31 - 1)
    for fault in bad_day(share, reads, _number(fields, "hold", 30.0, 0.0, 600.0), seed):
        tenant.faults.order(fault)
    return Done("A bad day has begun.", {"faults": tenant.faults.listed()})


def _clear_faults(tenant: Tenant, fields: Fields) -> Done:
    tenant.faults.clear(_whole(fields, "number", 0, 0, 2**31) or None)
    return Done("Cleared.", {"faults": tenant.faults.listed()})


def _change_role(granted: bool) -> Callable[[Tenant, Fields], Done]:
    def verb(tenant: Tenant, fields: Fields) -> Done:
        role = _choice(fields, "role", GRAPH_ROLES + DEFENDER_ROLES + GROUPS_ROLES)
        roles = [known for known in tenant.roles if known != role] + ([role] if granted else [])
        tenant.store.set_setting("roles", roles)
        return Done(f"{role} is {'granted' if granted else 'withdrawn'}.", {"roles": roles})

    return verb


def _assign(tenant: Tenant, fields: Fields) -> Done:
    person = _choice(fields, "person", list(PEOPLE))
    roles = [role.strip() for role in fields.get("roles", "").split(",") if role.strip()]
    tenant.store.set_setting("app_roles", tenant.app_roles | {person: roles})
    return Done(f"{PEOPLE[person]} has {', '.join(roles) or 'no app role'} now.", {"person": person, "roles": roles})


def _set_mode(tenant: Tenant, fields: Fields) -> Done:
    name = _choice(fields, "name", [*MODES, *NUMBERS])
    if name in MODES:
        value: str | int = _choice(fields, "value", MODES[name])
    else:
        value = _whole(fields, "value", *NUMBERS[name])
    tenant.store.set_setting(name, value)
    return Done(f"{name} is now {value}.", {name: value})


def _reset(tenant: Tenant, fields: Fields) -> Done:
    """Start over: the tasks alone, or everything but credentials and certificate."""
    what = _choice(fields, "what", ["all", "tasks"])
    tenant.faults.clear()
    with tenant.store.writing() as connection:
        connection.execute("DELETE FROM task")
        connection.execute("DELETE FROM create_request")
        connection.execute("DELETE FROM member")
        connection.execute("DELETE FROM directory_group")
        site.forget(connection)
        if what == "all":
            names = [*MODES, *NUMBERS, "roles", "app_roles"]
            connection.executemany("DELETE FROM setting WHERE name = ?", [(name,) for name in names])
    if what == "all":
        built = tenant.store.setting("estate")
        large = fields.get("large", str(built["large"])).lower() in ("true", "1", "on")
        tenant.rebuild(_whole(fields, "devices", built["devices"], 0, 50_000), large)
    return Done("Started over.", {"what": what})


def state(tenant: Tenant) -> dict[str, Any]:
    """The settings and numbers that a test may want to look at."""
    figures = tenant.figures()
    return {
        "roles": tenant.roles,
        "roles_at_first": GRANTED_AT_FIRST,
        "modes": tenant.modes(),
        "faults": tenant.faults.listed(),
        "estate": tenant.store.setting("estate"),
        "exposure_score": figures.exposure_score,
        "configuration_score": figures.configuration_score,
        "tasks": tasks.count(tenant),
        "collections": len(site.collections(tenant)),
    }


VERBS: dict[str, Callable[[Tenant, Fields], Done]] = {
    "accept": _set_status("active"),
    "reject": _set_status("rejected"),
    "complete": _set_status("completed"),
    "delete": _delete,
    "make-task": _make_task,
    "answer-collection": _answer_collection,
    "delete-collection": _delete_collection,
    "fix": _fix,
    "expose": _expose,
    "next-day": _next_day,
    "fault": _order_fault,
    "bad-day": _bad_day,
    "clear-faults": _clear_faults,
    "grant": _change_role(True),
    "withdraw": _change_role(False),
    "assign": _assign,
    "mode": _set_mode,
    "reset": _reset,
}


def _choice(fields: Fields, name: str, known: list[str]) -> str:
    value = fields.get(name) or known[0]
    if value not in known:
        raise BadField(f"{name} must be one of: {', '.join(known)}.")
    return value


def _number(fields: Fields, name: str, default: float, least: float, most: float) -> float:
    try:
        value = float(fields.get(name, "").strip() or default)
    except ValueError as wrong:
        raise BadField(f"{name} must be a number.") from wrong
    if not least <= value <= most:
        raise BadField(f"{name} must be from {least:g} to {most:g}.")
    return value


def _whole(fields: Fields, name: str, default: int, least: int, most: int) -> int:
    value = _number(fields, name, default, least, most)
    if value != int(value):
        raise BadField(f"{name} must be a whole number.")
    return int(value)


def _percent(fields: Fields) -> float:
    return _number(fields, "percent", 100.0, 0.0, 100.0)


def _group(fields: Fields) -> int | None:
    if not fields.get("group", "").strip():
        return None
    group = _whole(fields, "group", 0, 0, 10_000)
    if group not in estate.GROUP_BY_ID:
        raise BadField("There is no such device group.")
    return group
