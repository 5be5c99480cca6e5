"""One worker of the bench: says that it is ready, waits for the word, and delivers until nothing is due."""

import os
import sys
import time

import django


def main(seconds: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.settings"
    django.setup()
    from integrations.delivery import sweep
    from integrations.microsoft import graph_client
    from remediation.models import Ticket

    # Signed in and connected, as a worker is that has been running for a while.
    graph_client().get("/beta/deviceAppManagement/deviceAppManagementTasks", {"$top": 1})
    print("ready", flush=True)
    sys.stdin.readline()
    ends = time.monotonic() + float(seconds)
    while time.monotonic() < ends and Ticket.objects.due().exists():
        sweep.attend([])


if __name__ == "__main__":
    main(*sys.argv[1:])
