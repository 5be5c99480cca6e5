"""An activity's way to its end, day by day, cut to the groups that the reader sees."""

from datetime import date

from django.utils import timezone
from django.utils.safestring import SafeString

from remediation.models import ActivityCount, ActivityProgress, ActivityStatus, RemediationActivity

from ..burn_down import burn_down
from ..charts import Point


def progress_chart(item: RemediationActivity, counts: list[ActivityCount]) -> SafeString | str:
    """Empty until a complete sync has looked; `counts` are those of the reader's groups."""
    rows = ActivityProgress.objects.filter(activity=item, group__in=[count.group_id for count in counts])
    days = list(rows.order_by("day").values_list("day", "group", "unresolved"))
    targets = sum(count.targets for count in counts)
    return burn_down(_points(item, counts, days), targets, item.due_on) if days and targets else ""


def _points(item: RemediationActivity, counts: list[ActivityCount], days: list[tuple[date, int, int]]) -> list[Point]:
    """A group keeps its last number until a day brings another; before its first one all its devices are left."""
    left = {count.group_id: count.targets for count in counts}
    begin = timezone.localdate(item.requested_at)
    by_day = {begin: sum(left.values())}
    for day, group, unresolved in days:
        left[group] = unresolved
        by_day[max(day, begin)] = sum(left.values())
    by_day.setdefault(max(_last_day(item), *by_day), sum(left.values()))
    return [Point(day, value) for day, value in sorted(by_day.items())]


def _last_day(item: RemediationActivity) -> date:
    is_over = item.status == ActivityStatus.CANCELLED
    return timezone.localdate(item.status_changed_at if is_over else None)
