"""The glyph and the tone of every level and state. Words come from the enumerations themselves."""

from typing import Any

from remediation.models import (
    ActivityStatus,
    AttemptResult,
    DeliveryState,
    DeviceState,
    DeviceValue,
    EventKind,
    ExceptionStatus,
    ExposureLevel,
    ImportedStatus,
    InaccuracyState,
    Priority,
    RecommendationStatus,
    RemoteState,
    Severity,
)

LEVELS = {
    "none": ("lv0", "f-none"),
    "low": ("lv1", "f-low"),
    "normal": ("lv2", "f-none"),
    "medium": ("lv2", "f-med"),
    "high": ("lv3", "f-high"),
    "critical": ("lv4", "f-crit"),
}
LEVEL_WORDS: dict[str, Any] = {
    **dict(DeviceValue.choices),
    **dict(Priority.choices),
    **dict(ExposureLevel.choices),
    **dict(Severity.choices),
}
ACTIVITY_STATUSES = {
    ActivityStatus.ACTIVE: ("circle-half", "run"),
    ActivityStatus.COMPLETED: ("check-circle-fill", "ok"),
    ActivityStatus.CANCELLED: ("slash-circle", "muted"),
}
IMPORTED_STATUSES = {
    ImportedStatus.ACTIVE: ("circle-half", "run"),
    ImportedStatus.COMPLETED: ("check-circle-fill", "ok"),
    ImportedStatus.REJECTED: ("x-circle", "bad"),
    ImportedStatus.UNKNOWN: ("question-circle", "muted"),
}
DEVICE_STATES = {
    DeviceState.EXPOSED: ("exclamation-circle", "bad"),
    DeviceState.FIXED: ("check-circle-fill", "ok"),
    DeviceState.NOT_SEEN: ("eye-slash", "muted"),
    DeviceState.PENDING_RESTART: ("arrow-repeat", "warn"),
    DeviceState.EXCEPTED: ("shield-slash", "two"),
    DeviceState.OUT_OF_SCOPE: ("dash-circle", "muted"),
    DeviceState.REGRESSED: ("arrow-counterclockwise", "bad"),
}
INACCURACY_STATES = {
    InaccuracyState.OPEN: ("circle-half", "run"),
    InaccuracyState.CLOSED: ("check-circle", "muted"),
}
EXCEPTION_STATUSES = {
    ExceptionStatus.AWAITING_APPROVAL: ("hourglass-split", "warn"),
    ExceptionStatus.IN_EFFECT: ("shield-slash", "run"),
    ExceptionStatus.SUSPENDED: ("dash-circle", "muted"),
    ExceptionStatus.EXPIRED: ("clock-history", "muted"),
    ExceptionStatus.CANCELLED: ("slash-circle", "muted"),
    ExceptionStatus.REJECTED: ("x-circle", "bad"),
    ExceptionStatus.RESURFACED: ("arrow-counterclockwise", "bad"),
}
RECOMMENDATION_STATUSES = {
    RecommendationStatus.ACTIVE: ("circle-half", "run"),
    RecommendationStatus.PARTIAL_EXCEPTION: ("shield-slash", "two"),
    RecommendationStatus.FULL_EXCEPTION: ("shield-slash", "muted"),
}
DELIVERY_STATES: dict[str, tuple[str, str]] = {
    DeliveryState.READY: ("clock", ""),
    DeliveryState.SENDING: ("send", "t-run"),
    DeliveryState.UNCERTAIN: ("question-circle", "t-warn"),
    DeliveryState.DELIVERED: ("ticket-perforated", "t-run"),
    DeliveryState.DEAD: ("exclamation-triangle", "t-bad"),
    DeliveryState.CANCELLED: ("slash-circle", ""),
}
REMOTE_STATES: dict[str, tuple[str, str]] = {
    RemoteState.UNKNOWN: ("circle", ""),
    RemoteState.PENDING: ("inbox", "t-run"),
    RemoteState.ACTIVE: ("person-check", "t-ok"),
    RemoteState.COMPLETED: ("check-circle", "t-ok"),
    RemoteState.REJECTED: ("x-circle", "t-bad"),
    RemoteState.MISSING: ("question-circle", "t-warn"),
}
ATTEMPT_RESULTS: dict[str, tuple[str, str]] = {
    AttemptResult.STARTED: ("send", "t-run"),
    AttemptResult.DONE: ("check-circle", "t-ok"),
    AttemptResult.ADOPTED: ("check-circle", "t-ok"),
    AttemptResult.NOT_SENT: ("arrow-repeat", "t-warn"),
    AttemptResult.THROTTLED: ("hourglass-split", "t-warn"),
    AttemptResult.AUTH: ("lock", "t-bad"),
    AttemptResult.REFUSED: ("x-circle", "t-bad"),
    AttemptResult.UNKNOWN: ("question-circle", "t-warn"),
    AttemptResult.ABSENT: ("dash-circle", ""),
    AttemptResult.CRASHED: ("exclamation-triangle", "t-warn"),
}
EVENT_KINDS: dict[str, tuple[str, str]] = {
    EventKind.NEW_WEAKNESS: ("shield-exclamation", "t-warn"),
    EventKind.EXPLOIT_RAISED: ("bug", "t-bad"),
    EventKind.KEV_ADDED: ("bullseye", "t-bad"),
    EventKind.KEV_REMOVED: ("dash-circle", ""),
    EventKind.NEW_ASSESSMENT: ("list-check", "t-run"),
    EventKind.FIRST_SYNC: ("clock-history", ""),
    EventKind.FIRST_KEV: ("clock-history", ""),
}
