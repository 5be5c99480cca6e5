from django.urls import path

from . import overview
from .details import activity, group_script, recommendation, tickets
from .lists import activities, exceptions, imported, recommendation_devices, recommendations
from .lists import tickets as ticket_list

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("recommendations/", recommendations.recommendations, name="recommendations"),
    path("recommendations/<int:pk>/", recommendation.recommendation, name="recommendation"),
    path(
        "recommendations/<int:pk>/devices/",
        recommendation_devices.recommendation_devices,
        name="recommendation_devices",
    ),
    path("remediation/", activities.activities, name="activities"),
    path("remediation/exceptions/", exceptions.exceptions, name="exceptions"),
    path("remediation/imported/", imported.imported, name="imported"),
    path("remediation/tickets/", ticket_list.tickets, name="tickets"),
    path("remediation/tickets/<int:pk>/state/", tickets.ticket_state, name="ticket_state"),
    path("remediation/tickets/<int:pk>/group.ps1", group_script.group_script, name="group_script"),
    path("remediation/activities/<int:pk>/", activity.activity, name="activity"),
]
