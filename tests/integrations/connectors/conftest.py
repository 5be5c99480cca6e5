"""The real connectors, talking to the running stand-in."""

import environ
import pytest

from integrations.microsoft import forget_clients
from tests.integrations.sandbox.conftest import no_foreign_certificates, running, sandbox  # noqa: F401
from tvm_remediation.clouds import microsoft_settings
from tvm_remediation.configmgr import configmgr_settings
from tvm_remediation.sign_in import sign_in_settings


@pytest.fixture
def tenant(sandbox, settings, monkeypatch):  # noqa: F811
    """The stand-in, with the product configured for it as a tenant is: by its environment."""
    for name, value in sandbox.environment.items():
        monkeypatch.setenv(name, value)
    settings.MICROSOFT = microsoft_settings(environ.Env())
    settings.CONFIGMGR = configmgr_settings(environ.Env(), settings.MICROSOFT)
    settings.MICROSOFT_SIGN_IN = sign_in_settings(environ.Env(), settings.MICROSOFT)
    forget_clients()
    yield sandbox
    sandbox.control("clear-faults")
    forget_clients()
