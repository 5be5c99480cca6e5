"""What a reply means for us. Pure and by table: what no row names is unknown, and the unknown is not just repeated."""

from enum import StrEnum

from ..connectors.base import Phase, Reply


class Kind(StrEnum):
    DONE = "done"
    # Definitely not taken, because of this ticket: repeating the same is useless.
    REFUSED = "refused"
    # Nothing was sent.
    NOT_SENT = "not_sent"
    THROTTLED = "throttled"
    # Our token is not accepted, or there is none.
    AUTH = "auth"
    # The registration may not do this at all.
    FORBIDDEN = "forbidden"
    # There is no such ticket.
    MISSING = "missing"
    UNKNOWN = "unknown"


# Refusals that are known to be made before anything is written. 503 is not among them, nor is any other 5xx: the
# service may have stored the ticket first. Nor is 404: repeating a create after it is known to make duplicates.
_BEFORE_WRITING = {400: Kind.REFUSED, 422: Kind.REFUSED, 401: Kind.AUTH, 403: Kind.FORBIDDEN, 429: Kind.THROTTLED}
CREATE = _BEFORE_WRITING
STATUS = _BEFORE_WRITING | {200: Kind.DONE, 204: Kind.DONE, 404: Kind.MISSING}
MEMBER = STATUS | {201: Kind.DONE}
READ = _BEFORE_WRITING | {200: Kind.DONE, 404: Kind.MISSING}


def of_create(reply: Reply) -> Kind:
    """Done is 201 with an id, whole and well-formed; nothing else."""
    if reply.phase is Phase.COMPLETE and reply.status == 201 and reply.remote_id:
        return Kind.DONE
    return _by(CREATE, reply)


def of_status(reply: Reply) -> Kind:
    return _by(STATUS, reply)


def of_member(reply: Reply) -> Kind:
    return _by(MEMBER, reply)


def of_read(reply: Reply) -> Kind:
    return _by(READ, reply)


def _by(table: dict[int, Kind], reply: Reply) -> Kind:
    if reply.phase is Phase.NOT_SENT:
        return Kind.AUTH if reply.lacks_token else Kind.NOT_SENT
    if reply.phase is Phase.COMPLETE and reply.status is not None:
        return table.get(reply.status, Kind.UNKNOWN)
    return Kind.UNKNOWN
