"""What a browser loads that comes for the first time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.stage import follow, group_ids, new_page
from tests.servers import Console

FIRST_LOAD_BYTES = 250_000
# Of the page itself and of all it names, as they came over the network.
LOADED = """() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
  .map((one) => [new URL(one.name).pathname, one.transferSize])"""


@pytest.fixture
def newcomer(browser: Browser, base_url: str, signed_in: Any) -> Iterator[Page]:
    """Signed in, with nothing kept."""
    page = new_page(browser, base_url, storage_state=signed_in)
    yield page
    page.context.close()


@pytest.mark.parametrize(
    "page", ["/", "/groups", "/groups/GROUP", "/groups/GROUP/live", "/groups/GROUP/edit", "/requests", "/providers"]
)
def test_a_first_load_is_light(newcomer: Page, server: Console, page: str) -> None:
    answer = newcomer.goto(page.replace("GROUP", min(group_ids(server))), wait_until="networkidle")
    assert answer is not None
    assert answer.ok
    loaded = newcomer.evaluate(LOADED)
    assert sum(size for _, size in loaded) < FIRST_LOAD_BYTES, sorted(loaded, key=lambda one: -one[1])


def test_the_next_page_brings_only_itself_and_what_is_its_own(newcomer: Page, server: Console) -> None:
    newcomer.goto("/groups", wait_until="networkidle")
    follow(newcomer.locator("main").get_by_role("link", name="demo-ordered").first)
    expect(newcomer.get_by_role("heading", level=1)).to_contain_text("demo-ordered")
    sizes = dict(newcomer.evaluate(LOADED))
    (shared,) = [path for path in sizes if path.endswith("/css/console.css")]
    assert sizes[shared] == 0
