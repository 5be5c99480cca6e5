"""Exceptions: filing, deciding and ending them, and what recommendations are called meanwhile.

What is excepted is a recommendation or a weakness; the rules are the same for both.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ..models import (
    AuditEvent,
    DeviceGroup,
    ExceptionStatus,
    InaccuracyReport,
    Justification,
    RecommendationException,
    Through,
    User,
)
from . import exception_policy
from .exception_subjects import Subject, named, size, why_gone
from .recommendation_status import refresh_status
from .scopes import scope_key, wanted_groups
from .transitions import EXCEPTION, InvalidTransition, Transition

LONGEST = timedelta(days=366)


class ExceptionRefused(Exception):
    """It cannot be filed, for a reason that whoever files it can do something about."""


@dataclass(frozen=True)
class ExceptionRequest:
    """What the form asks for, checked for shape only."""

    request_key: UUID
    justification: str
    context: str
    ends_at: datetime
    evidence: list[str] = field(default_factory=list)
    # None: all devices, or all groups that the person sees.
    groups: list[DeviceGroup] | None = None
    # What somebody has reported as not so.
    report: InaccuracyReport | None = None


def file(subject: Subject, request: ExceptionRequest, *, by: User) -> tuple[RecommendationException, bool]:
    """The exception of this request, and whether this call made it; a repeat leads to the first.

    Raises PermissionDenied or ExceptionRefused; then nothing has been written.
    """
    _check(subject, request, by)
    groups = wanted_groups(request.groups, by, ExceptionRefused)
    is_everywhere = request.groups is None and by.sees_all_groups
    return _once(subject, request, groups, is_everywhere, by, None)


def extend(
    exception: RecommendationException, request: ExceptionRequest, *, by: User
) -> tuple[RecommendationException, bool]:
    """The same again for longer, through the same door. The present one holds until this is decided.

    Raises PermissionDenied, ExceptionRefused, or InvalidTransition for one that is over.
    """
    _check(exception.subject, request, by)
    if not exception.touches_only(by):
        raise PermissionDenied(_("This exception also covers device groups that you may not see."))
    groups = list(exception.device_groups.all())
    if request.justification == Justification.FALSE_POSITIVE:
        request = replace(request, report=exception.report)
    return _once(exception.subject, request, groups, exception.all_groups, by, exception)


def _check(subject: Subject, request: ExceptionRequest, by: User) -> None:
    if not by.has_perm("remediation.handle_exception"):
        raise PermissionDenied(_("Your roles do not allow filing exceptions."))
    if words := why_gone(subject):
        raise ExceptionRefused(words)
    if not request.context.strip():
        raise ExceptionRefused(_("Say why: whoever renews this has only your words."))
    if not timezone.now() < request.ends_at <= timezone.now() + LONGEST:
        raise ExceptionRefused(_("An exception ends in the future, and within a year."))
    if request.report and request.justification != Justification.FALSE_POSITIVE:
        raise ExceptionRefused(_("For a reported inaccuracy the justification is: false positive."))


def _once(
    subject: Subject,
    request: ExceptionRequest,
    groups: list[DeviceGroup],
    is_everywhere: bool,
    by: User,
    renews: RecommendationException | None,
) -> tuple[RecommendationException, bool]:
    try:
        with transaction.atomic():
            # One at a time for what is excepted: the scopes of two must not overlap.
            type(subject)._default_manager.select_for_update().get(pk=subject.pk)
            known = RecommendationException.objects.filter(request_key=request.request_key).first()
            if known:
                return known, False
            _refuse_overlap(subject, groups, is_everywhere, renews)
            return _create(subject, request, groups, is_everywhere, by, renews), True
    except IntegrityError:
        known = RecommendationException.objects.filter(request_key=request.request_key).first()
        if known is None:
            raise ExceptionRefused(_("Somebody else has just filed one for the same devices.")) from None
        return known, False


def _refuse_overlap(
    subject: Subject, groups: list[DeviceGroup], is_everywhere: bool, renews: RecommendationException | None
) -> None:
    """One for all devices stands above those for groups; all else would be a second word on the same devices."""
    if renews is not None:
        renews.refresh_from_db()
        if not renews.is_live or renews.status == ExceptionStatus.AWAITING_APPROVAL:
            raise InvalidTransition(_("Only an exception that is in effect can be extended."), renews)
        if renews.renewals.live().exists():
            raise ExceptionRefused(_("Its extension waits for approval already."))
        return
    live = subject.exceptions.live()
    if live.filter(all_groups=True).exists():
        raise ExceptionRefused(_("There is one for all devices already. Extend it, or cancel it first."))
    if is_everywhere:
        return
    taken = DeviceGroup.objects.filter(pk__in=live.values("device_groups")) & DeviceGroup.objects.filter(
        pk__in=[group.pk for group in groups]
    )
    names = ", ".join(taken.values_list("name", flat=True)[:5])
    if names:
        raise ExceptionRefused(_("There is one already for: %(groups)s.") % {"groups": names})


def _create(
    subject: Subject,
    request: ExceptionRequest,
    groups: list[DeviceGroup],
    is_everywhere: bool,
    by: User,
    renews: RecommendationException | None,
) -> RecommendationException:
    now = timezone.now()
    covered = size(subject, groups, is_counted=bool(renews and renews.is_counted))
    made = RecommendationException.objects.create(
        **named(subject),
        request_key=request.request_key,
        renews=renews,
        deferrals=renews.deferrals + 1 if renews else 0,
        justification=request.justification,
        context=request.context.strip(),
        evidence=request.evidence,
        report=request.report,
        all_groups=is_everywhere,
        scope_key=scope_key(groups, is_everywhere=is_everywhere),
        ends_at=request.ends_at,
        exposed_then=covered.exposed,
        impact_then=covered.impact,
        risk_then=covered.risk,
        filed_by=by,
        filed_at=now,
        status=ExceptionStatus.AWAITING_APPROVAL,
        status_changed_by=by,
        status_changed_at=now,
    )
    made.device_groups.set(groups)
    AuditEvent.objects.record(
        made,
        "file_exception" if renews is None else "extend_exception",
        by=by,
        after={"justification": made.justification, "ends_on": made.ends_on.isoformat(), "devices": covered.exposed},
        note=made.context,
    )
    if not exception_policy.needs_approval(subject, request.ends_at - now):
        _begin(made, by, Through.PAGE)
    return made


@transaction.atomic
def transition(
    exception: RecommendationException, verb: str, *, by: User, note: str = "", through: str = Through.PAGE
) -> RecommendationException:
    """Check, write, record, and see to what follows: all of it or none of it.

    Raises PermissionDenied, or InvalidTransition when it is no longer where the verb starts from.
    """
    rule, note = EXCEPTION[verb], note.strip()
    _check_transition(rule, exception, by, note)
    if verb == "approve" and exception.ends_at <= timezone.now():
        raise InvalidTransition(_("Its end has passed. File it again."), exception)
    if verb == "approve":
        return _begin(exception, by, through, note)
    _move(exception, verb, by, through, note)
    if rule.target != ExceptionStatus.SUSPENDED:
        _resume_what_stood_below(exception)
    _rename(exception)
    return exception


def _check_transition(rule: Transition, exception: RecommendationException, by: User, note: str) -> None:
    if not rule.by_people:
        if by != User.objects.system():
            raise PermissionDenied(_("Nobody does this by hand."))
        return
    if not by.has_perm(rule.permission):
        raise PermissionDenied(_("Your roles do not allow this."))
    if not exception.touches_only(by):
        raise PermissionDenied(_("This exception also covers device groups that you may not see."))
    if rule.permission == "remediation.approve_exception" and exception.filed_by_id == by.pk:
        raise PermissionDenied(_("Somebody else than you has to decide on what you have filed."))
    if rule.needs_note and not note:
        raise InvalidTransition(_("Please say why."))


def _begin(exception: RecommendationException, by: User, through: str, note: str = "") -> RecommendationException:
    """Into effect: what it extends ends, and one for all devices stands above those for groups."""
    now = timezone.now()
    if exception.filed_by_id == by.pk:
        _move(exception, "begin", by, through, note, started_at=now)
    else:
        _move(exception, "approve", by, through, note, started_at=now, approved_by=by, approved_at=now)
    system = User.objects.system()
    if exception.renews:
        note = _("Extended by exception #%(number)s.") % {"number": exception.pk}
        _move(exception.renews, "extended", system, through, note)
    if exception.all_groups:
        for below in exception.subject.exceptions.in_effect().filter(all_groups=False):
            _move(below, "suspend", system, through)
    elif exception.subject.exceptions.in_effect().filter(all_groups=True).exists():
        # It extends one that is suspended.
        _move(exception, "suspend", system, through)
    _rename(exception)
    return exception


def _resume_what_stood_below(exception: RecommendationException) -> None:
    if not exception.all_groups or exception.subject.exceptions.in_effect().filter(all_groups=True).exists():
        return
    for below in exception.subject.exceptions.filter(status=ExceptionStatus.SUSPENDED):
        _move(below, "resume", User.objects.system(), Through.WORKER)


def _rename(exception: RecommendationException) -> None:
    """Partial or full exception; of a weakness nothing is kept that could differ from its exceptions."""
    if exception.recommendation:
        refresh_status(exception.recommendation)


def _move(
    exception: RecommendationException, verb: str, by: User, through: str, note: str = "", **fields: object
) -> None:
    rule, before = EXCEPTION[verb], exception.status
    moved = RecommendationException.objects.filter(pk=exception.pk, status__in=rule.sources).update(
        status=rule.target, status_changed_by=by, status_changed_at=timezone.now(), status_note=note, **fields
    )
    exception.refresh_from_db()
    if not moved:
        raise InvalidTransition(_("The exception has changed meanwhile."), exception)
    AuditEvent.objects.record(
        exception,
        f"{verb}_exception",
        by=by,
        through=through,
        before={"status": before},
        after={"status": exception.status},
        note=note,
    )
