"""Microsoft Intune, through Graph beta."""

from .connector import Intune

__all__ = ["Intune"]
