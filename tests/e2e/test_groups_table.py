"""The list of groups with a real mouse and a real keyboard: sort, tick, switch, delete, undo, search."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.looks import faults
from tests.e2e.stage import LIMIT_S, follow
from tests.servers import Console, eventually

NAMES = ("table-a", "table-b", "table-c")


@pytest.fixture
def table(admin: Page, server: Console) -> Iterator[Page]:
    """The list, narrowed to three groups of this test's own."""
    models = [model["id"] for model in server.call("GET", "/api/v1/llm/models")["models"]]
    for number, name in enumerate(NAMES, start=1):
        server.add_group(name, models[:number])
    admin.goto("/groups?q=table-")
    expect(admin.locator("tbody tr")).to_have_count(3)
    yield admin
    for group in server.call("GET", "/v1/routing_group?q=table-")["routing_groups"]:
        server.call("DELETE", f"/v1/routing_group/{group['routing_group_id']}")


def names(page: Page) -> Locator:
    return page.locator("tbody th a")


def test_a_deletion_acts_at_once_and_is_undone(table: Page) -> None:
    table.get_by_role("button", name="Delete table-b").click()
    expect(names(table)).to_have_text(["table-a", "table-c"])
    expect(table.locator(".toast")).to_contain_text("table-b is deleted.")
    table.get_by_role("button", name="Undo").click()
    expect(names(table)).to_have_text(list(NAMES))
    expect(table).to_have_url(re.compile(r"\?q=table-$"))


def test_a_deletion_asks_first_where_a_key_names_the_group(table: Page, server: Console) -> None:
    key = server.call("POST", "/api/v1/llm/keys", {"name": "shop", "owner": "admin", "allowed_models": ["table-b"]})
    table.get_by_role("button", name="Delete table-b").click()
    dialog = table.get_by_role("dialog", name="Delete table-b?")
    expect(dialog).to_contain_text("what they may call: shop.")
    dialog.get_by_role("link", name="Cancel").click()
    expect(names(table)).to_have_text(list(NAMES))
    table.get_by_role("button", name="Delete table-b").click()
    dialog.get_by_role("button", name="Delete table-b").click()
    expect(table.locator(".toast")).to_contain_text("table-b is deleted.")
    expect(names(table)).to_have_text(["table-a", "table-c"])
    server.call("DELETE", f"/api/v1/llm/keys/{key['id']}")


def test_the_keyboard_deletes_and_takes_it_back(table: Page) -> None:
    table.get_by_role("button", name="Delete table-a").focus()
    table.keyboard.press("Enter")
    expect(names(table)).to_have_text(["table-b", "table-c"])
    expect(table.get_by_role("button", name="Undo")).to_be_focused()
    table.keyboard.press("Enter")
    expect(names(table)).to_have_text(list(NAMES))


def test_the_switch_keeps_the_focus_and_says_its_state(table: Page) -> None:
    switch = table.get_by_role("switch", name="table-a is active")
    switch.focus()
    table.keyboard.press("Space")
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(switch).to_be_focused()
    table.get_by_role("button", name="Undo").click()
    expect(switch).to_have_attribute("aria-checked", "true")


def test_the_offer_to_undo_leaves_after_ten_seconds(table: Page) -> None:
    table.get_by_role("switch", name="table-a is active").click()
    toast = table.locator(".toast")
    expect(toast).to_be_visible()
    table.evaluate("document.getAnimations().forEach(a => a.finish())")
    expect(toast).to_have_count(0)


def test_several_are_deleted_after_a_question_and_undone(table: Page) -> None:
    expect(table.get_by_role("button", name="Delete", exact=True)).to_be_hidden()
    table.get_by_label("Tick all on this page").check()
    expect(table.locator(".ticked")).to_be_visible()
    table.get_by_role("button", name="Delete", exact=True).click()
    dialog = table.get_by_role("dialog", name="Delete 3 routing groups?")
    expect(dialog.get_by_role("listitem")).to_have_text(list(NAMES))
    table.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    table.get_by_role("button", name="Delete", exact=True).click()
    dialog.get_by_role("button", name="Delete 3 groups").click()
    expect(table.get_by_role("heading", name="No group matches")).to_be_visible()
    table.get_by_role("button", name="Undo").click()
    expect(names(table)).to_have_text(list(NAMES))


