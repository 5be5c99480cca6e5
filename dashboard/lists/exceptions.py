"""The Remediation page's tab of exceptions: says what will be there."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from ..groups import selection
from ..numbers import numbers
from ..requests import Request
from .tabs import ask_tabs


@require_GET
def exceptions(request: Request) -> HttpResponse:
    ask_tabs(request, selection(request))
    return render(request, "dashboard/exceptions.html", {"tab": "exceptions", "numbers": numbers(request)})
