"""The admin: people and roles are managed here; what has happened can be read, by superusers too, and never written."""

from . import people, records  # noqa: F401
from .base import ReadOnlyAdmin, WholeOrganisationAdmin

__all__ = ["ReadOnlyAdmin", "WholeOrganisationAdmin"]
