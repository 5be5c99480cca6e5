"""People at a browser, and everything that their browser complained about."""

from contextlib import suppress
from dataclasses import dataclass, field

from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Request, Response

from .product import PASSWORD, Product

CHROMIUM = "/usr/bin/chromium"
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# What the policy forbids is not an error that a page can catch, so it is made one.
_TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
    console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI} at ${event.sourceFile}`));
"""
# The console repeats what `_answered` and `_failed` judge; htmx also logs each request that a page given up had open.
_REPEATED = ("Failed to load resource", "htmx:afterRequest", "htmx:sendError", "htmx:sendAbort", "htmx:responseError")


def launch(playwright: Playwright) -> Browser:
    # People's browsers keep the page that they leave, and show it again as it was on Back.
    keeping = ["--disable-back-forward-cache"]
    return playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES, ignore_default_args=keeping)


@dataclass
class Visitors:
    """Opens pages for people; `problems` is empty when nothing went wrong in any of them."""

    browser: Browser
    product: Product
    problems: list[str] = field(default_factory=list)
    expected: set[int] = field(default_factory=set)
    contexts: list = field(default_factory=list)

    def visit(self, name: str = "", *, width: int = 1280, height: int = 900, script: bool = True, **options) -> Page:
        """A window of its own, signed in as the demo's person of that name, if there is one."""
        options = {
            "base_url": self.product.base_url,
            "locale": "en-GB",
            "timezone_id": "UTC",
            "reduced_motion": "reduce",
        } | options
        viewport = {"width": width, "height": height}
        context = self.browser.new_context(viewport=viewport, java_script_enabled=script, **options)
        self.contexts.append(context)
        context.set_default_timeout(20_000)
        context.add_init_script(_TELL_VIOLATIONS)
        context.on("page", self._watch)
        page = context.new_page()
        if name:
            self.sign_in(page, name)
        return page

    def sandbox(self) -> Page:
        """The Intune administrator's window: the sandbox's own page."""
        return self.visit(base_url=self.product.sandbox.page_url)

    def sign_in(self, page: Page, name: str) -> None:
        """By the form the first time; a person who came back before still has their session."""
        if name in self.product.cookies:
            page.context.add_cookies(self.product.cookies[name])
            return
        page.goto("/accounts/login/")
        page.get_by_label("User name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(self.product.base_url + "/")
        self.product.cookies[name] = page.context.cookies()

    def expect(self, *statuses: int) -> None:
        """These answers are what the test is about, not a fault."""
        self.expected.update(statuses)

    def close(self) -> None:
        for context in self.contexts:
            with suppress(Exception):  # a browser that crashed has told so already
                context.close()

    def _watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.problems.append(f"script error: {error}"))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)
        page.on("crash", lambda page: self.problems.append(f"crashed: {page.url}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_REPEATED):
            self.problems.append(f"console {message.type}: {message.text} ({message.page and message.page.url})")

    def _failed(self, request: Request) -> None:
        # Aborted is what the browser itself gives up: a poll of a page that is left, a page that is a download.
        if request.failure != "net::ERR_ABORTED":
            self.problems.append(f"request failed: {request.method} {request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.problems.append(f"answer {response.status}: {response.request.method} {response.url}")
