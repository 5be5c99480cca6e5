"""A local stand-in for the Microsoft cloud: tokens, Intune security tasks, Defender for Endpoint, a demo estate."""

from .environment import groups_credentials, prepare

__all__ = ["groups_credentials", "prepare"]
