"""Pictures of every page and state, dark and light, in three widths: `python -m tests.e2e.screenshots [folder]`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.e2e.conftest import sign_in
from tests.e2e.looks import THEMES, WIDTHS, overflow
from tests.e2e.stage import LAUNCH, chromium, demo_console, manage, set_demo
from tests.servers import ROOT, Console

PROVIDERS = ("nebius", "fireworks", "azure")
MAKE_PEOPLE = """
from access.models import User
for name, role in (("viola", "viewer"), ("sam", "")):
    user = User(username=name, role=role)
    user.set_password("a-picture-of-me")
    user.save()
"""


class Camera:
    """Takes one page in every width and theme, into `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def take(self, page: Page, name: str) -> None:
        for theme in THEMES:
            page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                assert overflow(page) <= 0, f"{name} is wider than {width} px"
                page.screenshot(path=self.folder / f"{name}-{theme}-{width}.png", full_page=True)
        page.set_viewport_size({"width": 1440, "height": 900})


@contextmanager
def person(browser: Browser, server: Console, name: str = "") -> Iterator[Page]:
    """A page of somebody: nobody by default."""
    context: BrowserContext = browser.new_context(base_url=server.url, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto("/")
    if name == "admin":
        sign_in(page)
    elif name:
        _fill_sign_in(page, name, "a-picture-of-me")
    yield page
    context.close()


def _fill_sign_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def _open(page: Page, name: str) -> None:
    page.goto("/groups")
    page.get_by_role("link", name=name, exact=True).click()


def _test(page: Page, camera: Camera, shot: str) -> None:
    page.get_by_role("button", name="Send test").click()
    expect(page.locator("#group-test .verdict")).to_be_visible(timeout=60_000)
    camera.take(page, shot)


def strangers(browser: Browser, server: Console, camera: Camera) -> None:
    """Sign-in in all its states, the stranger's 403, the reader's pages."""
    with person(browser, server) as page:
        camera.take(page, "sign-in")
        for _ in range(5):
            _fill_sign_in(page, "mallory", "wrong")
            if page.get_by_role("alert").is_visible():
                camera.take(page, "sign-in-wrong")
        camera.take(page, "locked-out")
    with person(browser, server, "sam") as page:
        camera.take(page, "forbidden")
    with person(browser, server, "viola") as page:
        _open(page, "demo-ordered")
        camera.take(page, "group-viewer")


def pages(browser: Browser, server: Console, camera: Camera) -> None:
    """Lists, groups, tests that go well and tests that don't."""
    with person(browser, server, "admin") as page:
        camera.take(page, "list")
        page.set_viewport_size({"width": 390, "height": 844})
        page.get_by_role("button", name="Menu", exact=True).click()
        page.screenshot(path=camera.folder / "menu-390.png")
        page.goto("/groups?q=nothing-like-it")
        camera.take(page, "list-no-match")
        page.goto("/nowhere")
        camera.take(page, "not-found")
        _open(page, "demo-weighted")
        camera.take(page, "group-weighted")
        _open(page, "demo-ordered")
        camera.take(page, "group-ordered")
        _test(page, camera, "test-answered")
        _failures(page, server, camera)


def _failures(page: Page, server: Console, camera: Camera) -> None:
    set_demo(server, "nebius", failure_rate=1.0, failure_status=429, retry_after_s=60)
    _test(page, camera, "test-fallback")
    for slug in PROVIDERS:
        set_demo(server, slug, failure_rate=1.0, failure_status=429, retry_after_s=60)
    _test(page, camera, "test-all-failed")
    _test(page, camera, "test-cooling-down")
    for slug in PROVIDERS:
        set_demo(server, slug, failure_rate=0.0, latency_ms=4000)
    _open(page, "demo-weighted")
    page.get_by_role("button", name="Send test").click()
    camera.take(page, "test-waiting")


def choosers(browser: Browser, server: Console, camera: Camera) -> None:
    """Virtual models, their playground and calibration, the routing rules."""
    with person(browser, server, "admin") as page:
        page.goto("/virtual-models")
        camera.take(page, "virtual-models")
        page.get_by_role("link", name="auto-chat", exact=True).click()
        page.get_by_role("textbox", name="What would happen").fill("Hello! Please debug this: ```x = 1```")
        expect(page.locator(".score-number")).to_be_visible()
        camera.take(page, "playground")
        page.get_by_role("link", name="Settings", exact=True).click()
        camera.take(page, "virtual-model-form")
        page.get_by_role("link", name="Calibration").click()
        page.get_by_label("Prompts", exact=True).fill("hi\nls of the folder\nWhere is it?\nAnalyze the architecture")
        page.get_by_role("button", name="Score them").click()
        expect(page.locator(".histogram")).to_be_visible()
        camera.take(page, "calibration")
        page.goto("/routing-rules")
        camera.take(page, "routing-rules")


def empty(browser: Browser, server: Console, camera: Camera) -> None:
    """The list before there is any group."""
    for virtual_model in server.call("GET", "/v1/virtual_models")["virtual_models"]:
        server.call("DELETE", f"/v1/virtual_models/{virtual_model['id']}")
    for group in server.call("GET", "/v1/routing_group")["routing_groups"]:
        server.call("DELETE", f"/v1/routing_group/{group['routing_group_id']}")
    with person(browser, server, "admin") as page:
        camera.take(page, "list-empty")


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    camera = Camera(folder)
    with tempfile.TemporaryDirectory() as data, demo_console(Path(data)) as server, sync_playwright() as playwright:
        manage(server, Path(data), "shell", "--command", MAKE_PEOPLE)
        browser = playwright.chromium.launch(executable_path=chromium(), **LAUNCH)
        for scene in (strangers, pages, choosers, empty):
            scene(browser, server, camera)
        browser.close()


if __name__ == "__main__":
    main()
