"""The Live Tester in a real browser: a run that is started by a click moves, and its numbers are those of the API."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.looks import USUAL, WIDTHS, faults
from tests.e2e.stage import FAR_AWAY, LIMIT_S, follow, new_page
from tests.servers import Console

# Animations that start inside the picture; the spinner beside the state of a run that waits is no part of it.
COUNT_STARTS = """window.starts = [];
document.addEventListener('animationstart', e => {
  const name = `${e.animationName} of ${e.target.tagName}.${e.target.getAttribute('class')}`;
  if (e.target.closest('svg.picture')) window.starts.push(name);
});"""


def open_tester(page: Page, group: str = "demo-ordered") -> None:
    page.goto("/groups")
    follow(page.get_by_role("link", name=group, exact=True))
    follow(page.get_by_role("link", name="Live Tester"))
    expect(page.get_by_role("heading", level=1, name="Live Tester")).to_be_visible()


def start(page: Page, *, requests: int = 200, scenario: str = "flapping-primary", seed: int = 7) -> str:
    """Runs a simulation by click; gives the id of the run."""
    page.get_by_label("Scenario").select_option(scenario)
    expect(page.locator(".htmx-request")).to_have_count(0)  # controls that nobody touched follow the scenario
    page.get_by_label("Number of requests").fill(str(requests))
    page.get_by_label("Seed", exact=True).fill(str(seed))
    page.get_by_role("button", name="Run Simulation").click()
    page.wait_for_url("**/runs/*")
    return page.url.split("/runs/")[1].split("?")[0]


def requests_shown(page: Page) -> int:
    return int(page.locator(".stats dd").first.inner_text().replace(",", ""))


def figures(page: Page) -> list[str]:
    """Those of the moment; the ranges beside them come later, seed by seed."""
    return page.locator(".stats dd:not(.whole)").all_inner_texts()


def moment_ms(page: Page) -> int:
    return int(page.get_by_label("Moment of the run").input_value())


def expect_end(page: Page) -> None:
    page.get_by_role("radio", name="All").check()
    expect(page.get_by_role("button", name="Play")).to_be_visible(timeout=LIMIT_S * 1000)
    expect(page.locator("[data-show=status]")).to_have_text("done")


def test_a_run_moves_and_ends_with_the_numbers_of_the_api(admin: Page, server: Console) -> None:
    open_tester(admin)
    run_id = start(admin)
    expect(admin.locator(".stats dd").first).not_to_have_text("0")
    admin.evaluate(COUNT_STARTS)
    widths = [admin.locator("#s0").get_attribute("stroke-width")]
    first = requests_shown(admin)
    expect(admin.locator(".stats dd").first).not_to_have_text(str(first))
    expect_end(admin)
    widths.append(admin.locator("#s0").get_attribute("stroke-width"))
    result = server.call("GET", f"/v1/runs/{run_id}")["result"]
    assert result["total_requests"] == 200
    expect(admin.locator(".stats dd").first).to_have_text("200")
    expect(admin.locator(".runs .is-shown")).to_contain_text("success")
    expect(admin.locator(".runs .is-shown .pill")).to_have_text("Ended")
    expect(admin.locator("#fb")).to_have_text(str(result["fallback_count"]))
    assert len(set(widths)) == 2
    assert admin.evaluate("window.starts") == []


def test_streams_are_as_wide_as_shares_and_skips_flow_past_the_cooling_tier(admin: Page, server: Console) -> None:
    open_tester(admin)
    admin.get_by_role("button", name="Run Simulation").click()  # as a newcomer does, who changes nothing
    admin.wait_for_url("**/runs/*")
    run_id = admin.url.split("/runs/")[1].split("?")[0]
    expect_end(admin)
    expect(admin.locator(".stats dd").first).to_have_text("450")
    result = server.call("GET", f"/v1/runs/{run_id}")["result"]
    rows = {row["provider"]: row for row in result["traffic_distribution"]}
    for n, provider in enumerate(("Nebius", "Fireworks")):
        width = float(admin.locator(f"#s{n}").get_attribute("stroke-width") or 0)
        assert width == pytest.approx(44 * rows[provider]["success_count"] / 450, abs=0.26), provider
    second = rows["Fireworks"]["deployment_id"]
    skips = [f for f in result["flow_data"] if f["from_deployment"] is None and f["to_deployment"] == second]
    count = sum(flow["request_count"] for flow in skips)
    assert count > 0
    expect(admin.locator("#sk0")).to_have_text(f"{count:,} skipped while cooling")
    expect(admin.locator("#verdict")).to_contain_text("Nebius was down for")
    expect(admin.locator(".lane").first.locator(".cooldown").first).to_be_visible()


def test_a_run_is_seen_whole_on_one_screen(admin: Page) -> None:
    admin.set_viewport_size({"width": 1440, "height": 900})
    open_tester(admin)
    start(admin, requests=60, scenario="primary-outage")
    expect_end(admin)
    for part in (
        admin.get_by_role("button", name="Run Simulation"),
        admin.locator(".stats"),
        admin.locator(".stage"),
        admin.locator("#verdict"),
        admin.locator(".lane").last,
    ):
        expect(part).to_be_in_viewport(ratio=1)


def test_one_seed_shows_the_same_numbers_again(admin: Page) -> None:
    seen = []
    for _ in range(2):
        open_tester(admin)
        start(admin, requests=80, scenario="rate-limited-primary", seed=11)
        expect_end(admin)
        expect(admin.locator(".stats dd").first).to_have_text("80")
        seen.append(figures(admin))
    assert seen[0] == seen[1]


def test_scrubbing_shows_an_earlier_moment(admin: Page) -> None:
    open_tester(admin)
    start(admin, requests=120)
    expect_end(admin)
    scrub = admin.get_by_label("Moment of the run")
    scrub.evaluate("s => { s.value = s.max / 3; s.dispatchEvent(new Event('input')); }")
    expect(admin.locator(".stats dd").first).not_to_have_text("120")
    assert 0 < requests_shown(admin) < 120
    admin.get_by_role("button", name="Play").click()
    expect(admin.locator(".stats dd").first).to_have_text("120", timeout=LIMIT_S * 1000)


def test_arrow_keys_go_from_picture_to_picture_faster_than_the_server_answers(admin: Page) -> None:
    admin.add_init_script(FAR_AWAY)
    open_tester(admin)
    start(admin, requests=120)
    expect_end(admin)
    scrub = admin.get_by_label("Moment of the run")
    end = moment_ms(admin)
    scrub.focus()
    for presses in range(1, 9):
        admin.keyboard.press("ArrowLeft")
        assert end - presses * 1000 - 250 <= moment_ms(admin) <= end - presses * 1000
        admin.wait_for_timeout(100)  # the answer to the first comes between the third and the fourth
    expect(admin.locator(".stats dd").first).not_to_have_text("120")
    admin.wait_for_timeout(600)
    assert end - 8 * 1000 - 250 <= moment_ms(admin) <= end - 8 * 1000, "the picture at that moment is a little older"
    assert 0 < requests_shown(admin) < 120
    for _ in range(9):  # one more: the end need not be a whole step away
        admin.keyboard.press("ArrowRight")
    expect(admin.locator(".stats dd").first).to_have_text("120")
    assert moment_ms(admin) == end


def test_two_browsers_see_the_same_run(admin: Page, browser: Browser, base_url: str, signed_in: Any) -> None:
    open_tester(admin)
    start(admin, requests=100)
    other = new_page(browser, base_url, storage_state=signed_in)
    other.goto(admin.url)
    for page in (admin, other):
        expect_end(page)
        expect(page.locator(".stats dd").first).to_have_text("100")
    assert figures(admin) == figures(other)
    other.context.close()


def test_the_keyboard_alone_starts_and_plays_a_run(admin: Page) -> None:
    open_tester(admin)
    admin.get_by_label("Number of requests").focus()
    admin.keyboard.press("Control+A")
    admin.keyboard.type("60")
    admin.keyboard.press("Enter")
    admin.wait_for_url("**/runs/*")
    play = admin.locator("[data-control=play]")
    play.focus()
    admin.keyboard.press("Space")
    expect(play).to_have_text("Play")
    for _ in range(40):
        admin.keyboard.press("Tab")
        if admin.evaluate("document.activeElement.matches('[data-control=scrub]')"):
            break
    expect(admin.get_by_label("Moment of the run")).to_be_focused()


def test_without_javascript_a_run_shows_its_last_picture(plain_admin: Page) -> None:
    page = plain_admin
    open_tester(page)
    run_id = start(page, requests=30)
    page.goto(f"/runs/{run_id}")
    expect(page.locator(".stats dd").first).to_have_text("30", timeout=LIMIT_S * 1000)


def test_those_who_want_less_motion_get_none(browser: Browser, base_url: str, signed_in: Any) -> None:
    page = new_page(browser, base_url, storage_state=signed_in, reduced_motion="reduce")
    open_tester(page)
    assert page.locator(".core").first.evaluate("e => getComputedStyle(e).animationName") == "none"
    page.context.close()


@pytest.mark.parametrize("group", ["demo-ordered", "demo-weighted"])
def test_axe_finds_nothing_and_nothing_overflows(admin: Page, group: str) -> None:
    open_tester(admin, group)
    start(admin, requests=40, scenario="primary-outage")
    expect_end(admin)
    assert faults(admin, themes=("dark", "light"), widths=(USUAL,), fits=WIDTHS) == []


def test_the_switch_previews_the_other_picture(admin: Page) -> None:
    open_tester(admin)
    admin.get_by_role("link", name="Switch to Weighted").click()
    expect(admin.locator(".stage")).to_have_class(re.compile("is-weighted"))
    expect(admin.get_by_role("link", name="Switch to Ordered")).to_be_visible()
