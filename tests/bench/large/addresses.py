"""Every page that is measured, one line each: its name and its address.

In an address stand {recommendation} for one of half of all devices, {widest} for one of all, {activity} for an ordinary
activity and {large} for the largest, {software}, {weakness} and {device} for one of each.
"""

import os

# Requests a page.
ROUNDS = int(os.environ.get("ROUNDS") or 100)
# Fewer while everything runs at once, when each takes longer.
CROWDED_ROUNDS = max(1, ROUNDS * 3 // 10)
PAGES = {
    "Dashboard": "/",
    "Dashboard with the flyout": "/?open={recommendation}",
    "Recommendations": "/recommendations/",
    "Recommendations, filters and text": "/recommendations/?type=update&threat=exploit&q=contoso",
    "Recommendations, a CVE": "/recommendations/?q=CVE-2021-10120",
    "Recommendations, by weaknesses": "/recommendations/?sort=-weaknesses",
    "Recommendations, by exposed, last page": "/recommendations/?sort=-exposed&page=40",
    "Recommendations with the flyout": "/recommendations/?open={recommendation}",
    "Recommendation, as a page": "/recommendations/{recommendation}/",
    "Devices of a recommendation": "/recommendations/{recommendation}/devices/",
    "Devices of a recommendation, page 100": "/recommendations/{recommendation}/devices/?page=100",
    "Devices of a recommendation, page 1,000": "/recommendations/{recommendation}/devices/?page=1000",
    "Devices of a recommendation, by name": "/recommendations/{recommendation}/devices/?sort=device",
    "Devices of a recommendation, by risk": "/recommendations/{recommendation}/devices/?sort=-exposure",
    "Devices of a recommendation, text": "/recommendations/{recommendation}/devices/?q=0123",
    "Devices of a recommendation, high": "/recommendations/{recommendation}/devices/?level=high",
    "Devices of the widest recommendation": "/recommendations/{widest}/devices/",
    "Remediation options": "/recommendations/{recommendation}/remediation/",
    "Exception options": "/recommendations/{recommendation}/exception/",
    "Exception options of a weakness": "/weaknesses/{weakness}/exception/",
    "Remediation": "/remediation/",
    "Remediation, filters and text": "/remediation/?status=active&priority=high&q=contoso",
    "Remediation, overdue": "/remediation/?due=overdue",
    "Remediation, by progress": "/remediation/?sort=-progress",
    "Remediation, page 150": "/remediation/?page=150",
    "Exceptions": "/remediation/exceptions/",
    "Imported": "/remediation/imported/",
    "Software": "/software/",
    "Software, by impact": "/software/?sort=-impact",
    "A product": "/software/{software}/",
    "Devices of a product": "/software/{software}/devices/",
    "Weaknesses": "/weaknesses/",
    "Weaknesses, exposed, by EPSS": "/weaknesses/?exposed=1&sort=-epss",
    "A weakness": "/weaknesses/{weakness}/",
    "Devices of a weakness": "/weaknesses/{weakness}/devices/",
    "Devices": "/devices/",
    "Devices, filters and text": "/devices/?level=high&q=0123",
    "Devices, by last seen": "/devices/?sort=-last_seen",
    "Devices, page 1,000": "/devices/?page=1000",
    "A device": "/devices/{device}/",
    "Weaknesses of a device": "/devices/{device}/weaknesses/",
    "Event timeline": "/events/",
    "Exposure score": "/scores/exposure/",
    "Search": "/search/?q=contoso",
    "Tickets": "/remediation/tickets/",
    "Tickets, page 150": "/remediation/tickets/?page=150",
    "Activity": "/remediation/activities/{activity}/",
    "Activity of 50,000 devices": "/remediation/activities/{large}/",
}
# Asked for by the page's script alone.
PARTS = {
    "Flyout alone (htmx)": ("/recommendations/?open={recommendation}", {"HX-Request": "true", "HX-Target": "flyout"}),
}
EXPORT = "/recommendations/{widest}/devices/?format=csv"
