"""The command palette in a real browser: by keyboard alone, and without JavaScript."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.e2e.looks import PHONE, THEMES, violations
from tests.e2e.stage import ask, follow
from tests.servers import Console


def opened(page: Page) -> Locator:
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Search pages, groups, models, requests and actions")
    expect(field).to_be_focused()
    return field


def the_chosen(page: Page) -> Locator:
    return page.get_by_role("dialog").get_by_role("option", selected=True)


def test_a_group_is_rehearsed_by_keyboard_alone(admin: Page) -> None:
    admin.goto("/")
    field = opened(admin)
    expect(the_chosen(admin)).to_have_text(re.compile("New group"))
    admin.keyboard.type("rehearse demo-w")
    expect(the_chosen(admin)).to_have_text(re.compile("Rehearse demo-weighted"))
    expect(field).to_have_attribute("aria-activedescendant", str(the_chosen(admin).get_attribute("id")))
    with admin.expect_navigation():
        admin.keyboard.press("Enter")
    expect(admin).to_have_url(re.compile(r"/groups/[0-9a-f-]+/live$"))


def test_arrows_choose_enter_that_came_early_waits_and_escape_goes_back(admin: Page) -> None:
    admin.goto("/groups")
    button = admin.get_by_role("button", name="Search or jump to")
    button.click()
    first = the_chosen(admin).get_attribute("id")
    admin.keyboard.press("ArrowDown")
    expect(the_chosen(admin)).not_to_have_attribute("id", str(first))
    admin.keyboard.press("ArrowUp")
    expect(the_chosen(admin)).to_have_attribute("id", str(first))
    admin.keyboard.press("Escape")
    expect(admin.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()
    admin.keyboard.press("/")
    admin.keyboard.type("cooldowns")
    with admin.expect_navigation():
        admin.keyboard.press("Enter")
    expect(admin).to_have_url(re.compile("/providers/cooldowns$"))


def test_a_call_id_opens_its_request_and_nothing_found_is_said(admin: Page, server: Console) -> None:
    call_id = ask(server)
    admin.goto("/groups")
    field = opened(admin)
    field.fill("zebra")
    expect(admin.get_by_role("status").filter(has_text="There is no match for “zebra”")).to_be_visible()
    assert violations(admin) == []
    field.fill("")
    expect(the_chosen(admin)).to_have_text(re.compile("New group"))
    field.fill(call_id)
    expect(the_chosen(admin)).to_contain_text(call_id)
    with admin.expect_navigation():
        admin.keyboard.press("Enter")
    expect(admin).to_have_url(re.compile(f"/requests/{call_id}$"))


def test_axe_finds_nothing_in_the_palette_in_any_theme_and_it_fits_a_phone(admin: Page) -> None:
    admin.set_viewport_size({"width": PHONE, "height": 844})
    admin.goto("/groups")
    admin.get_by_role("button", name="Search or jump to").click()
    admin.keyboard.type("demo")
    expect(the_chosen(admin)).to_contain_text("demo-ordered")
    assert violations(admin, themes=THEMES) == []
    box = admin.get_by_role("dialog").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE


def test_without_javascript_the_button_leads_to_a_page_that_does_the_same(plain_admin: Page) -> None:
    plain_admin.goto("/groups")
    follow(plain_admin.get_by_role("button", name="Search or jump to"))
    expect(plain_admin).to_have_url(re.compile(r"/search\??$"))
    plain_admin.get_by_label("What to search for").fill("rehearse demo-o")
    follow(plain_admin.get_by_role("button", name="Search", exact=True))
    follow(plain_admin.get_by_role("link", name="Rehearse demo-ordered").first)
    expect(plain_admin).to_have_url(re.compile("/live$"))
