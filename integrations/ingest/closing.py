"""Closing: what a complete sync no longer has. A drop of more than half waits for a second word."""

from datetime import datetime

from remediation.models import Device, Exposure, Recommendation

from ..models import SyncRun, SyncState
from . import devices
from .exposures import Delta
from .reading import Reading


def suspicious_drop(reading: Reading, delta: Delta) -> str:
    """Why the drop is not believed, in words; empty when it is no more than half."""
    exposures = Exposure.objects.count()
    if delta.gone * 2 > exposures:
        return f"{delta.gone} of {exposures} exposures would have been closed: more than half."
    present = Device.objects.filter(retired_at=None).count()
    gone = devices.would_retire(reading.stage)
    if gone * 2 > present:
        return f"{gone} of {present} devices would have been retired: more than half."
    return ""


def is_confirmed(run: SyncRun) -> bool:
    """Whether the run before was held for the same: a person said that it is real, or this one repeats it."""
    decided = SyncRun.objects.filter(state__in=[SyncState.COMPLETE, SyncState.HELD], source=run.source)
    before = decided.exclude(pk=run.pk).order_by("-pk").first()
    if before is None or before.state != SyncState.HELD:
        return False
    # The same files read once more repeat nothing.
    is_newer = before.as_of is None or run.as_of is None or run.as_of > before.as_of
    return is_newer or before.confirmed_at is not None


def close(reading: Reading, now: datetime) -> None:
    """Retire devices and close recommendations that are absent from what was read to its end."""
    devices.retire(reading.stage, now)
    keep = set(reading.recommendations) | reading.held_recommendations
    still_open = Recommendation.objects.filter(closed_at=None).values_list("pk", "source_id")
    gone = [pk for pk, source_id in still_open if source_id not in keep]
    for start in range(0, len(gone), 500):
        Recommendation.objects.filter(pk__in=gone[start : start + 500]).update(closed_at=now)
