"""Microsoft Configuration Manager, through its AdminService."""

from .connector import ConfigurationManager

__all__ = ["ConfigurationManager"]
