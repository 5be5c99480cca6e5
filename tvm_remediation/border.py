"""The border to the browsers: what they send is read as they mean it, and what is larger than any form is refused."""

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, QueryDict

_CHARSET = re.compile(r";\s*charset\s*\*?\s*=[^;]*", re.IGNORECASE)

_LONGEST_NAME = 150


class Application(WSGIHandler):
    """Our pages and forms are UTF-8, and are read so.

    By another encoding text could come in that no database can store, and some that Python knows are of no text at all.
    """

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        environ["CONTENT_TYPE"] = _CHARSET.sub("", environ.get("CONTENT_TYPE", ""))
        return super().__call__(environ, start_response)


class BorderMiddleware:
    """Refuses bodies beyond the size of a form and queries that cannot be read, and hears no cookie that is none.

    Files come in by commands, never by a request, and Django's own limit leaves out those that a form brings.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Escapes in a cookie can stand for NUL, by which PostgreSQL looks for no session.
        for name in [name for name, value in request.COOKIES.items() if not value.isprintable()]:
            del request.COOKIES[name]
        if _length(request) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig("The body is larger than any form.")
        _read_query(request)
        return self.get_response(request)


def _read_query(request: HttpRequest) -> None:
    """Raises SuspiciousOperation, as for more than a thousand fields; the page that says so looks at the query too."""
    try:
        request.GET  # noqa: B018 - reads it
    except SuspiciousOperation:
        request.GET = QueryDict()
        raise


def _length(request: HttpRequest) -> int:
    """Bytes of the body, as the request says; the server reads no more than that."""
    said = request.META.get("CONTENT_LENGTH") or "0"
    return int(said) if re.fullmatch("[0-9]{1,18}", said) else 0


def name_tried(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str | None:
    """Who a try to sign in says to be, as far as the table of tries has room. No account has a longer name."""
    name = credentials.get("username") if credentials else request.POST.get("username")
    return name[:_LONGEST_NAME] if name else name
