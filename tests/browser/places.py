"""Activities in every state that a page can show, made beforehand by the product's own forms."""

from dataclasses import dataclass

from .desk import Desk
from .product import Product, wait_for

WRITE = "DeviceManagementApps.ReadWrite.All"


@dataclass(frozen=True)
class Places:
    """Paths of activities by how they stand, of a recommendation that has one, one that has none, and of a product."""

    created: str
    accepted: str
    rejected: str
    claimed: str
    cancelled: str
    unticketed: str
    untouched: int
    requested: int
    software: int
    device: int
    report: int

    def path(self, pattern: str) -> str:
        return pattern.format(**vars(self))


def make_places(product: Product) -> Places:
    """Of the list's recommendations, but the first ones: those are on the dashboard, where the stories begin."""
    security, administrator = Desk(product, "security"), Desk(product, "itadmin")
    candidates = security.recommendations()[10:]
    picked = [product.take(candidates) for _ in range(7)]
    made = [security.request(pk) for pk in picked[:5]]
    unticketed = security.request(picked[5], open_ticket=None, notes="")
    wait_for(lambda: all("Created" in security.get(path).text for path in made), 30, lambda: product.log("delivery"))
    tasks = {path: task_of(product, security, pk) for path, pk in zip(made, picked, strict=False)}
    product.sandbox.do("accept", task=tasks[made[1]], note="Ring 2 tonight.")
    product.sandbox.do("reject", task=tasks[made[2]], note="These kiosks are replaced next week.")
    administrator.move(made[3], "complete", "Rolled out by the update ring. Some laptops were on leave.")
    security.move(made[4], "cancel", "Asked for by mistake.")
    wait_for(lambda: "Accepted" in security.get(made[1]).text, 30)
    wait_for(lambda: "Rejected" in security.get(made[2]).text, 30)
    device = security.devices()[0]
    report = security.report(device, reason="wrong_version", note="It is the 64-bit edition, which has the fix.")
    things = {"software": security.software()[0], "device": device, "report": report}
    return Places(*made, unticketed, untouched=picked[6], requested=picked[0], **things)


def task_of(product: Product, desk: Desk, recommendation: int) -> str:
    """The id of the sandbox's newest task about a recommendation."""
    name = desk.name_of(recommendation)
    return product.sandbox.tasks_named(name)[-1]["id"]
