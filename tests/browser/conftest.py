"""One product and one browser for all of these tests; they end before other tests touch a database."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from .places import Places, make_places
from .product import Product, running_product
from .visitors import Visitors, launch

DEVICES = 400
# Milliseconds: a busy machine is slow, not wrong.
expect.set_options(timeout=20_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running_product(tmp_path_factory.mktemp("product"), DEVICES) as product:
        yield product


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def places(product: Product) -> Places:
    return make_places(product)


@pytest.fixture
def visitors(browser: Browser, product: Product) -> Iterator[Visitors]:
    """People at the browser; the test fails when a page of theirs complains of anything."""
    visitors = Visitors(browser, product)
    yield visitors
    visitors.close()
    assert visitors.problems == []
