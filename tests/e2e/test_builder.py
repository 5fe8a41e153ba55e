"""Building a routing group with mouse and keyboard, in a real browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Dialog, Page, expect

from groups.models import Strategy
from pages.groups.builder.form_fields import CARDS
from tests.e2e.building import (
    ABOVE,
    BELOW,
    ONTO,
    choose,
    expect_order,
    expect_shown,
    grip_of,
    open_new,
    order,
    place_in,
    rows,
    save,
)
from tests.e2e.looks import faults
from tests.e2e.stage import LIMIT_S, follow
from tests.servers import Console

GROUP_PAGE = re.compile(r"/groups/[0-9a-f-]{36}$")


def stored(server: Console, name: str) -> dict[str, Any]:
    found = server.call("GET", f"/v1/routing_group?q={name}")["routing_groups"]
    return next(group for group in found if group["routing_group_name"] == name)


def drag(page: Page, number: int, to: int, part: float) -> None:
    """Takes a row by its handle and lets it go over a point of another, once the page shows what that means."""
    x, y = grip_of(page, number)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 2, y + 8, steps=3)
    page.mouse.move(*place_in(page, to, part), steps=15)
    expect_shown(page, to, is_onto=part == ONTO)
    page.mouse.up()


@pytest.mark.parametrize("strategy", Strategy)
def test_a_group_of_each_strategy(admin: Page, server: Console, strategy: Strategy) -> None:
    open_new(admin, f"built-{strategy.value}", count=2)
    choose(admin, next(card.name for card in CARDS if card.strategy == strategy))
    save(admin)
    expect(admin).to_have_url(GROUP_PAGE)
    group = stored(server, f"built-{strategy.value}")
    assert group["routing_strategy"] == strategy.value
    assert [row["provider"] for row in group["deployments"]] == ["Azure", "Fireworks"]


def test_dragging_orders_and_dropping_onto_a_row_shares_its_priority(admin: Page, server: Console) -> None:
    open_new(admin, "dragged")
    before = [name.rpartition(" ")[0] for name in order(admin)]
    drag(admin, 2, 0, ABOVE)
    expect_order(admin, f"{before[2]} 1", f"{before[0]} 2", f"{before[1]} 3")
    drag(admin, 0, 2, BELOW)
    expect_order(admin, f"{before[0]} 1", f"{before[1]} 2", f"{before[2]} 3")
    drag(admin, 2, 1, ONTO)
    expect_order(admin, f"{before[0]} 1", f"{before[1]} 2", f"{before[2]} 2")
    save(admin)
    expect(admin).to_have_url(GROUP_PAGE)
    assert [row["priority"] for row in stored(server, "dragged")["deployments"]] == [1, 2, 2]


def test_the_keyboard_orders_and_the_focus_stays_with_the_row(admin: Page) -> None:
    open_new(admin, "by-keys")
    first, second, third = (name.rpartition(" ")[0] for name in order(admin))
    up = rows(admin).nth(2).get_by_role("button", name=" up")
    up.focus()
    admin.keyboard.press("Enter")
    expect_order(admin, f"{first} 1", f"{third} 2", f"{second} 3")
    expect(rows(admin).nth(1).get_by_role("button", name=" up")).to_be_focused()
    expect(admin.locator("#builder-said")).to_contain_text("is number 2 of 3 now, with priority 2.")
    admin.keyboard.press("Space")
    expect_order(admin, f"{third} 1", f"{first} 2", f"{second} 3")
    here = rows(admin).nth(0).get_by_role("button", name=" up")
    expect(here).to_be_focused()
    expect(here).to_have_attribute("aria-disabled", "true")
    tie = rows(admin).nth(1).get_by_role("button", name="same priority as the one above")
    tie.focus()
    admin.keyboard.press("Enter")
    expect_order(admin, f"{third} 1", f"{first} 1", f"{second} 2")
    expect(tie).to_be_focused()
    expect(tie).to_have_attribute("aria-pressed", "true")


def test_typed_priorities_move_rows(admin: Page) -> None:
    open_new(admin, "typed", count=2)
    first, second = (name.rpartition(" ")[0] for name in order(admin))
    rows(admin).nth(0).get_by_label("Priority of").fill("5")
    admin.keyboard.press("Tab")
    expect_order(admin, f"{second} 2", f"{first} 5")


def test_models_are_found_and_added_by_keyboard(admin: Page) -> None:
    admin.goto("/groups/new")
    search = admin.get_by_role("combobox", name="Add a deployment")
    search.focus()
    admin.keyboard.type("nebius llama")
    expect(admin.locator("[role=option]")).to_have_count(1)
    expect(search).to_have_attribute("aria-expanded", "true")
    admin.keyboard.press("ArrowDown")
    expect(admin.locator("[role=option]")).to_have_attribute("aria-selected", "true")
    admin.keyboard.press("Enter")
    expect(rows(admin)).to_have_count(1)
    expect(search).to_be_focused()
    expect(search).to_have_attribute("aria-expanded", "false")
    admin.keyboard.press("ArrowDown")
    expect(search).to_have_attribute("aria-expanded", "true")
    expect(admin.get_by_role("option", disabled=True)).to_have_count(1)
    admin.keyboard.press("Escape")
    expect(search).to_have_attribute("aria-expanded", "false")


def test_weights_are_percentages_that_add_up_and_survive_another_strategy(admin: Page, server: Console) -> None:
    open_new(admin, "weighed")
    choose(admin, "Weighted")
    shares = admin.locator(".builder-row .share")
    expect(shares).to_have_text(["34 %", "33 %", "33 %"])
    rows(admin).nth(0).get_by_role("spinbutton", name="Weight of").fill("83")
    rows(admin).nth(1).locator(".slider").fill("10")
    rows(admin).nth(2).get_by_role("spinbutton", name="Weight of").fill("7")
    expect(shares).to_have_text(["83 %", "10 %", "7 %"])
    expect(rows(admin).nth(1).get_by_role("spinbutton", name="Weight of")).to_have_value("10")
    expect(admin.get_by_text("The weights add up to 100: each is the percentage")).to_be_visible()
    rows(admin).nth(1).locator(".slider").fill("30")
    total = admin.locator(".weight-total")
    expect(total).to_contain_text("The weights add up to 120")
    total.get_by_role("button", name="Make it 100").click()
    expect(shares).to_have_text(["69 %", "25 %", "6 %"])
    weights = admin.get_by_role("spinbutton", name="Weight of")
    for number, typed in enumerate(("69", "25", "6")):
        expect(weights.nth(number)).to_have_value(typed)
        weights.nth(number).fill(("83", "10", "7")[number])
    choose(admin, "Least Busy")
    expect(shares.first).to_be_hidden()
    choose(admin, "Weighted")
    expect(shares).to_have_text(["83 %", "10 %", "7 %"])
    save(admin)
    expect(admin).to_have_url(GROUP_PAGE)
    assert [row["weight"] for row in stored(server, "weighed")["deployments"]] == [83, 10, 7]


def test_errors_stand_beside_their_fields_and_nothing_is_lost(admin: Page) -> None:
    open_new(admin, "demo-ordered", count=1)
    admin.get_by_label("Description").fill("What I typed")
    admin.get_by_text("Advanced settings").click()
    admin.get_by_label("Timeout of an attempt").fill("-3")
    save(admin)
    expect(admin.get_by_label("Timeout of an attempt")).to_be_focused()
    expect(admin.get_by_label("Timeout of an attempt")).to_have_value("-3")
    admin.get_by_label("Timeout of an attempt").fill("3")
    admin.keyboard.press("Enter")
    expect(admin.get_by_text("A routing group of this name exists; choose another name.")).to_be_visible()
    expect(admin.get_by_label("Description")).to_have_value("What I typed")
    expect(rows(admin)).to_have_count(1)
    admin.get_by_label("Name", exact=True).fill("named-anew")
    admin.keyboard.press("Enter")
    expect(admin).to_have_url(GROUP_PAGE)


def test_two_people_at_once(admin: Page, server: Console) -> None:
    model = server.call("GET", "/api/v1/llm/models")["models"][0]["id"]
    group_id = server.add_group("contested", [model])
    admin.goto(f"/groups/{group_id}/edit")
    server.call("PATCH", f"/v1/routing_group/{group_id}", {"description": "Theirs"})
    admin.get_by_label("Description").fill("Mine")
    save(admin)
    conflict = admin.get_by_role("alert")
    expect(conflict).to_contain_text("saved this group while you edited it")
    expect(conflict.get_by_role("row", name="Description")).to_contain_text("Theirs")
    expect(conflict.get_by_role("row", name="Description")).to_contain_text("Mine")
    expect(admin.get_by_label("Description")).to_have_value("Mine")
    admin.get_by_role("button", name="Overwrite with mine").click()
    expect(admin).to_have_url(GROUP_PAGE)
    assert server.call("GET", f"/v1/routing_group/{group_id}")["description"] == "Mine"


def test_theirs_can_be_taken(admin: Page, server: Console) -> None:
    model = server.call("GET", "/api/v1/llm/models")["models"][0]["id"]
    group_id = server.add_group("conceded", [model])
    admin.goto(f"/groups/{group_id}/edit")
    server.call("PATCH", f"/v1/routing_group/{group_id}", {"description": "Theirs"})
    admin.get_by_label("Description").fill("Mine")
    save(admin)
    admin.once("dialog", lambda dialog: dialog.accept())
    admin.get_by_role("link", name="Take theirs").click()
    expect(admin.get_by_label("Description")).to_have_value("Theirs")


def test_the_preview_follows_and_the_rehearsal_tells(admin: Page, server: Console) -> None:
    group = server.call("GET", "/v1/routing_group")["routing_groups"][0]["routing_group_id"]
    server.call(
        "POST", f"/v1/routing_group/{group}/simulate", {"num_requests": 1}
    )  # starts the worker, which takes long
    open_new(admin, "rehearsed", count=2)
    expect(admin.locator("#draft .picture.narrow .node .name")).to_have_text(["Azure", "Fireworks"])
    admin.get_by_role("button", name="Rehearse").click()
    expect(admin.locator(".draft-verdict")).to_contain_text("success", timeout=LIMIT_S * 1000)
    expect(admin.locator("#draft .stats dd").first).to_have_text("450")
    rows(admin).nth(1).get_by_role("button", name=" up").click()
    expect(admin.locator("#draft .picture.narrow .node .name")).to_have_text(["Fireworks", "Azure"])
    expect(admin.locator(".draft-verdict")).not_to_contain_text("success")


def test_leaving_asks_only_when_something_changed(admin: Page) -> None:
    asked: list[str] = []

    def accept(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    admin.on("dialog", accept)
    admin.goto("/groups/new")
    admin.goto("/groups")
    assert asked == []
    open_new(admin, "left-behind", count=1)
    admin.goto("/groups")
    assert asked == ["beforeunload"]


def test_everything_without_javascript(plain_admin: Page, server: Console) -> None:
    page = plain_admin
    page.goto("/groups/new")
    page.get_by_label("Name", exact=True).fill("by-hand")
    for name in ("nebius llama", "fireworks"):
        page.get_by_label("Add a deployment").fill(name)
        follow(page.get_by_role("button", name="Find"))
        follow(page.locator(".option").first)
    expect_order(page, "Nebius 1", "Fireworks 2")
    follow(rows(page).nth(1).get_by_role("button", name=" up"))
    expect_order(page, "Fireworks 1", "Nebius 2")
    page.get_by_label("Description").fill("Kept")
    page.get_by_role("radio", name=re.compile("Weighted")).check(force=True)
    rows(page).nth(0).get_by_role("spinbutton", name="Weight of").fill("")
    follow(page.get_by_role("button", name="Save group").first)
    expect(page.locator(".problems")).to_contain_text("the strategy needs a weight")
    expect(page.get_by_label("Description")).to_have_value("Kept")
    rows(page).nth(0).get_by_role("spinbutton", name="Weight of").fill("30")
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Rehearse this draft").click()
    expect(opened.value.locator(".draft-verdict")).to_contain_text("success", timeout=LIMIT_S * 1000)
    page.get_by_label("Name", exact=True).press("Enter")
    expect(page).to_have_url(GROUP_PAGE)
    assert [row["weight"] for row in stored(server, "by-hand")["deployments"]] == [30, 50]


def test_axe_finds_nothing_and_nothing_overflows(admin: Page) -> None:
    open_new(admin, "a" * 128)
    assert faults(admin, themes=("dark", "light")) == []
    choose(admin, "Weighted")
    for text in ("Advanced settings", "Access"):
        admin.get_by_role("main").get_by_text(text, exact=True).click()
    for summary in admin.locator(".more summary").all():
        summary.click()
    assert faults(admin, themes=("dark", "light")) == []
    admin.get_by_label("Add a deployment").focus()
    expect(admin.locator("[role=option]").first).to_be_visible()
    assert faults(admin, themes=("dark", "light")) == []
    admin.get_by_label("Name", exact=True).fill("not a name")
    follow(admin.get_by_role("button", name="Save group").first)
    expect(admin.get_by_role("alert")).to_be_visible()
    assert faults(admin, themes=("dark", "light")) == []
