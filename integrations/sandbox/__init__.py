"""A local stand-in for the Microsoft cloud: tokens, Intune security tasks, Defender for Endpoint, a demo estate."""

from .environment import prepare

__all__ = ["prepare"]
