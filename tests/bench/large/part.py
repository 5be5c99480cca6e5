"""One part of the large bench in a process of its own: prints its result as JSON.

`BENCH_DATABASE_URL=... python -m tests.bench.large.part MODULE.FUNCTION SHARE`
"""

import importlib
import json
import os
import sys

import django
from django.core.management import call_command


def main(name: str, share: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.settings"
    django.setup()
    from .tenant import Tenant, size_of

    call_command("migrate", verbosity=0)
    module, _, function = name.partition(".")
    work = getattr(importlib.import_module(f"tests.bench.large.{module}"), function)
    json.dump(work(Tenant(size_of(float(share)))), sys.stdout, default=str)


if __name__ == "__main__":
    main(*sys.argv[1:])
