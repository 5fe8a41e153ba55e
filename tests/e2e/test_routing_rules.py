"""The routing rules in a real browser: saved as they are changed, dragged, typed, pasted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.looks import PHONE, USUAL, faults
from tests.servers import Console

AT = "/api/v1/llm/routing/rules"


@pytest.fixture(autouse=True)
def _as_before(server: Console) -> Iterator[None]:
    yield
    server.call("PUT", AT, {"strategy": "balanced", "fallback_providers": [], "model_aliases": {}})


@pytest.fixture
def rules(admin: Page) -> Page:
    admin.goto("/routing-rules")
    return admin


def stored(server: Console) -> dict[str, Any]:
    return dict(server.call("GET", AT))


def chain(page: Page) -> list[str]:
    return page.locator(".chain-link strong").all_inner_texts()


def add(page: Page, *names: str) -> None:
    for name in names:
        page.get_by_label("Add a provider").select_option(label=name)
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator(".chain-link", has_text=name)).to_be_visible()


def test_choosing_a_strategy_saves_it_with_the_keyboard_too(rules: Page, server: Console) -> None:
    rules.get_by_role("radio", name="Quality Optimized").check()
    expect(rules.locator("#rules-levels .kept")).to_have_text("Saved")
    assert stored(server)["strategy"] == "quality"
    expect(rules.get_by_role("radio", name="Quality Optimized")).to_be_focused()
    with rules.expect_response("**/routing-rules"):
        rules.keyboard.press("ArrowLeft")
    expect(rules.get_by_role("radio", name="Balanced")).to_be_checked()
    assert stored(server)["strategy"] == "balanced"


def test_custom_weights_show_and_save_themselves(rules: Page, server: Console) -> None:
    expect(rules.get_by_label("Weight of cost")).to_be_hidden()
    rules.get_by_role("radio", name="Custom").check()
    rules.get_by_label("Weight of cost").fill("70")
    with rules.expect_response(lambda answer: "weight_quality=30" in (answer.request.post_data or "")):
        rules.get_by_label("Weight of quality").fill("30")
        rules.get_by_label("Weight of quality").blur()
    expect(rules.get_by_label("Weight of quality")).to_have_value("30")
    weights = stored(server)["weights"]
    assert (weights["cost"], weights["quality"]) == (70, 30)


def test_the_chain_is_ordered_by_mouse(rules: Page, server: Console) -> None:
    add(rules, "Azure", "Fireworks", "Nebius")
    source = rules.locator(".chain-link .grip").nth(2).bounding_box()
    target = rules.locator(".chain-link").nth(0).bounding_box()
    assert source is not None
    assert target is not None
    rules.mouse.move(source["x"] + 10, source["y"] + 10)
    rules.mouse.down()
    rules.mouse.move(source["x"] + 10, source["y"] - 10, steps=4)
    rules.mouse.move(target["x"] + 20, target["y"] + 4, steps=12)
    rules.mouse.up()
    expect(rules.locator("#rules-chain .kept")).to_have_text("Saved")
    expect(rules.locator(".chain-link strong")).to_have_text(["Nebius", "Azure", "Fireworks"])
    assert len(stored(server)["fallback_providers"]) == 3


def test_the_chain_is_ordered_by_keyboard_and_the_focus_follows(rules: Page, server: Console) -> None:
    add(rules, "Azure", "Fireworks", "Nebius")
    rules.get_by_role("button", name="Move Nebius up").focus()
    rules.keyboard.press("Enter")
    expect(rules.locator(".chain-link strong")).to_have_text(["Azure", "Nebius", "Fireworks"])
    expect(rules.get_by_role("button", name="Move Nebius up")).to_be_focused()
    rules.keyboard.press("Enter")
    expect(rules.locator(".chain-link strong")).to_have_text(["Nebius", "Azure", "Fireworks"])
    rules.get_by_role("button", name="Take out Azure").click()
    expect(rules.locator(".chain-link strong")).to_have_text(["Nebius", "Fireworks"])


def test_aliases_are_rows_for_the_keyboard(rules: Page, server: Console) -> None:
    for alias, target in (("fast", "demo-ordered"), ("slow", "nothing-like-it")):
        rules.get_by_label("New alias").fill(alias)
        rules.get_by_label("Leads to").fill(target)
        rules.keyboard.press("Tab")
        rules.keyboard.press("Enter")
        expect(rules.get_by_label("New alias")).to_have_value("")
    expect(rules.locator("#alias-2-said")).to_contain_text("There is no routing group")
    assert stored(server)["model_aliases"] == {"fast": "demo-ordered"}
    rules.get_by_label("Target of alias 2").fill("auto-precision")
    rules.keyboard.press("Tab")
    expect(rules.locator("#aliases-kept")).to_have_text("Saved")
    expect(rules.locator("#alias-2-said")).to_have_text("")
    expect(rules.get_by_role("button", name="Take out slow")).to_be_focused()
    assert stored(server)["model_aliases"] == {"fast": "demo-ordered", "slow": "auto-precision"}
    rules.get_by_role("button", name="Take out fast").click()
    expect(rules.locator(".alias-row")).to_have_count(1)
    expect(rules.get_by_label("New alias")).to_be_focused()
    assert stored(server)["model_aliases"] == {"slow": "auto-precision"}


def test_many_aliases_are_pasted(rules: Page, server: Console) -> None:
    rules.get_by_text("Paste many").click()
    rules.get_by_label("Aliases to add, one per line").fill("fast = demo-ordered\nslow -> auto-precision")
    rules.get_by_role("button", name="Add these").click()
    expect(rules.locator(".alias-row")).to_have_count(2)
    assert stored(server)["model_aliases"] == {"fast": "demo-ordered", "slow": "auto-precision"}


def test_nothing_is_in_the_way_of_anybody(admin: Page, server: Console) -> None:
    providers = ["Azure", "Nebius"]
    aliases = {"fast": "demo-ordered", "lost": "openai/not-there"}
    server.call("PUT", AT, {"strategy": "custom", "fallback_providers": providers, "model_aliases": aliases})
    admin.goto("/routing-rules")
    assert faults(admin, widths=(USUAL,), fits=(PHONE,)) == []
