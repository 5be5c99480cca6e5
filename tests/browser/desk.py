"""A person's work without a browser: the same pages and forms, fetched and sent. For what a test needs beforehand."""

import re
from html import unescape
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from .product import Product

_HIDDEN = re.compile(r'<input[^>]*\bname="(\w+)"[^>]*\bvalue="([^"]*)"|<input[^>]*\bvalue="([^"]*)"[^>]*\bname="(\w+)"')


class Desk:
    """One signed-in person."""

    def __init__(self, product: "Product", name: str) -> None:
        from .product import PASSWORD

        self.base_url = product.base_url
        self.session = requests.Session()
        answer = self.post("/accounts/login/", {"username": name, "password": PASSWORD, "next": "/"})
        assert answer.url == f"{self.base_url}/", f"{name} could not sign in"

    def get(self, path: str, **query: Any) -> requests.Response:
        answer = self.session.get(self.base_url + path, params=query, timeout=30)
        assert answer.ok, f"GET {path}: {answer.status_code}\n{answer.text[:2000]}"
        return answer

    def post(self, path: str, fields: dict[str, Any], form: str = "") -> requests.Response:
        """Send fields together with the token of the page that holds the form (the same address, unless told)."""
        hidden = _fields(self.get(form or path).text)
        sent = {"csrfmiddlewaretoken": hidden["csrfmiddlewaretoken"]} | fields
        answer = self.session.post(self.base_url + path, data=sent, timeout=30)
        assert answer.ok, f"POST {path}: {answer.status_code}\n{answer.text[:2000]}"
        return answer

    def recommendations(self, **query: Any) -> list[int]:
        """The ids on the first page of the list, in its order."""
        found = re.findall(r'data-open="(\d+)"', self.get("/recommendations/", **query).text)
        return [int(pk) for pk in dict.fromkeys(found)]

    def software(self) -> list[int]:
        """The ids of the products on the first page of the list, in its order."""
        return [int(pk) for pk in re.findall(r'data-href="(\d+)"', self.get("/software/").text)]

    def devices(self, **query: Any) -> list[int]:
        """The ids on the first page of the list, in its order."""
        return [int(pk) for pk in re.findall(r'<tr data-href="(\d+)"', self.get("/devices/", **query).text)]

    def report(self, device: int, **fields: Any) -> int:
        """Report an inaccuracy; answers the id of the newest report."""
        self.post(f"/devices/{device}/inaccuracy/", fields)
        return int(re.search(r"/devices/inaccuracies/(\d+)/", self.get("/devices/inaccuracies/").text)[1])

    def name_of(self, recommendation: int) -> str:
        page = self.get(f"/recommendations/{recommendation}/").text
        return unescape(re.search(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)[1]).strip()

    def source_id_of(self, recommendation: int) -> str:
        """The id by which the sandbox knows it."""
        page = self.get(f"/recommendations/{recommendation}/").text
        return unescape(re.search(r"<li>((?:va|sca)-_-.*?)</li>", page)[1])

    def request(self, recommendation: int, **changes: Any) -> str:
        """Submit a remediation request with what the form proposes; answers the activity's path."""
        path = f"/recommendations/{recommendation}/remediation/"
        page = self.get(path).text
        fields = {"request_key": _fields(page)["request_key"], "scope": "all", "priority": "high", "open_ticket": "on"}
        fields |= {"requested_remediation": _checked(page, "requested_remediation")}
        fields |= {"due_on": _fields(page)["due_on"], "notes": "Please begin with the kiosks."}
        answer = self.post(path, {name: value for name, value in (fields | changes).items() if value is not None})
        assert "/remediation/activities/" in answer.url, answer.text[:3000]
        return answer.url.removeprefix(self.base_url)

    def move(self, activity: str, verb: str, note: str = "") -> requests.Response:
        return self.post(f"{activity}transitions/", {"verb": verb, "note": note}, form=activity)


def _fields(page: str) -> dict[str, str]:
    found = [(a or d, unescape(b or c)) for a, b, c, d in _HIDDEN.findall(page)]
    return dict(reversed(found))


def _checked(page: str, name: str) -> str:
    tags = [tag for tag in re.findall(r"<input[^>]*>", page) if f'name="{name}"' in tag and "checked" in tag]
    return re.search(r'value="([^"]*)"', tags[0])[1]
