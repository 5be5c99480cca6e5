"""What a source, a ticket system or a person writes is shown and never run: in a real browser, on every page."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Dialog, Page

from tests.integrations.ingest.world import World, ago, device_id
from tests.integrations.test_sync_commands import write

from .desk import Desk
from .product import Product, running_product, wait_for
from .visitors import Visitors

# Each for another place that text may stand in: element, attribute, title, script, style, comment, address, template.
PAYLOADS = [
    "<script>alert('ran')</script>",
    "<img src=x onerror=alert('ran')>",
    "\"><svg onload=alert('ran')>",
    "' onfocus=alert('ran') autofocus x='",
    "</title><script>alert('ran')</script>",
    "</textarea></style></script><iframe srcdoc='<script>parent.alert(1)</script>'>",
    "--><script>alert('ran')</script><!--",
    "javascript:alert('ran')",
    "data:text/html,<script>alert('ran')</script>",
    "<a href=javascript:alert('ran')>x</a>",
    "<div hx-get=/ hx-trigger=load hx-on::load=alert('ran') style=position:fixed>",
    "<base href=//evil.example><meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "{{constructor.constructor('alert(1)')()}}{% debug %}${alert('ran')}",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert('ran')>",
    "\\u003cscript\\u003ealert('ran')\\u003c/script\\u003e",
    "jaVasCript:/*-/*`/*\\`/*'/*\"/**/(/* */oNcliCk=alert('ran') )//%0D%0A//</stYle/</titLe/</teXtarEa/</scRipt/--!>"
    "\\x3csVg/<sVg/oNloAd=alert('ran')//>\\x3e",
]
# Where a page would have been run: the hooks of the browser, asked before any page's own script.
_HOOKS = """
window.ran = [];
for (const name of ["alert", "confirm", "prompt", "print"]) window[name] = (...words) => window.ran.push(name);
"""
ADDRESSES = ["https://vendor.example/<script>alert(1)</script>", "http://x.example/'onclick='alert(1)"]


def hostile(folder: Path) -> None:
    """An organisation in which everything that has a name is named by somebody hostile."""
    world = World(devices=0)
    for part in ("recommendations", "weaknesses"):
        world.lists[part].clear()
    for number, text in enumerate(PAYLOADS, 1):
        name = f"{number} {text}"
        world.add_machine(number, computerDnsName=name, osPlatform=text[:40], rbacGroupName=f"Group {text}",
                          machineTags=[text])  # fmt: skip
        reference = f"va-_-contoso-_-reader{number}"
        world.add_recommendation(
            reference, name, "Upgrade", relatedComponent=text, vendor=text,
            productName=text, recommendedVersion=text[:60], recommendedVendor=text, recommendedProgram=text,
            subCategory=text, associatedThreats=[text], tags=[text], publicExploit=True,
        )  # fmt: skip
        world.lists["weaknesses"].append(
            {"id": f"CVE-2026-{1000 + number}", "description": name, "severity": "Critical", "cvssV3": 9.8, "epss": 0.9,
             "publishedOn": ago(days=20), "publicExploit": True}
        )  # fmt: skip
        for machine in {number, number % len(PAYLOADS) + 1}:
            world.install(
                machine, f"1.{number}", f"CVE-2026-{1000 + number}", name=f"reader{number}", softwareVendor="contoso",
                recommendationReference=reference, diskPaths=[text], registryPaths=[text],
                recommendedSecurityUpdate=text, recommendedSecurityUpdateId=text[:40],
            )  # fmt: skip
    assert world.machine(1)["id"] == device_id(1)
    write(world, folder)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One of its own: nobody else wants such an organisation."""
    folder = tmp_path_factory.mktemp("hostile")
    hostile(folder)
    with running_product(tmp_path_factory.mktemp("product"), devices=20) as product:
        # That nothing of before is left is believed the second time.
        product.manage("import", str(folder))
        imported = product.manage("import", str(folder))
        assert imported.returncode == 0, imported.stdout + imported.stderr
        fill_in(product)
        yield product


def fill_in(product: Product) -> None:
    """People write it as well, and a ticket system answers so."""
    security, approver = Desk(product, "security"), Desk(product, "approver")
    recommendations = security.recommendations()
    made = [security.request(pk, notes="\n".join(PAYLOADS)[:990]) for pk in recommendations[:3]]
    wait_for(lambda: "Created" in security.get(made[0]).text, 30, lambda: product.log("delivery"))
    for task in product.sandbox.dump()["tasks"][:2]:
        product.sandbox.do("reject", task=task["id"], note=PAYLOADS[0] + PAYLOADS[1])
    security.move(made[2], "cancel", PAYLOADS[2] + PAYLOADS[4])
    path = f"/recommendations/{recommendations[4]}/exception/"
    fields = {"justification": "other", "context": "".join(PAYLOADS)[:900], "end": "30", "scope": "all",
              "evidence": "\n".join(ADDRESSES), "request_key": "00000000-0000-4000-8000-000000000001"}  # fmt: skip
    security.post(path, fields)
    security.report(security.devices()[0], reason="other", note=PAYLOADS[1] + PAYLOADS[5])
    assert approver.get("/remediation/exceptions/").ok


