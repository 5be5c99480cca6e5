"""The entry point of the web server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tvm_remediation.settings")
application = get_wsgi_application()

# The product's own modules can be imported only now.
from .warm_up import warm_up  # noqa: E402

warm_up()
