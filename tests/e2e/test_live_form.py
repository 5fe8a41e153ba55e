"""The Live Tester's controls in a real browser: two kinds of traffic, one request, the question before real ones."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.looks import DESK, USUAL, WIDTHS, faults
from tests.e2e.stage import follow
from tests.e2e.test_live_tester import expect_end, open_tester, start
from tests.servers import Console


def choose(page: Page, name: str) -> None:
    """A radio button lies invisible over its label."""
    page.get_by_role("radio", name=name, exact=True).check()


def test_only_the_field_of_the_chosen_traffic_is_shown_and_counts(admin: Page, server: Console) -> None:
    open_tester(admin)
    choose(admin, "Concurrency")
    expect(admin.get_by_label("Requests per second", exact=True)).to_be_hidden()
    choose(admin, "Arrival rate")
    expect(admin.get_by_label("Requests at a time", exact=True)).to_be_hidden()
    admin.get_by_label("Requests per second", exact=True).fill("40")
    run_id = start(admin, requests=80, scenario="healthy")
    expect_end(admin)
    run = server.call("GET", f"/v1/runs/{run_id}")
    assert run["config"]["workload"]["rate_per_s"] == 40
    expect(admin.get_by_role("radio", name="Arrival rate")).to_be_checked()
    expect(admin.get_by_label("Requests per second", exact=True)).to_have_value("40")


def test_the_controls_follow_the_chosen_scenario_and_keep_what_was_typed(admin: Page) -> None:
    open_tester(admin)
    admin.get_by_label("Scenario").select_option("broken-streams")
    expect(admin.locator("#scenario-does")).to_contain_text("One stream in ten")
    expect(admin.get_by_label("Number of requests")).to_have_value("450")
    expect(admin.get_by_role("radio", name="Streamed")).to_be_checked()
    expect(admin.get_by_label("Requests per second", exact=True)).to_have_value("5")
    admin.get_by_label("Number of requests").fill("77")
    admin.get_by_label("Scenario").select_option("small-context")
    expect(admin.get_by_label("Tokens of a prompt")).to_have_value("1500")
    expect(admin.get_by_role("radio", name="Whole")).to_be_checked()
    expect(admin.get_by_label("Number of requests")).to_have_value("77")


def test_a_fault_that_had_no_effect_is_said_when_the_run_is_over(admin: Page) -> None:
    open_tester(admin)
    start(admin, requests=10, scenario="primary-outage")
    expect_end(admin)
    expect(admin.locator(".no-effect")).to_contain_text("never struck: the run ended at")


def test_the_primary_controls_and_the_diagram_are_seen_without_scrolling(admin: Page) -> None:
    admin.set_viewport_size({"width": 1440, "height": 900})
    open_tester(admin)
    for control in (
        admin.get_by_role("button", name="Run Simulation"),
        admin.get_by_role("button", name="Send test"),
        admin.get_by_label("Scenario"),
        admin.locator("svg.picture.wide [data-card]").last,
    ):
        expect(control).to_be_in_viewport(ratio=1)


def test_the_diagram_with_its_controls_fills_the_screen_and_leaves_it(admin: Page) -> None:
    open_tester(admin)
    admin.get_by_role("button", name="Full screen").click()
    leave = admin.get_by_role("button", name="Leave full screen")
    expect(leave).to_be_visible()
    assert admin.evaluate("document.fullscreenElement.className") == "live"
    expect(admin.get_by_role("button", name="Run Simulation")).to_be_in_viewport()
    leave.click()
    expect(admin.get_by_role("button", name="Full screen", exact=True)).to_be_visible()
    assert admin.evaluate("document.fullscreenElement") is None


def test_without_javascript_nothing_is_shown_that_needs_it(plain_admin: Page) -> None:
    plain_admin.goto("/groups")
    follow(plain_admin.get_by_role("link", name="demo-ordered", exact=True))
    for name in ("Pause", "Full screen"):
        expect(plain_admin.get_by_role("button", name=name)).to_be_hidden()
    expect(plain_admin.locator("[data-show=live]")).to_be_hidden()
    follow(plain_admin.get_by_role("link", name="Live Tester").first)
    expect(plain_admin.get_by_role("button", name="Run Simulation")).to_be_visible()
    expect(plain_admin.get_by_role("button", name="Full screen")).to_be_hidden()


def test_send_test_lights_the_way_of_one_request(admin: Page) -> None:
    open_tester(admin)
    admin.get_by_label("Number of requests").fill("77")
    admin.get_by_label("Nebius errors").fill("100")
    admin.get_by_role("button", name="Send test").click()
    admin.wait_for_url("**/runs/*")
    expect_end(admin)
    expect(admin.locator(".stats dd").first).to_have_text("1")
    expect(admin.locator("#scene")).to_have_class(re.compile("is-single"))
    lit = admin.locator("svg.picture.wide .node.is-lit .name")
    expect(lit).to_have_text(["Nebius", "Fireworks"])
    expect(admin.get_by_label("Number of requests")).to_have_value("77")


@pytest.mark.parametrize("person", ["admin", "plain_admin"])
def test_real_requests_are_asked_about_first(request: pytest.FixtureRequest, server: Console, person: str) -> None:
    page: Page = request.getfixturevalue(person)
    open_tester(page)
    page.get_by_label("Number of requests").fill("3")
    choose(page, "Real")
    follow(page.get_by_role("button", name="Run Simulation"))
    expect(page.get_by_role("heading", name="Send 3 real requests?")).to_be_visible()
    follow(page.get_by_role("button", name="Back"))
    expect(page.get_by_label("Number of requests")).to_have_value("3")
    expect(page.get_by_role("radio", name="Real")).to_be_checked()
    follow(page.get_by_role("button", name="Run Simulation"))
    page.get_by_role("button", name="Send 3 real requests").click()
    page.wait_for_url("**/runs/*")
    run_id = page.url.split("/runs/")[1].split("?")[0]
    run = server.call("GET", f"/v1/runs/{run_id}")
    assert (run["is_real"], run["config"]["num_requests"]) == (True, 3)


def test_a_run_is_deleted_from_the_list_after_a_question(admin: Page) -> None:
    open_tester(admin)
    start(admin, requests=5, scenario="small-context", seed=99)
    expect_end(admin)
    open_tester(admin)
    admin.goto(admin.url.replace("/live", "/runs"))
    expect(admin.get_by_role("link", name="Small context", exact=True)).to_be_visible()
    admin.get_by_role("link", name=re.compile("Delete the run Small context")).first.click()
    admin.get_by_role("button", name="Delete the run").click()
    expect(admin.get_by_text("The rehearsal was deleted.")).to_be_visible()


def test_axe_finds_nothing_and_nothing_overflows(admin: Page) -> None:
    open_tester(admin)
    address = admin.url
    _expect_sound(admin, at=USUAL)
    admin.get_by_label("Number of requests").fill("0")
    follow(admin.get_by_role("button", name="Run Simulation"))
    expect(admin.locator(".error").first).to_be_visible()
    _expect_sound(admin)
    admin.get_by_label("Number of requests").fill("10")
    choose(admin, "Real")
    follow(admin.get_by_role("button", name="Run Simulation"))
    expect(admin.get_by_role("heading", name="Send 10 real requests?")).to_be_visible()
    _expect_sound(admin)
    admin.goto(address.replace("/live", "/runs"))
    _expect_sound(admin)


def _expect_sound(page: Page, *, at: int = DESK) -> None:
    assert faults(page, themes=("dark", "light"), widths=(at,), fits=WIDTHS) == []
