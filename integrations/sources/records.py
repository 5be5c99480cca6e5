"""The records of the Defender API as structs.

Fields: the pages of the Defender for Endpoint API of the same names. Only what is used is named; the decoder skips the
rest.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

Id = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x20\x7f]")]
# Without the pattern, which takes a third of the time of decoding ten million rows: a row's device is looked up among
# those of the list, whose ids were held against it.
DeviceId = Annotated[str, Meta(min_length=1, max_length=64)]
Reference = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^\x00-\x20\x7f]")]
Named = Annotated[str, Meta(min_length=1, max_length=120)]
Version = Annotated[str, Meta(max_length=128)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Points = Annotated[float, Meta(ge=0, le=10)]
Probability = Annotated[float, Meta(ge=0, le=1)]

# Paths stay as they were written until somebody needs them: of ten million records few are looked at, and turning all
# into lists would take a third of the time.
NOTHING = msgspec.Raw(b"null")


class Machine(Struct, frozen=True, rename="camel"):
    id: Id
    computer_dns_name: str | None = None
    aad_device_id: str | None = None
    os_platform: str | None = None
    os_version: str | None = None
    version: str | None = None
    rbac_group_name: str | None = None
    device_value: str | None = None
    machine_tags: list[str] | None = None
    first_seen: str | None = None
    last_seen: str | None = None
    onboarding_status: str | None = None
    merged_into_machine_id: str | None = None
    is_potential_duplication: bool | None = None


class Recommendation(Struct, frozen=True, rename="camel"):
    id: Reference
    recommendation_name: Annotated[str, Meta(min_length=1)]
    remediation_type: Annotated[str, Meta(min_length=1)]
    product_name: str | None = None
    vendor: str | None = None
    recommended_version: str | None = None
    recommended_vendor: str | None = None
    recommended_program: str | None = None
    recommendation_category: str | None = None
    sub_category: str | None = None
    severity_score: Points | None = None
    public_exploit: bool | None = None
    active_alert: bool | None = None
    associated_threats: list[str] | None = None
    status: str | None = None
    related_component: str | None = None
    tags: list[str] | None = None
    weaknesses: Count | None = None
    total_machine_count: Count | None = None
    exposed_machines_count: Count | None = None


class SoftwareWeakness(Struct, frozen=True, rename="camel", gc=False):
    """One weakness of one installed version on one device; without a cveId, software without a known weakness."""

    device_id: DeviceId
    software_vendor: Annotated[str, Meta(max_length=120)]
    software_name: Named
    software_version: Version | None = None
    cve_id: Annotated[str, Meta(max_length=64)] | None = None
    cvss_score: Points | str | None = None
    vulnerability_severity_level: str | None = None
    exploitability_level: str | None = None
    recommendation_reference: Annotated[str, Meta(max_length=255)] | None = None
    recommended_security_update: str | None = None
    recommended_security_update_id: str | None = None
    disk_paths: msgspec.Raw = NOTHING
    registry_paths: msgspec.Raw = NOTHING


class Change(SoftwareWeakness, frozen=True, rename="camel", gc=False, kw_only=True):
    """What became of one weakness of one installed version on one device, and when."""

    status: Annotated[str, Meta(min_length=1, max_length=32)]
    event_timestamp: Annotated[str, Meta(min_length=1, max_length=64)]


class Product(Struct, frozen=True, rename="camel"):
    """A product as the source's own list of products has it."""

    id: Reference
    weaknesses: Count | None = None
    public_exploit: bool | None = None
    active_alert: bool | None = None


class Installed(Struct, frozen=True, rename="camel", gc=False):
    """One installed version on one device; of interest is only how long it is supported."""

    device_id: Id
    software_vendor: Annotated[str, Meta(max_length=120)]
    software_name: Named
    software_version: Version | None = None
    end_of_support_status: str | None = None
    end_of_support_date: str | None = None


class Configuration(Struct, frozen=True, rename="camel", gc=False):
    """One setting of one device."""

    device_id: DeviceId
    recommendation_reference: Reference
    is_compliant: bool
    is_applicable: bool = True


class Vulnerability(Struct, frozen=True, rename="camel"):
    id: Id
    description: str | None = None
    severity: str | None = None
    cvss_v3: Points | None = None
    published_on: str | None = None
    updated_on: str | None = None
    first_detected: str | None = None
    public_exploit: bool | None = None
    exploit_verified: bool | None = None
    exploit_in_kit: bool | None = None
    epss: Probability | None = None


class RemediationTask(Struct, frozen=True, rename="camel"):
    """A remediation activity of Defender's own."""

    id: Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x20\x7f]")]
    title: str | None = None
    type: str | None = None
    status: str | None = None
    status_last_modified_on: str | None = None
    created_on: str | None = None
    due_on: str | None = None
    priority: str | None = None
    requester_email: str | None = None
    requester_notes: str | None = None
    related_component: str | None = None
    target_devices: Count | None = None
    fixed_devices: Count | None = None
    # The documentation calls it a text, its sample is a list.
    rbac_group_names: list[str] | str | None = None
    scid: str | None = None
    product_id: str | None = None


class MachineReference(Struct, frozen=True, rename="camel"):
    """A device of such an activity that is still exposed."""

    id: Id
    rbac_group_name: str | None = None


# Records that say something of one device.
OF_DEVICES = (SoftwareWeakness, Change, Configuration, Installed)
_paths = msgspec.json.Decoder(list[str] | None)


def paths(raw: msgspec.Raw) -> list[str]:
    """Of files or of the registry; none where what was written is no list of texts."""
    try:
        return _paths.decode(raw) or []
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return []
