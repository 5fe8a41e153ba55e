"""What a browser needs to meet the console: the demo on a real server, and Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.forks import run_python
from tests.servers import MASTER_KEY, Console, console, eventually, free_port

# Without a GPU: drawing in software what would be drawn on one takes half of the browser's CPU.
LAUNCH: dict[str, Any] = {
    "args": ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-gpu"]
}
# The headless shell opens a page with half of the CPU that all of Chromium takes, or less.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# How long anything may take before it counts as never: only so that nothing hangs.
LIMIT_S = 120
# A server that is 300 ms away: its words arrive late, in order.
FAR_AWAY = """const listen = WebSocket.prototype.addEventListener;
WebSocket.prototype.addEventListener = function (kind, heed) {
  listen.call(this, kind, kind === 'message' ? (event) => setTimeout(() => heed(event), 300) : heed);
};"""


def chromium() -> str | None:
    """The system's Chromium, else Playwright's."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


@contextmanager
def demo_console(folder: Path) -> Iterator[Console]:
    """The console with its demo loaded, on SQLite: what a newcomer has a minute after `make run`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABASE_URL", raising=False)
        port = free_port()
        # One process for rehearsals: to start each takes seven seconds of CPU.
        with console(folder, port=port, ROUTING_CONSOLE_DEMO="1", REHEARSAL_WORKERS="1") as ours:
            manage(ours, folder, "load_demo")
            yield ours


def manage(ours: Console, folder: Path, *command: str, stdin: str = "") -> None:
    """Runs a management command beside the running server, on its database."""
    settings = {
        "ROUTING_CONSOLE_DATA": str(folder),
        "ROUTING_CONSOLE_DEMO": "1",
        "ROUTING_CONSOLE_ALLOW_PRIVATE_UPSTREAMS": "1",
        "ROUTING_CONSOLE_MASTER_KEY": MASTER_KEY,
        "DATABASE_URL": f"sqlite:///{folder / 'console.sqlite3'}",
        "PORT": str(httpx.URL(ours.url).port),
    }
    run_python(["manage.py", *command], {**os.environ, **settings}, said=stdin)


# The demo providers of each console that behave as a test told them to.
_told: set[tuple[str, str]] = set()


def set_demo(ours: Console, slug: str, **settings: object) -> None:
    """Makes a demo provider slow or failing; without settings it is as usual."""
    _told.add((ours.url, slug))
    ours.call("PUT", f"/demo/upstream/{slug}/settings", settings)


def put_demo_back(ours: Console) -> None:
    """All demo providers as usual, in service everywhere; asks nothing of the server if no test told them otherwise."""
    told = {(url, slug) for url, slug in _told if url == ours.url}
    for _, slug in told:
        set_demo(ours, slug)
    if told:
        end_cooldowns(ours)
    _told.difference_update(told)


def end_cooldowns(ours: Console) -> None:
    """Takes every deployment back into service."""
    assert eventually(lambda: not _ended(ours), LIMIT_S)


def _ended(ours: Console) -> list[str]:
    """The cooldowns there were; one that ends by itself meanwhile is fine too."""
    found = [row["id"] for row in ours.call("GET", "/api/v1/llm/cooldowns")["cooldowns"]]
    for cooldown in found:
        ours.send("DELETE", f"/api/v1/llm/cooldowns/{cooldown}")
    return found


def remove_groups(ours: Console, kept: set[str]) -> None:
    """All routing groups but these."""
    for group_id in group_ids(ours) - kept:
        ours.call("DELETE", f"/v1/routing_group/{group_id}")


def group_ids(ours: Console) -> set[str]:
    found = ours.call("GET", "/v1/routing_group?size=200")["routing_groups"]
    return {str(group["routing_group_id"]) for group in found}


def provider_ids(ours: Console) -> set[str]:
    return {str(provider["id"]) for provider in ours.call("GET", "/api/v1/llm/providers")["providers"]}


def remove_providers(ours: Console, kept: set[str]) -> None:
    """All providers but these; no group has one of them."""
    for provider_id in provider_ids(ours) - kept:
        ours.call("DELETE", f"/api/v1/llm/providers/{provider_id}")


def new_page(browser: Browser, url: str, **options: Any) -> Page:
    """The first page of a new context, which waits as long as anything may take."""
    context = browser.new_context(base_url=url, **options)
    context.set_default_timeout(LIMIT_S * 1000)
    return context.new_page()


def follow(what: Locator) -> None:
    """Clicks what leads to another page, and waits until that is there with its scripts: a click waits for neither."""
    with what.page.expect_navigation():
        what.click()


def answer_of(ours: Console, group: str = "demo-ordered") -> httpx.Response:
    """The answer to a request through the gateway, or its error."""
    body = {"model": group, "messages": [{"role": "user", "content": "What did it cost?"}]}
    headers = {"Authorization": f"Bearer {MASTER_KEY}"}
    return httpx.post(f"{ours.url}/v1/chat/completions", json=body, headers=headers, timeout=LIMIT_S)


def ask(ours: Console, group: str = "demo-ordered") -> str:
    """A request through the gateway: its call id, once the log has it and with it what was finished earlier."""
    call_id = answer_of(ours, group).raise_for_status().headers["x-litellm-call-id"]
    assert eventually(lambda: ours.call("GET", f"/api/v1/llm/requests?call={call_id}")["requests"], LIMIT_S), call_id
    return call_id
