"""A local stand-in for the Microsoft cloud: Entra tokens, Intune security tasks, Defender for Endpoint and a demo estate."""

from .environment import prepare

__all__ = ["prepare"]
