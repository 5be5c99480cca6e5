"""The Celery application: two queues, early rings, and a clock. The database is the record; this only wakes workers."""

import os

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tvm_remediation.settings")

app = Celery("tvm_remediation")


def configure() -> dict:
    """Settings of the broker and the workers.

    Acknowledged late and rejected when a worker is lost, so that a killed worker's message comes back; the short
    restore interval and mutex make that minutes instead of an hour. No result backend, JSON only.
    """
    return {
        "broker_url": settings.CELERY_BROKER_URL,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            "visibility_timeout": 900,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "unacked_mutex_expire": 15,
            "global_keyprefix": "tvm:",
            "socket_timeout": 10,
            "socket_connect_timeout": 1,
            # A ring that meets a dead broker gives up at once: the requester waits for it, and the sweeper needs none.
            # Workers have their own patience (broker_connection_max_retries).
            "max_retries": 0,
            "interval_start": 0,
            "health_check_interval": 25,
        },
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_ignore_result": True,
        "task_publish_retry": False,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_default_queue": "delivery",
        # They publish numbers, one after the other.
        "task_routes": {
            "integrations.tasks.run_sync": {"queue": "sync"},
            "integrations.tasks.run_changes": {"queue": "sync"},
            "integrations.tasks.load_feeds": {"queue": "sync"},
        },
        "worker_prefetch_multiplier": 1,
        "worker_soft_shutdown_timeout": 25,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_hijack_root_logger": False,
        "timezone": "UTC",
        "beat_scheduler": "tvm_remediation.heartbeats:Clock",
        "beat_schedule": {
            "sweep": {"task": "integrations.tasks.sweep", "schedule": settings.DELIVERY_SWEEP},
            "poll tickets": {"task": "integrations.tasks.poll_tickets", "schedule": settings.DELIVERY_POLL},
            "fill target groups": {"task": "integrations.tasks.fill_groups", "schedule": settings.DELIVERY_SWEEP},
            "seal the audit trail": {"task": "integrations.tasks.seal_audit", "schedule": 10.0},
            "exceptions": {"task": "integrations.tasks.look_after_exceptions", "schedule": 60.0},
            "log the head of the audit trail": {"task": "integrations.tasks.log_audit_head", "schedule": 3600.0},
            "forget old records": {"task": "integrations.tasks.forget_old_records", "schedule": 3600.0},
            "feeds": {"task": "integrations.tasks.load_feeds", "schedule": 1800.0},
            "sync": {"task": "integrations.tasks.run_sync", "schedule": settings.SYNC_EVERY},
            **_changes(),
        },
    }


def _changes() -> dict:
    """Changes between the full passes. Those that a long full pass has kept waiting are not made up for."""
    if not settings.DELTA_EVERY:
        return {}
    expiry = {"expires": settings.DELTA_EVERY}
    return {"changes": {"task": "integrations.tasks.run_changes", "schedule": settings.DELTA_EVERY, "options": expiry}}


app.add_defaults(configure)
app.steps["worker"].add("tvm_remediation.heartbeats:WorkerHeartbeat")
app.autodiscover_tasks()
