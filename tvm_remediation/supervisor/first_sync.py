"""A new database is empty until somebody syncs; the first start does."""

from collections.abc import Callable

from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

from integrations.models import SyncRun

TASK = "integrations.tasks.run_sync"


def begin(say: Callable[[str], None]) -> None:
    """Queue an ordinary sync when there has been none; a lost one is made good by the clock."""
    if SyncRun.objects.last_complete() or not settings.MICROSOFT.is_configured:
        return
    try:
        with current_app.connection_for_write() as connection:  # of its own: this process forks
            current_app.send_task(TASK, queue="sync", retry=False, ignore_result=True, connection=connection)
    except OperationalError as problem:
        say(f"The first sync could not be queued ({problem}); it starts by the clock, or with `manage.py sync`.")
        return
    say("The first sync has begun; the pages fill within a minute or two.")