def test_several_are_switched_off_and_on(table: Page) -> None:
    for name in NAMES[:2]:
        table.get_by_label(f"Tick {name}").check()
    table.get_by_role("button", name="Deactivate").click()
    expect(table.locator(".switch[aria-checked=false]")).to_have_count(2)
    expect(table.get_by_label("Tick table-a")).not_to_be_checked()


def test_a_column_sorts_both_ways_and_the_search_keeps_the_order(table: Page) -> None:
    table.get_by_role("link", name="Deployments").click()
    expect(names(table)).to_have_text(list(NAMES))
    expect(table.get_by_role("columnheader", name="Deployments")).to_have_attribute("aria-sort", "ascending")
    table.get_by_role("link", name="Deployments").click()
    expect(names(table)).to_have_text(list(reversed(NAMES)))
    table.get_by_role("searchbox", name="Search", exact=True).press("End")
    table.keyboard.type("b")
    expect(names(table)).to_have_text(["table-b"])
    expect(table).to_have_url(re.compile(r"q=table-b.*sort=-deployments|sort=-deployments.*q=table-b"))


def test_a_copy_is_made(table: Page) -> None:
    table.get_by_role("button", name="Duplicate table-a").click()
    expect(names(table)).to_have_text(["table-a", "table-a-copy", "table-b", "table-c"])


def test_the_recent_activity_of_a_group_loads_after_the_rows(table: Page, server: Console) -> None:
    server.call("POST", "/v1/chat/completions", {"model": "table-a", "messages": [{"role": "user", "content": "hi"}]})
    row = table.get_by_role("row", name="table-a")

    def is_healthy() -> bool:
        table.reload()
        expect(row.locator(".pill")).to_be_visible()
        return "Healthy" in row.inner_text()

    assert eventually(is_healthy, LIMIT_S)  # the log is written in batches, a few times a second
    expect(row.locator(".lately")).to_contain_text("1")


def test_all_of_it_works_without_javascript(table: Page, plain_admin: Page) -> None:
    page = plain_admin
    page.goto("/groups?q=table-")
    follow(page.get_by_role("switch", name="table-a is active"))
    expect(page.get_by_role("switch", name="table-a is active")).to_have_attribute("aria-checked", "false")
    follow(page.get_by_role("button", name="Undo"))
    follow(page.get_by_role("link", name="Name"))
    expect(names(page)).to_have_text(list(reversed(NAMES)))
    for name in NAMES[:2]:
        page.get_by_label(f"Tick {name}").check()
    follow(page.get_by_role("button", name="Delete", exact=True))
    expect(page.get_by_role("heading", level=1, name="Delete 2 routing groups?")).to_be_visible()
    follow(page.get_by_role("button", name="Delete 2 groups"))
    expect(names(page)).to_have_text(["table-c"])
    follow(page.get_by_role("button", name="Undo"))
    expect(names(page)).to_have_count(3)
    follow(page.get_by_role("link", name="Health and requests of these groups"))
    expect(page.get_by_role("heading", level=1, name="Activity")).to_be_visible()


def test_axe_and_the_screen_are_content_in_every_state(table: Page) -> None:
    table.get_by_label("Tick table-a").check()
    table.get_by_label("Tick table-b").check()
    assert faults(table) == []
    table.get_by_role("button", name="Delete", exact=True).click()
    expect(table.get_by_role("dialog")).to_be_visible()
    assert faults(table) == []
    table.keyboard.press("Escape")
    table.get_by_role("switch", name="table-c is active").click()
    expect(table.get_by_role("button", name="Undo")).to_be_visible()
    assert faults(table) == []
    table.goto("/search?q=a")
    assert faults(table) == []
