"""Runs that are changed while they are watched, in a real browser; and a server that goes away meanwhile."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import sign_in
from tests.e2e.stage import LIMIT_S, demo_console, follow, new_page
from tests.e2e.test_live_tester import COUNT_STARTS, open_tester, start
from tests.servers import Console, running

LONG = 600
# Every element of the diagram and the numbers of the moment above it, by its id. The end of a fault (a0, a1, ...) is no
# part of the past: it is what a change changes.
PICTURE = """() => Object.fromEntries([...document.querySelectorAll('svg.picture [id], .stats [id]:not(.whole)')]
  .filter((e) => !/^a\\d+$/.test(e.id))
  .map((e) => [e.id, [e.children.length ? '' : e.textContent,
    ...[...e.attributes].map((a) => `${a.name}=${a.value}`).sort()].join(' ')]))"""
AT_MOST_MS = LIMIT_S * 1000


def run_of(page: Page) -> str:
    return re.split(r"[?#]", page.url.split("/runs/")[1])[0]


def moment_ms(page: Page) -> float:
    return float(page.get_by_label("Moment of the run").input_value())


def seek(page: Page, at_ms: float) -> None:
    """Shows a moment, paused."""
    slider = page.get_by_label("Moment of the run")
    slider.evaluate(f"s => {{ s.value = {at_ms}; s.dispatchEvent(new Event('input')); }}")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    page.wait_for_timeout(300)


def picture_at(page: Page, at_ms: float) -> Any:
    """Seeks another moment, and gives its picture once it stands still."""
    before = page.evaluate(PICTURE)
    seek(page, at_ms)
    deadline = time.monotonic() + LIMIT_S
    while (shown := page.evaluate(PICTURE)) == before or not _stands_still(page, shown):
        assert time.monotonic() < deadline
    return shown


def _stands_still(page: Page, shown: Any) -> bool:
    page.wait_for_timeout(300)
    return bool(page.evaluate(PICTURE) == shown)


def until_moment(page: Page, at_ms: float) -> None:
    """Waits until the playback has come so far."""
    expect(page.locator("[data-show=moment]")).to_have_text(re.compile(r"^\d"))
    deadline = time.monotonic() + LIMIT_S
    while moment_ms(page) < at_ms:
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)


def move(page: Page, deployment: str, percent: int) -> None:
    """Moves a failure slider, and releases it."""
    slider = page.get_by_label(f"{deployment} errors")
    slider.evaluate(
        f"s => {{ s.value = {percent}; s.dispatchEvent(new Event('input', {{ bubbles: true }}));"
        f"s.dispatchEvent(new Event('change', {{ bubbles: true }})); }}"
    )


def expect_changed(page: Page, before: str) -> str:
    """The run that the page has gone over to."""
    page.wait_for_url(lambda url: "/runs/" in url and before not in url, timeout=AT_MOST_MS)
    expect(page.locator("[data-show=change]")).to_have_text(re.compile(r"^changed at \d+\.\d\ss$"))
    return run_of(page)


def fallbacks_shown(page: Page) -> int:
    return int(page.locator("#fb").inner_text().replace(",", ""))


def test_a_slider_moved_during_playback_changes_the_picture_from_then_on(admin: Page, server: Console) -> None:
    open_tester(admin)
    before = start(admin, requests=LONG, scenario="healthy", seed=7)
    until_moment(admin, 10_000)
    admin.get_by_role("radio", name="1×", exact=True).check()  # so that its end is far away on a slow machine too
    admin.evaluate(COUNT_STARTS)
    assert fallbacks_shown(admin) == 0
    move(admin, "Nebius", 100)
    after = expect_changed(admin, before)
    expect(admin.locator("#fb")).not_to_have_text("0", timeout=AT_MOST_MS)
    run = server.call("GET", f"/v1/runs/{after}")
    at_ms = run["config"]["changes"][-1]["at_ms"]
    assert (run["continues"], at_ms >= 10_000) == (before, True)
    assert admin.evaluate("window.starts") == []
    expect(admin.locator(f'.runs a[aria-current=page][href="/runs/{after}"]')).to_be_visible()
    admin.get_by_role("radio", name="All").check()
    expect(admin.get_by_role("button", name="Play", exact=True)).to_be_visible(timeout=AT_MOST_MS)
    expect(admin.locator("[data-show=status]")).to_have_text("done")
    run = server.call("GET", f"/v1/runs/{after}")
    assert run["result"]["total_requests"] == LONG
    assert run["result"]["fallback_count"] > 0
    expect(admin.locator(".stats dd").first).to_have_text(str(LONG))
    expect(admin.locator("#fb")).to_have_text(str(run["result"]["fallback_count"]))
    expect(admin.locator(f'.runs .is-shown:has([href="/runs/{after}"]) .pill')).to_have_text("Ended")
    again = simulated(server, run)
    assert again == {**run["result"], "run_id": again["run_id"]}


def simulated(server: Console, run: dict[str, Any]) -> Any:
    """The result of the same rehearsal, asked for over REST."""
    said = {name: run["config"][name] for name in ("workload", "scenario", "seed")}
    return server.call("POST", f"/v1/routing_group/{run['routing_group_id']}/simulate", said)


def test_before_the_change_everything_is_as_it_was(admin: Page) -> None:
    open_tester(admin)
    before = start(admin, requests=LONG, scenario="flapping-primary", seed=3)
    until_moment(admin, 15_000)
    past = picture_at(admin, 9_000)
    admin.get_by_role("button", name="Play", exact=True).click()
    until_moment(admin, 15_000)
    seek(admin, 16_000)
    admin.get_by_label("Scenario").select_option("everything-down")
    expect_changed(admin, before)
    expect(admin.locator("[data-show=moment]")).to_have_text("16.0 s")
    expect(admin.get_by_role("button", name="Play", exact=True)).to_be_visible()
    assert picture_at(admin, 9_000) == past
    expect(admin.locator(".live-head p").first).to_contain_text("Everything down, seed 3")


def test_a_change_that_is_refused_is_said_and_the_run_goes_on(admin: Page, server: Console) -> None:
    open_tester(admin)
    before = start(admin, requests=LONG, seed=5)
    until_moment(admin, 5_000)
    seek(admin, 4_000)
    admin.locator("#simulate [name=csrfmiddlewaretoken]").evaluate("i => { i.value = 'x'; }")
    move(admin, "Nebius", 50)
    expect(admin.locator("[data-show=change]")).to_contain_text("Not changed: ")
    assert run_of(admin) == before
    admin.get_by_role("button", name="Play", exact=True).click()
    until_moment(admin, 6_000)


def test_everybody_who_watches_an_open_run_goes_along(
    admin: Page, browser: Browser, base_url: str, signed_in: Any
) -> None:
    open_tester(admin)
    before = start(admin, requests=100_000, scenario="healthy", seed=11)
    admin.get_by_role("radio", name="1×", exact=True).check()
    other = new_page(browser, base_url, storage_state=signed_in)
    other.goto(admin.url)
    for page in (admin, other):
        until_moment(page, 1_000)
    move(admin, "Nebius", 80)
    after = expect_changed(admin, before)
    other.wait_for_url(f"**/runs/{after}", timeout=AT_MOST_MS)
    expect(other.locator("[data-show=change]")).to_contain_text("Somebody changed the run")
    expect(other.get_by_label("Nebius errors")).to_have_value("80")
    expect(other.locator("#fb")).not_to_have_text("0", timeout=AT_MOST_MS)
    expect(admin.locator("#fb")).not_to_have_text("0", timeout=AT_MOST_MS)
    follow(admin.get_by_role("button", name="Stop"))
    other.context.close()


def test_at_the_end_of_a_run_the_controls_are_for_the_next_one(admin: Page) -> None:
    open_tester(admin)
    before = start(admin, requests=30, scenario="healthy", seed=1)
    admin.get_by_role("radio", name="All").check()
    expect(admin.locator(".stats dd").first).to_have_text("30", timeout=AT_MOST_MS)
    expect(admin.get_by_role("button", name="Play", exact=True)).to_be_visible()
    move(admin, "Nebius", 40)
    admin.wait_for_timeout(800)
    assert run_of(admin) == before


def test_without_javascript_a_moment_is_typed(plain_admin: Page, server: Console) -> None:
    page = plain_admin
    open_tester(page)
    before = start(page, requests=100, scenario="healthy")
    page.goto(f"/runs/{before}")
    expect(page.locator(".stats dd").first).to_have_text("100", timeout=AT_MOST_MS)
    follow(page.get_by_role("button", name="Change from here"))
    expect(page.get_by_text("Give an earlier moment.")).to_be_visible()
    page.get_by_label("Moment of the change").fill("100")  # how long a run is depends on what other tests have measured
    page.get_by_label("Nebius errors").fill("100")
    follow(page.get_by_role("button", name="Change from here"))
    expect(page).not_to_have_url(re.compile(r"/change$"), timeout=AT_MOST_MS)
    after = run_of(page)
    assert after != before
    changes = server.call("GET", f"/v1/runs/{after}")["config"]["changes"]
    assert [(one["at_ms"], one["scenario"] is None) for one in changes] == [(0, False), (100, True)]
    page.goto(f"/runs/{after}")
    expect(page.get_by_label("Nebius errors")).to_have_value("100")


@pytest.fixture
def own_console(tmp_path: Path) -> Iterator[Console]:
    with demo_console(tmp_path) as ours:
        yield ours


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (signal.SIGTERM, "The server was stopped before the run had ended"),
        (signal.SIGKILL, "The server that ran it went away before it ended"),
    ],
)
def test_a_server_that_goes_away_in_the_middle_is_said_by_the_page_itself(
    browser: Browser, own_console: Console, tmp_path: Path, how: signal.Signals, reason: str
) -> None:
    page = new_page(browser, own_console.url)
    sign_in(page)
    open_tester(page)
    start(page, requests=100_000, scenario="flapping-primary", seed=7)
    until_moment(page, 5_000)
    own_console.process.send_signal(how)
    own_console.process.wait(LIMIT_S)
    status = page.locator("[data-show=status]")
    expect(status).to_have_text("reconnecting …", timeout=AT_MOST_MS)
    command, log = [str(part) for part in own_console.process.args], tmp_path / "again.log"  # type: ignore[union-attr]
    with running(command, url=own_console.url, ready="/readyz/console", log=log, env=own_console.env):
        expect(status).to_contain_text(f"failed: {reason}", timeout=AT_MOST_MS)
        shown = moment_ms(page)
        assert shown >= 5_000
        seek(page, 2_000)
        assert moment_ms(page) == 2_000
    page.context.close()
