"""How far a sync is and when it will be done, by the last one of its source and kind and by its own pace."""

from dataclasses import dataclass
from datetime import timedelta

from .models import SyncRun, SyncState

# Before so much of a phase is behind it, its pace says nothing.
_ENOUGH = 0.05


@dataclass(frozen=True)
class Outlook:
    """Null where there is no earlier run to go by."""

    left: timedelta | None = None
    # Per cent of its time that is behind it.
    share: int | None = None


def outlook(run: SyncRun) -> Outlook:
    if run.state != SyncState.RUNNING:
        return Outlook()
    before = SyncRun.objects.finished().filter(source=run.source, kind=run.kind, pk__lt=run.pk).order_by("-pk").first()
    if before is None or not before.phases or not run.phases:
        return Outlook()
    passed = sum(found["seconds"] for found in run.phases)
    left = _of_the_present(run, before) + _of_the_others(run, before)
    return Outlook(timedelta(seconds=left), round(100 * passed / ((passed + left) or 1)))


def _of_the_present(run: SyncRun, before: SyncRun) -> float:
    """Seconds left of the phase that it is at."""
    now = run.phases[-1]
    then = next((found for found in before.phases if found["phase"] == now["phase"]), None)
    if then is None:
        return 0.0
    if not then["rows"]:
        return max(0.0, then["seconds"] - now["seconds"])
    share = min(1.0, now["rows"] / then["rows"])
    return now["seconds"] / share * (1 - share) if share > _ENOUGH else then["seconds"] * (1 - share)


def _of_the_others(run: SyncRun, before: SyncRun) -> float:
    """Seconds of the phases that are still to come."""
    begun = {found["phase"] for found in run.phases}
    return sum(found["seconds"] for found in before.phases if found["phase"] not in begun)
