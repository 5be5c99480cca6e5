"""The product's own settings with DEBUG off, on a database of the bench."""

import logging
import os

os.environ.setdefault("SECRET_KEY", "only-for-the-bench-" + "x" * 40)
os.environ["DEBUG"] = "false"
os.environ["LOG_LEVEL"] = "ERROR"
os.environ["DATABASE_URL"] = os.environ["BENCH_DATABASE_URL"]
os.environ.setdefault("CELERY_BROKER_URL", "memory://")

from tvm_remediation.settings import *  # noqa: F403

# However many devices: what is measured must not change with the size.
DEFENDER_EXPORT = "pages"
ROOT_URLCONF = "tests.bench.urls"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Refused requests of the bench are results, not news.
logging.disable(logging.WARNING)
