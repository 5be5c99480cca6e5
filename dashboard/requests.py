"""The request as pages that read see it: what was asked once is remembered on it."""

from typing import TYPE_CHECKING

from remediation.signed_in import SignedInRequest

if TYPE_CHECKING:
    from .groups import Selection
    from .numbers import Numbers


class Request(SignedInRequest):
    """Only names what the first look put on it; nothing makes one."""

    device_group_selection: "Selection"
    page_numbers: "Numbers"
