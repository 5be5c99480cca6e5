"""Loads what the first requests of a web process would otherwise wait for, half a second or more."""

from celery import current_app
from django.conf import settings
from django.template.loader import get_template
from django.urls import get_resolver


def warm_up() -> None:
    """Every view, every template, and the client of the broker; connects to nothing."""
    get_resolver().url_patterns  # noqa: B018 - imports the views
    for folder in settings.TEMPLATES[0]["DIRS"]:
        for path in folder.rglob("*.html"):
            get_template(str(path.relative_to(folder)))
    current_app.amqp.send_task_message  # noqa: B018 - imports the transport and the serializers
