from django.urls import path

from . import overview, search
from .details import activity, group_script, recommendation, tickets
from .lists import (
    activities,
    device_activities,
    device_exposures,
    device_weaknesses,
    devices,
    exceptions,
    inaccuracies,
    recommendation_devices,
    recommendations,
)
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
    path("remediation/tickets/", ticket_list.tickets, name="tickets"),
    path("remediation/tickets/<int:pk>/state/", tickets.ticket_state, name="ticket_state"),
    path("remediation/tickets/<int:pk>/group.ps1", group_script.group_script, name="group_script"),
    path("remediation/activities/<int:pk>/", activity.activity, name="activity"),
    path("devices/", devices.devices, name="devices"),
    path("devices/inaccuracies/", inaccuracies.inaccuracies, name="inaccuracies"),
    path("devices/<int:pk>/", device_exposures.device_recommendations, name="device"),
    path("devices/<int:pk>/software/", device_exposures.device_software, name="device_software"),
    path("devices/<int:pk>/weaknesses/", device_weaknesses.device_weaknesses, name="device_weaknesses"),
    path("devices/<int:pk>/activities/", device_activities.device_activities, name="device_activities"),
    path("search/", search.search, name="search"),
]
