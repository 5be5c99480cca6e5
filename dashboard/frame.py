"""What every page's frame shows: navigation counts, device groups, the last complete sync."""

from django.http import HttpRequest


def frame(request: HttpRequest) -> dict:
    return {}
