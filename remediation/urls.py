from django.urls import path

from . import views, views_devices, views_exceptions, views_people

urlpatterns = [
    path("recommendations/<int:pk>/remediation/", views.remediation_options, name="remediation_options"),
    path("recommendations/<int:pk>/exception/", views_exceptions.exception_options, name="exception_options"),
    path(
        "weaknesses/<int:pk>/exception/",
        views_exceptions.weakness_exception_options,
        name="weakness_exception_options",
    ),
    path(
        "remediation/exceptions/<int:pk>/extension/", views_exceptions.exception_extension, name="exception_extension"
    ),
    path(
        "remediation/exceptions/<int:pk>/transitions/",
        views_exceptions.exception_transition,
        name="exception_transition",
    ),
    path("remediation/activities/<int:pk>/transitions/", views.activity_transition, name="activity_transition"),
    path("remediation/activities/<int:pk>/rest/", views.activity_rest, name="activity_rest"),
    path("devices/values/", views_devices.device_values, name="device_values"),
    path("devices/<int:pk>/inaccuracy/", views_devices.report_inaccuracy, name="report_inaccuracy"),
    path("devices/inaccuracies/<int:pk>/", views_devices.inaccuracy, name="inaccuracy"),
    path("devices/inaccuracies/<int:pk>/closing/", views_devices.close_inaccuracy, name="close_inaccuracy"),
    path("accounts/login/", views_people.login, name="login"),
    path("accounts/confirmation/", views_people.confirm_identity, name="confirm_identity"),
    path("accounts/password/", views_people.change_password, name="password"),
    path("preferences/groups/", views.select_groups, name="select_groups"),
    path("preferences/theme/", views.set_theme, name="set_theme"),
]
