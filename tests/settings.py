"""The settings of the tests: the product's own, on a throw-away environment."""

import os
import re
import tempfile


def broker_of_this_process(url: str) -> str:
    """The run's broker; each of several processes takes a database of its own, counting down from the one named."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return re.sub(r"\d+$", lambda number: str(abs(int(number[0]) - worker)), url) or "memory://"


os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 40)
os.environ.setdefault("TVM_DATA_DIR", tempfile.mkdtemp(prefix="tvm-tests-"))
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    # Workers inherit the environment; what a sync stages in the data directory is for one process.
    os.environ["TVM_DATA_DIR"] = tempfile.mkdtemp(prefix=f"{worker}-", dir=os.environ["TVM_DATA_DIR"])
for name in [name for name in os.environ if name.startswith(("MICROSOFT_", "CONFIGMGR_"))]:
    del os.environ[name]
if os.environ.get("TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]
else:
    os.environ.pop("DATABASE_URL", None)
os.environ["CELERY_BROKER_URL"] = broker_of_this_process(os.environ.get("TEST_REDIS_URL", ""))

from tvm_remediation.settings import *  # noqa: E402, F403

if os.environ.get("TEST_DATABASE_URL"):
    # Nobody pulls the plug of a test: what is committed may reach the disk a moment later.
    DATABASES["default"]["OPTIONS"]["options"] += " -c synchronous_commit=off"  # noqa: F405
# Nobody's network: a test that reads a feed says from where.
EPSS_URL = KEV_URL = ""
# In the test's own thread, and one by one. What several do at once has tests of its own.
DELIVERY_THREADS = 0
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# The files are found where they are, not where `collectstatic` would put them.
WHITENOISE_AUTOREFRESH = True
