"""One run a data directory."""

import fcntl
import os
from pathlib import Path

from .refusal import Refused


def hold(data_dir: Path) -> int:
    """Take the data directory's lock and answer its descriptor; the lock ends with the last process that holds it."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(data_dir / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Refused(
            f"TVM Remediation already runs with the data in {data_dir}. Stop it first, or set TVM_DATA_DIR (and PORT)."
        ) from None
    return descriptor
