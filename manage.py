#!/usr/bin/env python
"""Django's command line for TVM Remediation."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tvm_remediation.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from tvm_remediation.supervisor.refusal import Refused

    try:
        if sys.argv[1:2] == ["run"]:
            from tvm_remediation.supervisor.start import settle_environment

            settle_environment()  # the settings are read from it, so it comes before them
        execute_from_command_line(sys.argv)
    except (Refused, ImproperlyConfigured) as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
