"""The one place that lists the connectors."""

from collections.abc import Callable

from .base import Connector
from .configmgr import ConfigurationManager
from .intune import Intune

CONNECTORS: dict[str, Callable[[], Connector]] = {"intune": Intune, "configmgr": ConfigurationManager}


def connector_for(system: str) -> Connector:
    """The connector of a ticket system by its key. Raises KeyError for a key without one."""
    return CONNECTORS[system]()
