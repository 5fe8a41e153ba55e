"""A total outage of the demo: on the overview, in the log, in usage, in the table of groups, in an alert."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import sign_in
from tests.e2e.looks import USUAL, WIDTHS, faults
from tests.e2e.stage import LIMIT_S, answer_of, demo_console, follow, new_page, set_demo
from tests.servers import Console, eventually

GROUP, CALLS = "demo-ordered", 40


@pytest.fixture(scope="module")
def outage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console of its own: all demo providers fail, a client asks 40 times, and the alert is there."""
    with demo_console(tmp_path_factory.mktemp("outage")) as ours:
        for provider in ours.call("GET", "/api/v1/llm/providers")["providers"]:
            slug = provider["api_base"].rstrip("/").removesuffix("/v1").rpartition("/")[2]
            set_demo(ours, slug, failure_rate=1.0, failure_status=503)
        assert {_asked(ours) for _ in range(CALLS)} <= {429, 502, 503}
        assert eventually(lambda: len(_log(ours)) == CALLS, LIMIT_S)
        assert eventually(lambda: f"{CALLS} of {CALLS} requests" in _alert(ours), LIMIT_S)
        yield ours


def _asked(ours: Console, group: str = GROUP) -> int:
    return answer_of(ours, group).status_code


def _log(ours: Console) -> list[dict]:
    return list(ours.call("GET", f"/api/v1/llm/requests?group={GROUP}&outcome=failed&size=200")["requests"])


def _alert(ours: Console) -> str:
    alerts = ours.call("GET", "/api/v1/llm/alerts?kind=group_failing")["alerts"]
    return alerts[0]["message"] if alerts and alerts[0]["subject"] == GROUP else ""


@pytest.fixture
def console_page(browser: Browser, outage: Console) -> Iterator[Page]:
    page = new_page(browser, outage.url)
    sign_in(page)
    yield page
    page.context.close()


def test_every_page_has_the_same_number(console_page: Page, outage: Console) -> None:
    page = console_page
    page.goto("/")
    banner = page.get_by_role("region", name=f"{GROUP} fails its callers")
    expect(banner).to_contain_text(f"failed {CALLS} of {CALLS} requests in the last 10 minutes (100 %)")
    expect(banner).to_contain_text("answered 503")
    expect(banner).to_contain_text("1 caller got an error")
    expect(page.locator("#to-failed")).to_have_text(f"{CALLS} of {CALLS} failed")
    expect(page.locator("#overview-figures")).to_contain_text("0 %")
    banner.get_by_role("link", name="Failed requests").click()
    expect(page.locator(".requests-table tbody tr").first).to_contain_text(GROUP)
    assert len(_log(outage)) == CALLS
    page.goto("/usage?period=24h")
    expect(page.locator("#usage")).to_contain_text(f"{CALLS} failed")
    usage = outage.call("GET", f"/api/v1/llm/usage?days=1&group={GROUP}")
    assert (usage["failures"], usage["successes"], usage["success_rate"]) == (CALLS, 0, 0.0)
    assert {line["success_rate"] for line in usage["by_provider"]} == {0.0}
    page.goto("/groups")
    expect(page.get_by_role("row", name=GROUP).first).to_contain_text(f"{CALLS} failed")
    page.goto("/alerts")
    expect(page.locator("#open-alerts")).to_contain_text(f"{GROUP} failed {CALLS} of {CALLS} requests")
    page.get_by_role("link", name=f"Show its requests of {GROUP}").click()
    expect(page.locator(".requests-table tbody tr")).to_have_count(CALLS)


def test_no_provider_that_failed_reads_fine(console_page: Page, outage: Console) -> None:
    for group in outage.call("GET", "/v1/routing_group")["routing_groups"]:  # fewer than five attempts say nothing
        _asked(outage, group["routing_group_name"])
    console_page.goto("/")
    expect(console_page.locator("#to-providers")).to_contain_text("3 failing", timeout=LIMIT_S * 1000)
    console_page.goto("/providers")
    expect(console_page.get_by_text("attempts failed in the last hour").first).to_be_visible()
    expect(console_page.get_by_text("100.0 % of").or_(console_page.get_by_text("100 % of")).first).to_be_visible()


