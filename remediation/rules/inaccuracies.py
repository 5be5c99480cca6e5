"""Reports that something shown is not so: made by whoever works on the device, closed by the security team."""

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ..models import (
    AuditEvent,
    Device,
    InaccuracyReport,
    InaccuracyState,
    Recommendation,
    SoftwareVersion,
    User,
)
from .transitions import InvalidTransition


@transaction.atomic
def report(
    device: Device,
    *,
    by: User,
    reason: str,
    note: str,
    recommendation: Recommendation | None = None,
    version: SoftwareVersion | None = None,
) -> tuple[InaccuracyReport, bool]:
    """Write it down, and say whether it is new: the same words of the same person are not written down twice."""
    if not by.has_perm("remediation.report_inaccuracy"):
        raise PermissionDenied(_("Your roles do not allow this."))
    said = {"device": device, "recommendation": recommendation, "version": version, "reason": reason, "note": note}
    known = InaccuracyReport.objects.filter(**said, reported_by=by, state=InaccuracyState.OPEN).first()
    if known is not None:
        return known, False
    made = InaccuracyReport.objects.create(**said, reported_by=by, reported_at=timezone.now())
    about = {"recommendation": recommendation and recommendation.source_id, "version": version and version.version}
    AuditEvent.objects.record(made, "report inaccuracy", by=by, after={"reason": reason} | about, note=note)
    return made, True


@transaction.atomic
def close(item: InaccuracyReport, *, by: User, answer: str) -> InaccuracyReport:
    """Raises PermissionDenied, or InvalidTransition when somebody else was quicker."""
    if not by.has_perm("remediation.close_inaccuracy"):
        raise PermissionDenied(_("Your roles do not allow this."))
    moved = InaccuracyReport.objects.filter(pk=item.pk, state=InaccuracyState.OPEN).update(
        state=InaccuracyState.CLOSED, closed_by=by, closed_at=timezone.now(), answer=answer
    )
    if not moved:
        raise InvalidTransition(_("This report is closed already."))
    item.refresh_from_db()
    before, after = {"state": InaccuracyState.OPEN}, {"state": InaccuracyState.CLOSED}
    AuditEvent.objects.record(item, "close inaccuracy", by=by, before=before, after=after, note=answer)
    return item
