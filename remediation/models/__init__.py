from .activities import (
    ACTIVITY_STATES_LEFT,
    UNRESOLVED_STATES,
    ActivityCount,
    ActivityDevice,
    ActivityStatus,
    ActivityWeakness,
    BatchCount,
    CompletionMethod,
    DeviceState,
    Priority,
    RemediationActivity,
    RequestedRemediation,
)
from .audit import AuditCheckpoint, AuditEvent, Through
from .beside import InstalledBeside
from .devices import Device, DeviceGroup, DeviceValue, ExposureLevel
from .events import Event, EventCount, EventKind, Publication, PublicationSum
from .exceptions import (
    LIVE,
    LOWERING,
    STANDING,
    ExceptionStatus,
    Justification,
    RecommendationException,
)
from .feeds import Feed, FeedKind
from .findings import FindingKind, RemoteFinding
from .foreign_tickets import ForeignTicket
from .heartbeats import Duty, Heartbeat
from .imported_activities import ImportedActivity, ImportedFrom, ImportedStatus
from .inaccuracies import InaccuracyReason, InaccuracyReport, InaccuracyState
from .inventory import EndOfSupport, ExploitLevel, Severity, Software, SoftwareVersion, Weakness
from .inventory_counters import SoftwareCounter, VersionCounter, WeaknessCounter
from .leases import Lease
from .members import MemberState, TicketMember
from .moves import DeviceScore, ExposureChange, FreshLink, MovePart, PublishedDevice, ScoreMove
from .people import EntraPerson, User
from .progress import ActivityProgress
from .recommendations import (
    Category,
    Exposure,
    Recommendation,
    RecommendationCounter,
    RecommendationStatus,
    RemediationType,
)
from .scores import OrganisationScore, ScoreSnapshot
from .target_groups import TargetGroup, TargetGroupState
from .tickets import (
    FINAL_STATES,
    OPEN_REMOTELY,
    TICKET_LIMIT,
    AttemptPurpose,
    AttemptResult,
    DeliveryState,
    RemoteState,
    Route,
    Ticket,
    TicketAttempt,
    TicketSystem,
)

__all__ = [
    "ACTIVITY_STATES_LEFT",
    "FINAL_STATES",
    "LIVE",
    "LOWERING",
    "OPEN_REMOTELY",
    "STANDING",
    "TICKET_LIMIT",
    "UNRESOLVED_STATES",
    "ActivityCount",
    "ActivityDevice",
    "ActivityProgress",
    "ActivityStatus",
    "ActivityWeakness",
    "AttemptPurpose",
    "AttemptResult",
    "AuditCheckpoint",
    "AuditEvent",
    "BatchCount",
    "Category",
    "CompletionMethod",
    "DeliveryState",
    "Device",
    "DeviceGroup",
    "DeviceScore",
    "DeviceState",
    "DeviceValue",
    "Duty",
    "EndOfSupport",
    "EntraPerson",
    "Event",
    "EventCount",
    "EventKind",
    "ExceptionStatus",
    "ExploitLevel",
    "Exposure",
    "ExposureChange",
    "ExposureLevel",
    "Feed",
    "FeedKind",
    "FindingKind",
    "ForeignTicket",
    "FreshLink",
    "Heartbeat",
    "ImportedActivity",
    "ImportedFrom",
    "ImportedStatus",
    "InaccuracyReason",
    "InaccuracyReport",
    "InaccuracyState",
    "InstalledBeside",
    "Justification",
    "Lease",
    "MemberState",
    "MovePart",
    "OrganisationScore",
    "Priority",
    "Publication",
    "PublicationSum",
    "PublishedDevice",
    "Recommendation",
    "RecommendationCounter",
    "RecommendationException",
    "RecommendationStatus",
    "RemediationActivity",
    "RemediationType",
    "RemoteFinding",
    "RemoteState",
    "RequestedRemediation",
    "Route",
    "ScoreMove",
    "ScoreSnapshot",
    "Severity",
    "Software",
    "SoftwareCounter",
    "SoftwareVersion",
    "TargetGroup",
    "TargetGroupState",
    "Through",
    "Ticket",
    "TicketAttempt",
    "TicketMember",
    "TicketSystem",
    "User",
    "VersionCounter",
    "Weakness",
    "WeaknessCounter",
]
