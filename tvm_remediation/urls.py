"""The root of all addresses. Each also needs a line in `access.py`."""

from django.contrib import admin
from django.contrib.auth import views as sign_in
from django.urls import include, path
from django.views.decorators.http import require_http_methods

from integrations.urls import account_urlpatterns, ticket_urlpatterns

from . import health

handler400 = "tvm_remediation.errors.bad_request"
handler403 = "tvm_remediation.errors.permission_denied"
handler404 = "tvm_remediation.errors.not_found"
handler500 = "tvm_remediation.errors.server_error"

# Django's own would take a PUT for a POST, and answer OPTIONS.
login = require_http_methods(["GET", "POST"])(sign_in.LoginView.as_view(redirect_authenticated_user=True))

urlpatterns = [
    path("", include("dashboard.urls")),
    path("", include("remediation.urls")),
    path("settings/", include("integrations.urls")),
    path("remediation/tickets/", include(ticket_urlpatterns)),
    path("accounts/login/", login, name="login"),
    path("accounts/", include(account_urlpatterns)),
    path("admin/", admin.site.urls),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
