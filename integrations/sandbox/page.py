"""The administrator's page: plain HTML without script, for a person and for tests.

Pages: / (security tasks), /collections (of Configuration Manager), /estate (time and devices), /faults, /permissions.

Every action is POST /control/<verb> with form fields. With `Accept: application/json` the answer is
{"said": ..., facts} (200) or {"error": ...} (400); otherwise it is a redirect back to the page.

    accept        task, note                 the task becomes active
    reject        task, note                 the task becomes rejected
    complete      task, note                 the task becomes completed
    delete        task
    make-task     recommendation             a task as Defender's portal makes one    answers task
    answer-collection  collection, state (pending, active, completed, rejected), note
                  the administrator's answer in the comment of a collection
    delete-collection  collection
    fix           recommendation, percent (100), group (id, empty: all)       answers devices
    expose        recommendation, percent (100), group (id, empty: all)       answers devices
    next-day      days (1)                                                    answers devices
    fault         family: token, graph, graph_create, graph_change, graph_read, defender,
                  configmgr, configmgr_create, configmgr_member
                  kind: 429, 500, 503, 504_before, 504_after, 500_after, 503_after, timeout_before, timeout_after,
                        late_commit, reset_before, reset_after, bad_json, empty, html, 401, 403
                  count (1; empty: until cleared), probability (1), seed (of the probability),
                  retry_after: integer, fractional, date, past, absurd, none (for 429 and 503),
                  hold (30; seconds, for time-outs and late_commit)           answers number
    bad-day       share (of writes, 0.2), reads (0.05), hold, seed: a mix of all, late commits among them
    clear-faults  number (empty: all)
    grant         role
    withdraw      role
    assign        person (a short name: ada, sam, ida, abel, vera, nora), roles: app roles, with commas; empty: none
    mode          name, value: inline_devices accept|ignore|reject, notes extra|hidden, filters ignore|honour|reject,
                  rate_limits off|real, site_role full|none, page_size 1-1000,
                  sign_in honest|... (what is wrong with the next sign-ins of people: see `people.SIGN_IN_MODES`),
                  listing_lag 0-600 (seconds until a list shows a new task),
                  latency 0-60000 (milliseconds until Graph answers)
    reset         what: all, tasks; devices, large (for all: the new estate; the credentials stay)

Under /<tenant>/oauth2/v2.0/ people sign in (authorize) and out (logout): see `sign_in`.

GET /control/dump answers every task with its devices, and every create request received, stored or not; every
collection with its rules, and how many were ever stored.
GET /control/groups answers every group in the directory with the device ids of its members.
GET /control/state answers roles, modes, faults, scores.
"""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from . import control, directory, sections, sign_in, site, tasks
from .cloud import Outcome
from .messages import Answer, Request, json_answer
from .tenant import Tenant

HTML = "text/html; charset=utf-8"
SAFETY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none';"
    " base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
PAGES: dict[str, Callable[[Tenant, Request], str]] = {
    "/": sections.task_list,
    "/collections": sections.collections,
    "/estate": sections.estate,
    "/faults": sections.faults,
    "/permissions": sections.permissions,
}


class Page:
    """Answers for the page's port; remembers what the last action said until it has been shown."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.said = ""

    def handle(self, request: Request) -> Outcome:
        answer = self._answer(request)
        answer.headers = SAFETY | answer.headers
        return Outcome(answer)

    def _answer(self, request: Request) -> Answer:
        if not _is_local(request.headers.get("host", "")):
            return Answer(421, b"This page answers for 127.0.0.1 and localhost only.", "text/plain")
        if request.method == "POST":
            return (
                self._act(request) if _same_origin(request) else Answer(403, b"Refused: another origin.", "text/plain")
            )
        if request.method not in ("GET", "HEAD"):
            return Answer(405)
        if request.path == "/control/dump":
            return json_answer(tasks.dump(self.tenant) | site.dump(self.tenant))
        if request.path == "/control/groups":
            return json_answer({"groups": directory.dump(self.tenant)})
        if request.path == "/control/state":
            return json_answer(control.state(self.tenant))
        if request.path == "/page.css":
            return Answer(200, Path(__file__).with_name("templates").joinpath("page.css").read_bytes(), "text/css")
        return self._show(request)

    def _show(self, request: Request, status: int = 200) -> Answer:
        if entra := sign_in.answer(self.tenant, request):
            return entra
        section = PAGES.get(request.path)
        if section is None:
            return Answer(404, b"Not found.", "text/plain")
        said, self.said = self.said, ""
        return Answer(status, sections.page(request.path, section(self.tenant, request), said).encode(), HTML)

    def _act(self, request: Request) -> Answer:
        wants_json = "application/json" in request.headers.get("accept", "")
        verb = request.path.removeprefix("/control/")
        if verb not in control.VERBS:
            return Answer(404, b"Not found.", "text/plain")
        try:
            done = control.perform(self.tenant, verb, request.form())
        except control.BadField as bad:
            if wants_json:
                return json_answer({"error": str(bad)}, 400)
            self.said = str(bad)
        else:
            if wants_json:
                return json_answer({"said": done.said, **done.facts})
            self.said = done.said
        return Answer(303, headers={"Location": _back(request)})


def _is_local(host: str) -> bool:
    return host.rsplit(":", 1)[0] in ("127.0.0.1", "localhost")


def _same_origin(request: Request) -> bool:
    """Whether a POST comes from this page or from a program, which sends no Origin."""
    origin = request.headers.get("origin")
    if origin is not None:
        return origin == f"http://{request.headers.get('host', '')}"
    return request.headers.get("sec-fetch-site", "none") in ("none", "same-origin")


def _back(request: Request) -> str:
    """The page that the form was on; only a path, so that it cannot lead elsewhere."""
    came_from = urlsplit(request.headers.get("referer", ""))
    if came_from.path not in PAGES:
        return "/"
    return f"{came_from.path}?{came_from.query}" if came_from.query else came_from.path
