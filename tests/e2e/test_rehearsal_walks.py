"""Rehearsals in a real browser: the ranges of a run, a year of real outages, and the folded controls."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.e2e.looks import PHONE, WIDTHS, faults
from tests.e2e.stage import LIMIT_S, follow

LIMIT_MS = LIMIT_S * 1000
MORE = "More: seeds, callers, names, keys, capacity, speeds"


def open_group(page: Page, link: str) -> None:
    """A page of the demo's ordered group."""
    page.goto("/groups")
    follow(page.get_by_role("link", name="demo-ordered", exact=True))
    follow(page.get_by_role("link", name=link, exact=True))


def test_a_run_of_several_seeds_has_ranges(admin: Page) -> None:
    open_group(admin, "Live Tester")
    admin.get_by_label("Number of requests").fill("40")
    admin.get_by_text(MORE).click()
    admin.get_by_label("Seeds", exact=True).fill("3")
    admin.get_by_role("button", name="Run Simulation").click()
    admin.wait_for_url("**/runs/*")
    numbers = admin.locator("#numbers")
    expect(numbers.get_by_role("status")).to_have_text("The same rehearsal under 3 seeds.", timeout=LIMIT_MS)
    expect(numbers.get_by_role("columnheader", name="Range")).to_be_visible()


def test_a_year_of_real_outages_is_asked_for_by_keyboard_left_and_come_back_to(admin: Page) -> None:
    admin.set_viewport_size({"width": PHONE, "height": 900})
    open_group(admin, "Time machine")
    admin.get_by_label("Year", exact=True).select_option("2023")
    admin.get_by_label("How sure").select_option("1")
    admin.locator("[name=service_0]").select_option("anthropic-api")  # of which little is known in that year
    admin.get_by_role("button", name="Send the year through").focus()
    admin.keyboard.press("Enter")
    admin.wait_for_url("**/time-machine/*")
    address = admin.url
    admin.goto("/groups")
    admin.goto(address)
    expect(admin.get_by_role("heading", name="with this group")).to_be_visible(timeout=2 * LIMIT_MS)
    assert faults(admin, widths=(PHONE,), fits=WIDTHS) == []


def test_the_folded_controls_fit_a_phone_and_say_what_is_wrong_at_their_field(admin: Page) -> None:
    admin.set_viewport_size({"width": PHONE, "height": 900})
    open_group(admin, "Live Tester")
    admin.get_by_text(MORE).click()
    admin.get_by_label("More wait there, at most").fill("3")
    admin.get_by_label("Callers leave after, s").fill("2.5")
    admin.get_by_role("button", name="Run Simulation").click()
    expect(admin.locator("#id_slots_error")).to_have_text("Say how many are served before others wait.")
    expect(admin.get_by_label("Callers leave after, s")).to_have_value("2.5")
    assert faults(admin, themes=("light",), widths=(PHONE,)) == []