def test_the_banner_is_accessible_and_fits_every_width(console_page: Page) -> None:
    console_page.goto("/")
    expect(console_page.locator(".outage")).to_be_visible()
    assert console_page.locator('[role="alert"]').count() == 1
    assert faults(console_page, widths=(USUAL,), fits=WIDTHS) == []


def test_the_incident_is_rewound_rehearsed_with_one_press_and_watched_again_without_its_failures(
    console_page: Page,
) -> None:
    page = console_page
    page.goto("/")
    banner = page.get_by_role("region", name=f"{GROUP} fails its callers")
    follow(banner.get_by_role("link", name="Rewind this incident"))
    expect(page.get_by_text(re.compile(r"\d+ requests from .* failed"))).to_be_visible()
    expect(page.get_by_label("Recorded", exact=True)).to_be_checked()
    expect(page.get_by_label("Requests at a time", exact=True)).to_be_hidden()
    listed = page.get_by_text("Server error 503 at").first
    expect(listed).to_be_visible()
    assert faults(page) == []

    follow(page.get_by_role("button", name="Run Simulation"))
    expect(page.get_by_text("Recorded failures").first).to_be_visible()
    expect(page.get_by_label("As before", exact=True)).to_be_checked()
    expect(listed).to_be_visible()
    page.get_by_label("Faults, one a line").fill("")
    follow(page.get_by_role("button", name="Run Simulation"))
    expect(page.locator(".live-head p").first).to_contain_text(re.compile("Custom|Healthy"))
    expect(listed).to_be_hidden()
    expect(page.get_by_label("As before", exact=True)).to_be_checked()


def test_the_page_of_a_group_has_the_number_of_the_log_and_follows_it(console_page: Page, outage: Console) -> None:
    page, name = console_page, "watched"  # a group of its own: all its requests are of the last minutes
    models = outage.call("GET", "/api/v1/llm/models")["models"]
    outage.add_group(name, [models[0]["id"]])
    assert {_asked(outage, name) for _ in range(3)} <= {429, 502, 503}
    assert eventually(lambda: _count(outage, name) == 3, LIMIT_S)
    page.goto("/groups")
    follow(page.get_by_role("link", name=name, exact=True).first)
    expect(page.locator("#home-failed")).to_have_text("3 of 3 failed")
    expect(page.locator("[data-part=going-on]")).to_contain_text("failed")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    assert faults(page, widths=(USUAL,), fits=WIDTHS) == []
    _asked(outage, name)
    expect(page.locator("#home-failed")).to_have_text("4 of 4 failed")
    page.get_by_role("button", name="Pause").click()
    _asked(outage, name)
    assert eventually(lambda: _count(outage, name) == 5, LIMIT_S)
    expect(page.locator("#home-failed")).to_have_text("4 of 4 failed")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#home-failed")).to_have_text("5 of 5 failed")
    follow(page.locator("#home-failed a"))
    expect(page.locator(".requests-table tbody tr")).to_have_count(5)


def _count(ours: Console, group: str) -> int:
    return len(ours.call("GET", f"/api/v1/llm/requests?group={group}&outcome=failed&size=200")["requests"])


def test_a_server_that_stops_is_said_on_each_page_that_follows_it_until_it_is_back(
    console_page: Page, outage: Console
) -> None:
    overview = console_page
    pages = [overview, *(overview.context.new_page() for _ in range(2))]
    for page, path in zip(pages, ("/", "/requests", "/alerts"), strict=True):
        page.goto(path)
        expect(page.locator(".live-pill")).to_have_text("Live")
    outage.process.send_signal(signal.SIGSTOP)
    try:
        for page in pages:
            page.bring_to_front()
            expect(page.locator(".live-pill")).to_have_text("No answer", timeout=LIMIT_S * 1000)
            expect(page.locator(".live-pill.good")).to_have_count(0)
    finally:
        outage.process.send_signal(signal.SIGCONT)
    newest = answer_of(outage, GROUP).headers["x-litellm-call-id"]
    for page in pages:
        page.bring_to_front()
        expect(page.locator(".live-pill.good")).to_have_text("Live", timeout=LIMIT_S * 1000)
    expect(pages[1].locator(f"#open-{newest}")).to_be_visible(timeout=LIMIT_S * 1000)
