"""Loads what the first requests of a web process would otherwise wait for, half a second or more."""

from pathlib import Path

from celery import current_app
from django.template import Engine
from django.template.loader import get_template
from django.urls import get_resolver


def warm_up() -> None:
    """Every view, every template, and the client of the broker; connects to nothing."""
    get_resolver().url_patterns  # noqa: B018 - imports the views
    for folder in map(Path, Engine.get_default().dirs):
        for path in folder.rglob("*.html"):
            get_template(str(path.relative_to(folder)))
    current_app.amqp.send_task_message  # noqa: B018 - imports the transport and the serializers
