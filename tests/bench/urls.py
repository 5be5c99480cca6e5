"""The product's addresses, and a view that does nothing: the floor of every page."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from tvm_remediation.access import ACCESS, SIGNED_IN


def nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse("nothing")


ACCESS["bench_nothing"] = SIGNED_IN
urlpatterns = [
    path("bench/nothing/", nothing, name="bench_nothing"),
    path("", include("tvm_remediation.urls")),
]
