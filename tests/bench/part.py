"""One part of the bench in a process of its own, so that no part inherits another's memory: prints its result as JSON.

`BENCH_DATABASE_URL=... python -m tests.bench.part seed|pages|exports|delivery|submit full|quick ROUNDS`
"""

import importlib
import json
import os
import sys

import django
from django.core.management import call_command

from .estate import SIZES


def main(name: str, size: str, rounds: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.settings"
    django.setup()
    if name == "seed":
        call_command("migrate", verbosity=0)
    part = importlib.import_module(f"tests.bench.{name}")
    json.dump(part.run(SIZES[size], int(rounds)), sys.stdout, default=str)


if __name__ == "__main__":
    main(*sys.argv[1:])
