"""What the terminal says once everything is up."""

import os
from typing import TYPE_CHECKING

from django.conf import settings

from . import accounts
from .environment import Place

if TYPE_CHECKING:
    from .start import Start


def compose(start: "Start", ended: list[str]) -> list[str]:
    """What there is to know, in lines; `ended` says what became of a demo. Makes the demo's accounts."""
    about = _demo(start.place) if start.has_sandbox else _tenant(ended)
    return [
        "",
        f"TVM Remediation is at {settings.SITE_URL}/",
        "",
        *about,
        _line("Data", f"{start.place.data_dir} (logs in {start.place.logs_dir})"),
        _line("To stop", "Ctrl-C"),
        "",
    ]


def _demo(place: Place) -> list[str]:
    demo = accounts.ensure_demo(accounts.demo_password(os.environ, place.data_dir))
    password = "the one in DEMO_PASSWORD" if os.environ.get("DEMO_PASSWORD") else demo.password
    lines = [
        _line("Sign in as", ", ".join(demo.usernames)),
        _line("Password", password),
        _line("", "or with Microsoft, as one of the sandbox's people, without a password"),
        _line("Sandbox", f"{place.sandbox_page} plays the Intune administrator and lets time pass;"),
        _line("", "it stands in for the Microsoft cloud until MICROSOFT_TENANT_ID is set."),
    ]
    if demo.is_new:
        lines.append(
            _line("Intune", "The Microsoft Intune connection is on, for this demo; elsewhere it is off at first.")
        )
    return lines


def _tenant(ended: list[str]) -> list[str]:
    lines = [_line("Tenant", settings.MICROSOFT.tenant_id)]
    lines += [_line("Demo", sentence) for sentence in ended]
    if not accounts.has_administrator() and not settings.MICROSOFT_SIGN_IN.is_on:
        lines.append(_line("Sign in", "Nobody can yet. Make the first administrator in a second terminal:"))
        lines.append(_line("", ".venv/bin/python manage.py createadministrator NAME"))
    return lines


def _line(label: str, text: str) -> str:
    return f"  {label:<12}{text}"
