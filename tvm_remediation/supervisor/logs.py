"""The children's output: one file each, cut off at a size, so that the terminal stays readable."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_LARGEST = 10 * 1024 * 1024
_LOOK_EVERY = 10.0


@dataclass
class Logs:
    """The folder of the logs. Children append to their file themselves, so that no output is lost with us."""

    directory: Path
    looked_at: float = 0.0

    def path(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def open(self, name: str) -> BinaryIO:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self.path(name).open("ab")

    def rotate(self) -> None:
        """Move the content of a large file to `.1` and empty it in place; its writers append, so they go on at zero."""
        if time.monotonic() - self.looked_at < _LOOK_EVERY:
            return
        self.looked_at = time.monotonic()
        for path in self.directory.glob("*.log"):
            if path.stat().st_size > _LARGEST:
                shutil.copyfile(path, path.with_suffix(".log.1"))
                with path.open("r+b") as file:
                    file.truncate(0)
