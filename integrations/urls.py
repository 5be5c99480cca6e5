from django.urls import path

from . import views, views_sign_in

urlpatterns = [
    path("", views.settings_features, name="settings_features"),
    path("features/<slug:key>/", views.settings_switch, name="settings_switch"),
    path("connections/<slug:key>/tests/", views.settings_connection_test, name="settings_connection_test"),
    path("sources/", views.settings_sources, name="settings_sources"),
    path("feeds/<slug:kind>/loads/", views.settings_feed_load, name="settings_feed_load"),
    path("delivery/", views.settings_delivery, name="settings_delivery"),
    path("findings/<int:pk>/closings/", views.settings_finding_close, name="settings_finding_close"),
    path("syncs/", views.settings_syncs, name="settings_syncs"),
    path("syncs/<int:pk>/", views.settings_sync, name="settings_sync"),
    path("syncs/starts/", views.settings_sync_start, name="settings_sync_start"),
    path("syncs/<int:pk>/confirmations/", views.settings_sync_confirm, name="settings_sync_confirm"),
]

# Under the address of the tickets, whose pages are read elsewhere.
ticket_urlpatterns = [
    path("<int:pk>/retries/", views.ticket_retry, name="ticket_retry"),
    path("<int:pk>/adoptions/", views.ticket_adopt, name="ticket_adopt"),
    path("<int:pk>/abandonments/", views.ticket_abandon, name="ticket_abandon"),
    path("links/<int:pk>/", views.ticket_link, name="ticket_link"),
    path("<int:pk>/group/", views.ticket_group, name="ticket_group"),
]

# Under the address of the accounts.
account_urlpatterns = [
    path("logout/", views_sign_in.sign_out, name="logout"),
    path("microsoft/", views_sign_in.sign_in_with_microsoft, name="sign_in_with_microsoft"),
    path("microsoft/confirmation/", views_sign_in.confirm_with_microsoft, name="confirm_with_microsoft"),
    path("microsoft/callback/", views_sign_in.microsoft_signed_in, name="microsoft_signed_in"),
]
