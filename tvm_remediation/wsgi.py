"""The entry point of the web server."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tvm_remediation.settings")
django.setup(set_prefix=False)

# The product's own modules can be imported only now.
from .border import Application  # noqa: E402
from .warm_up import warm_up  # noqa: E402

application = Application()
warm_up()
