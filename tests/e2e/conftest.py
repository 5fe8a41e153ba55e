"""The console with its demo and a browser that reports what went wrong behind the page.

Run apart from the other tests, as `pytest tests/e2e`: Playwright and pytest-asyncio clash in one process.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.stage import (
    LAUNCH,
    chromium,
    demo_console,
    follow,
    group_ids,
    new_page,
    provider_ids,
    put_demo_back,
    remove_groups,
    remove_providers,
)
from tests.servers import MASTER_KEY, Console

# A slow machine is not a failure. What must happen within a time says so itself.
expect.set_options(timeout=20_000)
EXPECTED = (
    # Chromium reports every 4xx document as an error of the console; the tests that ask for one expect it.
    "Failed to load resource",
    # htmx reports as two errors that a request gave way to the next one, or to another page. A request that failed
    # is reported as `htmx:sendError` besides, and fails the test.
    "htmx:afterRequest",
    "htmx:sendAbort",
)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with demo_console(tmp_path_factory.mktemp("console")) as ours:
        yield ours


@pytest.fixture(scope="module", autouse=True)
def _the_groups_and_providers_of_a_file_end_with_it(server: Console) -> Iterator[None]:
    """Each file finds those of the demo and no others, in any order of the files."""
    groups, providers = group_ids(server), provider_ids(server)
    yield
    remove_groups(server, kept=groups)
    remove_providers(server, kept=providers)


@pytest.fixture(autouse=True)
def _the_providers_are_well_after_a_test(server: Console) -> Iterator[None]:
    yield
    put_demo_back(server)


@pytest.fixture(scope="session")
def base_url(server: Console) -> str:
    return server.url


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, **LAUNCH, "executable_path": chromium()}


@pytest.fixture(scope="session")
def signed_in(browser: Browser, base_url: str) -> Any:
    """The cookies of the admin, signed in once."""
    page = new_page(browser, base_url)
    sign_in(page)
    state = page.context.storage_state()
    page.context.close()
    return state


@pytest.fixture(scope="session")
def window(browser: Browser, base_url: str) -> Iterator[BrowserContext]:
    """One for all tests: a new one reads each script again, and starts a process for its first page."""
    page = new_page(browser, base_url)
    page.goto("/sign-in")
    yield page.context
    page.context.close()


@pytest.fixture(scope="session")
def plain_window(browser: Browser, base_url: str) -> Iterator[BrowserContext]:
    """One for all tests without JavaScript, for the same reason."""
    page = new_page(browser, base_url, java_script_enabled=False)
    page.goto("/sign-in")
    yield page.context
    page.context.close()


@pytest.fixture
def plain(plain_window: BrowserContext) -> Iterator[Page]:
    """A page without JavaScript, of nobody yet."""
    yield plain_window.new_page()
    for page in plain_window.pages[1:]:
        page.close()
    plain_window.clear_cookies()


@pytest.fixture
def plain_admin(plain: Page, signed_in: Any) -> Page:
    """A page without JavaScript, of a signed-in admin."""
    plain.context.add_cookies(signed_in["cookies"])
    return plain


@pytest.fixture
def context(window: BrowserContext) -> Iterator[BrowserContext]:
    """The window without anything that the test before left: no cookies, rights, pages or pages htmx remembers."""
    blank, *_ = window.pages
    yield window
    for page in window.pages:
        if page is not blank:
            page.close()
    blank.evaluate("localStorage.clear()")
    window.clear_cookies()
    window.clear_permissions()


@pytest.fixture
def page(page: Page, base_url: str) -> Iterator[Page]:
    """A page that fails its test on a console message or a request to another host."""
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith((base_url, "data:")) else complaints.append(r.url))
    yield page
    assert [c for c in complaints if not c.startswith(EXPECTED)] == []


@pytest.fixture
def admin(page: Page, signed_in: Any) -> Page:
    """The page of a signed-in admin."""
    page.context.add_cookies(signed_in["cookies"])
    return page


def sign_in(page: Page) -> None:
    page.goto("/groups")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(MASTER_KEY)
    follow(page.get_by_role("button", name="Sign in"))
    expect(page.get_by_role("heading", level=1, name="Groups", exact=True)).to_be_visible()
