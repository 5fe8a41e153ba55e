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
from playwright.sync_api import Page

from tests.forks import run_python
from tests.servers import MASTER_KEY, Console, console, free_port

LAUNCH: dict[str, Any] = {"args": ["--no-sandbox", "--disable-quic", "--disable-background-networking"]}
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
# A server that is 300 ms away: its words arrive late, in order.
FAR_AWAY = """const listen = WebSocket.prototype.addEventListener;
WebSocket.prototype.addEventListener = function (kind, heed) {
  listen.call(this, kind, kind === 'message' ? (event) => setTimeout(() => heed(event), 300) : heed);
};"""


def chromium() -> str | None:
    """The system's Chromium, else whatever Playwright brings."""
    return (
        os.environ.get("CHROMIUM")
        or shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )


@contextmanager
def demo_console(folder: Path) -> Iterator[Console]:
    """The console with its demo loaded, on SQLite: what a newcomer has a minute after `make run`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABASE_URL", raising=False)
        port = free_port()
        with console(folder, port=port, ROUTING_CONSOLE_DEMO="1") as ours:
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


def set_demo(ours: Console, slug: str, **settings: object) -> None:
    """Makes a demo provider slow or failing."""
    ours.call("PUT", f"/demo/upstream/{slug}/settings", settings)


def ask(ours: Console, group: str = "demo-ordered", patience: int = 500) -> str:
    """A request through the gateway: its call id, once the log has it and with it what was finished earlier."""
    body = {"model": group, "messages": [{"role": "user", "content": "What did it cost?"}]}
    headers = {"Authorization": f"Bearer {MASTER_KEY}"}
    answer = httpx.post(f"{ours.url}/v1/chat/completions", json=body, headers=headers, timeout=30).raise_for_status()
    call_id = answer.headers["x-litellm-call-id"]
    for _ in range(patience):
        if ours.call("GET", f"/api/v1/llm/requests?call={call_id}")["requests"]:
            return call_id
    raise AssertionError(f"The request {call_id} never came into the log.")


def violations(page: Page, *, within: str = "html") -> list[str]:
    """What axe has against the page, or a part of it; it looks at all of its rules, and details only violations."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    found = page.evaluate("part => axe.run(part, {resultTypes: ['violations']})", within)["violations"]
    return [f"{v['id']}: {n['target']} {n['failureSummary']}" for v in found for n in v["nodes"]]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the screen."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
