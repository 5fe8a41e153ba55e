"""Pictures of the cockpit while all is well and while providers fail, in every theme and width:
`python -m tests.e2e.cockpit_screenshots [folder]`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.e2e.screenshots import PROVIDERS, Camera, person
from tests.e2e.stage import LAUNCH, LIMIT_S, answer_of, chromium, demo_console, follow, set_demo
from tests.servers import ROOT, Console, eventually

ORDERED, WEIGHTED = "demo-ordered", "demo-weighted"
SOME, MANY = 12, 40
# Rehearsals by the picture that they are of: group, scenario, and the second that is looked at.
RUNS = {
    "cockpit-ordered-outage": (ORDERED, "primary-outage", 24),
    "cockpit-weighted": (WEIGHTED, "primary-outage", 24),
    "cockpit-exhausted": (ORDERED, "everything-down", 24),
}
SEEK = "(slider, at_ms) => { slider.value = at_ms; slider.dispatchEvent(new Event('input')); }"
# The picture of a moment comes over a socket, and moves there.
DRAWN_MS = 2000


def well(page: Page, server: Console, camera: Camera) -> None:
    """Some traffic, and nothing fails."""
    _asked(server, SOME)
    page.goto("/")
    camera.take(page, "overview")
    page.goto(_group(server, ORDERED))
    camera.take(page, "group-home")
    page.goto("/start")
    camera.take(page, "guided-start")
    page.keyboard.press("Control+k")
    camera.take(page, "palette")


def failing(page: Page, server: Console, camera: Camera) -> None:
    """The primary is down and its standby answers; then all are down."""
    set_demo(server, "nebius", failure_rate=1.0, failure_status=503)
    fell_back = _asked(server, MANY)
    page.goto(_group(server, ORDERED))
    camera.take(page, "group-home-fallback")
    page.goto(f"/requests/{fell_back[0]}")
    camera.take(page, "request-detail")
    for slug in PROVIDERS:
        set_demo(server, slug, failure_rate=1.0, failure_status=503)
    failed = _asked(server, MANY)
    assert eventually(lambda: bool(server.call("GET", "/api/v1/llm/alerts?kind=group_failing")["alerts"]), LIMIT_S)
    for name, address in {
        "overview-outage": "/",
        "group-home-outage": _group(server, ORDERED),
        "request-detail-failed": f"/requests/{failed[-1]}",
        "requests-outage": "/requests",
        "alerts-outage": "/alerts",
        "providers-outage": "/providers",
        "usage-outage": "/usage",
    }.items():
        page.goto(address)
        camera.take(page, name)


def rehearsed(page: Page, server: Console, camera: Camera) -> None:
    """The Live Tester before its button is pressed, runs at one of their moments, two groups, a year of outages."""
    page.goto(f"{_group(server, ORDERED)}/live")
    camera.take(page, "cockpit-before")
    for name, (group, scenario, second) in RUNS.items():
        run = server.call("POST", f"/v1/routing_group/{_id(server, group)}/simulate", {"scenario": scenario, "seed": 7})
        page.goto(f"/runs/{run['run_id']}")
        page.locator("[data-control=scrub]").evaluate(SEEK, second * 1000)
        page.wait_for_timeout(DRAWN_MS)
        camera.take(page, name)
    page.goto(f"{_group(server, ORDERED)}/compare")
    camera.take(page, "compare-before")
    page.goto(f"{_group(server, ORDERED)}/time-machine")
    follow(page.get_by_role("button", name="Send the year through"))
    expect(page.get_by_role("heading", name="with this group")).to_be_visible(timeout=LIMIT_S * 1000)
    camera.take(page, "time-machine")


def _asked(server: Console, count: int) -> list[str]:
    """The call ids of so many requests, once they are in the log."""
    found = [answer_of(server, ORDERED).headers["x-litellm-call-id"] for _ in range(count)]
    assert eventually(lambda: set(found) <= set(_logged(server)), LIMIT_S)
    return found


def _logged(server: Console) -> Iterator[str]:
    rows = server.call("GET", f"/api/v1/llm/requests?group={ORDERED}&size=200")["requests"]
    return (row["call_id"] for row in rows)


def _group(server: Console, name: str) -> str:
    return f"/groups/{_id(server, name)}"


def _id(server: Console, name: str) -> str:
    groups = server.call("GET", "/v1/routing_group")["routing_groups"]
    return next(group["routing_group_id"] for group in groups if group["routing_group_name"] == name)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    camera = Camera(folder)
    with tempfile.TemporaryDirectory() as data, demo_console(Path(data)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), **LAUNCH)
        with person(browser, server, "admin") as page:
            for scene in (well, failing, rehearsed):
                scene(page, server, camera)
        browser.close()


if __name__ == "__main__":
    main()
