"""What leaves as a file is written down: who took which list, with what left in it."""

from typing import Any

from ..models import AuditEvent, User


def record_export(name: str, title: str, asked: dict[str, Any], *, by: User) -> None:
    """One insert, before the first byte: what cannot be written down does not leave.

    `name` is that of the file, `asked` what narrows it.
    """
    AuditEvent.objects.record_of(("list", name, title), "export", by=by, after=asked)
