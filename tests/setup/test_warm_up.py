"""A web process that has started keeps nobody waiting for imports."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
# Where each import of the first request, beyond what is there already, would be seen.
SCRIPT = """
import sys
import tvm_remediation.wsgi
before = set(sys.modules)
from remediation import doorbell
doorbell.wake()
print(sorted(name for name in set(sys.modules) - before if name.startswith(("celery", "kombu.transport"))))
"""


def test_a_ring_of_the_first_request_imports_nothing(tmp_path):
    environment = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "x" * 50,
        "TVM_DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "tvm_remediation.settings",
        # Nobody listens there: the ring is lost at once.
        "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
    }
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=PROJECT, env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("[]"), done.stdout
