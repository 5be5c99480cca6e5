from django.urls import path

from . import overview, search
from .details import activity, exception, exposure_score, group_script, recommendation, software, tickets, weakness
from .lists import (
    access_review,
    activities,
    audit,
    device_activities,
    device_exposures,
    device_weaknesses,
    devices,
    events,
    exceptions,
    imported,
    inaccuracies,
    recommendation_devices,
    recommendations,
    software_devices,
    weakness_devices,
    weaknesses,
)
from .lists import software as software_list
from .lists import tickets as ticket_list

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("scores/exposure/", exposure_score.exposure_score, name="exposure_score"),
    path("events/", events.events, name="events"),
    path("recommendations/", recommendations.recommendations, name="recommendations"),
    path("recommendations/<int:pk>/", recommendation.recommendation, name="recommendation"),
    path(
        "recommendations/<int:pk>/devices/",
        recommendation_devices.recommendation_devices,
        name="recommendation_devices",
    ),
    path("remediation/", activities.activities, name="activities"),
    path("remediation/exceptions/", exceptions.exceptions, name="exceptions"),
    path("remediation/exceptions/<int:pk>/", exception.exception, name="exception"),
    path("remediation/imported/", imported.imported, name="imported"),
    path("remediation/tickets/", ticket_list.tickets, name="tickets"),
    path("remediation/tickets/<int:pk>/state/", tickets.ticket_state, name="ticket_state"),
    path("remediation/tickets/<int:pk>/group.ps1", group_script.group_script, name="group_script"),
    path("remediation/activities/<int:pk>/", activity.activity, name="activity"),
    path("software/", software_list.software_list, name="software_list"),
    path("software/<int:pk>/", software.software, name="software"),
    path("software/<int:pk>/devices/", software_devices.software_devices, name="software_devices"),
    path("weaknesses/", weaknesses.weaknesses, name="weaknesses"),
    # By its number, or by its name as people write it down.
    path("weaknesses/<str:key>/", weakness.weakness, name="weakness"),
    path("weaknesses/<str:key>/devices/", weakness_devices.weakness_devices, name="weakness_devices"),
    path("devices/", devices.devices, name="devices"),
    path("devices/inaccuracies/", inaccuracies.inaccuracies, name="inaccuracies"),
    path("devices/<int:pk>/", device_exposures.device_recommendations, name="device"),
    path("devices/<int:pk>/software/", device_exposures.device_software, name="device_software"),
    path("devices/<int:pk>/weaknesses/", device_weaknesses.device_weaknesses, name="device_weaknesses"),
    path("devices/<int:pk>/activities/", device_activities.device_activities, name="device_activities"),
    path("access-review/", access_review.access_review, name="access_review"),
    path("audit/", audit.audit, name="audit"),
    path("search/", search.search, name="search"),
]
