"""The Intune administrator and time, played on the sandbox's own page as a person would."""

from dataclasses import dataclass

from playwright.sync_api import Locator, Page


@dataclass
class IntuneAdministrator:
    """Somebody with the sandbox's page in front of them."""

    page: Page

    def accept(self, title: str, note: str = "") -> None:
        self._act(title, "Accept", note)

    def complete(self, title: str, note: str = "") -> None:
        self._act(title, "Complete task", note)

    def task(self, title: str) -> Locator:
        self.page.goto("/")
        return self.page.get_by_role("article").filter(has_text=title)

    def fix_all(self, title: str) -> None:
        """Fix every exposed device of the recommendation of this name; they report at once."""
        self.page.goto("/estate")
        choice = self.page.get_by_label("Recommendation")
        option = choice.get_by_role("option").filter(has_text=title)
        choice.select_option(option.first.get_attribute("value"))
        self.page.get_by_label("Percent of the devices").fill("100")
        self.page.get_by_role("button", name="Fix").click()
        self.page.get_by_text("devices were fixed and have reported").wait_for()

    def order_fault(self, kind: str, times: int = 1) -> None:
        """The next requests to create a task fail so."""
        self.page.goto("/faults")
        self.page.get_by_label("Requests", exact=True).select_option(label="Graph, creating a task")
        self.page.get_by_label("Fault", exact=True).select_option(label=kind)
        self.page.get_by_label("For the next requests").fill(str(times))
        self.page.get_by_label("Retry-After").select_option(label="a date in 3 seconds")
        self.page.get_by_role("button", name="Order").click()

    def _act(self, title: str, button: str, note: str) -> None:
        task = self.task(title)
        task.get_by_label("Note", exact=True).fill(note)
        task.get_by_role("button", name=button).click()
        self.page.get_by_role("status").wait_for()