def places(desk: Desk) -> list[str]:
    """Every kind of page, each with something hostile on it."""
    recommendations, devices, software = desk.recommendations(), desk.devices(), desk.software()
    evil = quote(PAYLOADS[-1])
    pages = [
        "/", f"/?open={recommendations[0]}", "/recommendations/", f"/recommendations/?q={evil}&type={evil}&sort={evil}",
        f"/recommendations/?open={recommendations[1]}", "/scores/exposure/", "/events/", "/software/", "/weaknesses/",
        "/weaknesses/CVE-2026-1001/", "/weaknesses/CVE-2026-1002/devices/", "/devices/",
        f"/devices/?q={evil}&group={evil}",
        "/devices/inaccuracies/", "/devices/inaccuracies/1/", "/remediation/", f"/remediation/?q={evil}",
        "/remediation/exceptions/", "/remediation/exceptions/1/", "/remediation/tickets/", "/remediation/imported/",
        f"/search/?q={quote(PAYLOADS[0])}", f"/search/?q={evil}", f"/nothing/{evil}",
        f"/weaknesses/{quote(PAYLOADS[1], safe='')}/",
    ]  # fmt: skip
    pages += [f"/recommendations/{pk}/{below}" for pk in recommendations[:2] for below in ("", "devices/")]
    pages += [f"/recommendations/{recommendations[5]}/{form}/" for form in ("remediation", "exception")]
    pages += [
        f"/devices/{devices[0]}/{below}" for below in ("", "software/", "weaknesses/", "activities/", "inaccuracy/")
    ]
    pages += [f"/software/{software[0]}/{below}" for below in ("", "devices/")]
    return pages + [f"/remediation/activities/{pk}/" for pk in (1, 2, 3)]


OF_THE_ADMINISTRATOR = [
    "/audit/",
    f"/audit/?q={quote(PAYLOADS[0])}",
    "/access-review/",
    "/settings/",
    "/settings/sources/",
    "/settings/syncs/",
    "/settings/syncs/2/",
    "/settings/delivery/",
    "/admin/",
    "/admin/remediation/remediationactivity/",
    "/admin/remediation/remediationactivity/1/change/",
    "/admin/remediation/devicegroup/",
    "/admin/remediation/ticket/",
    "/admin/remediation/ticket/1/change/",
    "/admin/remediation/auditevent/",
    "/admin/remediation/user/",
]


def visit_all(page: Page, paths: list[str]) -> list[str]:
    """Look at each as a person does, going over and opening what can be opened; what ran, and which links are odd."""
    problems: list[str] = []

    def dialog(shown: Dialog) -> None:
        problems.append(f"a dialog: {shown.message} at {page.url}")
        shown.dismiss()

    page.on("dialog", dialog)
    page.add_init_script(_HOOKS)
    for path in paths:
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach((menu) => { menu.open = true })")
        page.evaluate(_TOUCH)
        problems += [f"{name} ran at {path}" for name in page.evaluate("window.ran")]
        problems += [f"link {link} at {path}" for link in page.evaluate(_ODD_LINKS)]
    return problems


# Events that a handler smuggled into an attribute would wait for.
_TOUCH = """for (const element of document.querySelectorAll("main *"))
    for (const name of ["mouseover", "focus", "pointerenter"]) element.dispatchEvent(new Event(name));"""
_ODD_LINKS = """[...document.querySelectorAll("a[href], form[action], iframe, object, embed, base, img[src]")]
    .filter((element) => ["IFRAME", "OBJECT", "EMBED", "BASE"].includes(element.tagName)
        || !/^(https?|data):/.test(new URL(element.href || element.action || element.src, location))
        || (element.host && element.host !== location.host
            && !(element.relList.contains("noopener") && element.relList.contains("noreferrer"))))
    .map((element) => element.outerHTML.slice(0, 200))"""


@pytest.mark.security(id="S7")
def test_nothing_that_others_wrote_runs_on_any_page(product: Product, visitors: Visitors):
    """`visitors` fails also for each violation of the policy and each error of a script."""
    visitors.expect(404)
    page = visitors.visit("security")

    assert visit_all(page, places(Desk(product, "security"))) == []


@pytest.mark.security(id="S7")
def test_nor_on_those_of_an_administrator(product: Product, visitors: Visitors):
    visitors.expect(403)

    assert visit_all(visitors.visit("admin"), OF_THE_ADMINISTRATOR) == []


@pytest.mark.security(id="S7")
def test_the_hooks_would_tell(visitors: Visitors):
    """Without the policy the first payload would run; with it the browser says what it refused."""
    page = visitors.visit("viewer")
    page.goto("/")
    page.evaluate("document.querySelector('main').innerHTML = '<img src=x onerror=alert(1)><iframe></iframe>'")
    page.wait_for_timeout(300)

    assert page.evaluate(_ODD_LINKS) == ["<iframe></iframe>"]
    assert any("policy violated: script-src" in problem for problem in visitors.problems)
    visitors.problems.clear()
