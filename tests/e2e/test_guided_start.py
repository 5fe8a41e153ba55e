"""The guided start with a real browser: break the demo and see a request fall back; from one's own key to an answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.looks import DESK, PHONE, faults
from tests.e2e.stage import end_cooldowns, group_ids, remove_groups
from tests.e2e.test_newcomer import MOST_INTERACTIONS, Newcomer
from tests.fakes import ScriptedUpstream
from tests.openai_stand_in import KEY, OpenAiStandIn
from tests.servers import Console

BREAK, REPAIR = "Break Nebius for 60 s", "Repair Nebius now"


def heal(server: Console) -> None:
    """As if the minute were over."""
    Path(server.env["ROUTING_CONSOLE_DATA"], "demo", "nebius.broken").unlink(missing_ok=True)


def test_a_demo_provider_is_broken_and_a_request_of_the_page_falls_back(admin: Page, server: Console) -> None:
    admin.goto("/start")  # the overview has the card only while there are no other providers
    card = admin.locator("#demo")
    card.get_by_role("button", name=BREAK).click()
    try:
        expect(card.get_by_role("button", name=REPAIR)).to_be_visible()
        card.get_by_role("button", name="Send a request").click()
        expect(card.locator(".verdict")).to_contain_text("Answered by Fireworks")
    finally:
        heal(server)
        end_cooldowns(server)
    expect(card.locator(".attempt").first).to_contain_text("Nebius")
    expect(card.locator(".attempt.ok")).to_contain_text("Fireworks")
    expect(card.locator(".answer")).not_to_be_empty()
    # The open page notices that it is over.
    expect(card.get_by_role("button", name=BREAK)).to_be_visible()
    assert faults(admin, widths=(PHONE, DESK)) == []
    links = {name: card.get_by_role("link", name=name).get_attribute("href") or "" for name in ("This", "Live diagram")}
    admin.goto(links["This"])
    expect(admin.locator(".attempt.ok")).to_contain_text("Fireworks")
    admin.goto(links["Live diagram"])
    expect(admin.locator(".scene")).to_be_visible()


@pytest.fixture
def openai(server: Console) -> Iterator[ScriptedUpstream]:
    """A stand-in for OpenAI; what the test connects with it is taken away."""
    kept = group_ids(server)
    with ScriptedUpstream(OpenAiStandIn()) as running:
        yield running
    remove_groups(server, kept)
    for provider in server.call("GET", "/api/v1/llm/providers?q=OpenAI")["providers"]:
        server.call("DELETE", f"/api/v1/llm/providers/{provider['id']}")


def test_a_newcomer_with_an_openai_key_comes_to_an_answer_in_at_most_12_interactions(
    admin: Page, openai: ScriptedUpstream
) -> None:
    hand = Newcomer()
    admin.goto("/")
    hand.follow(admin.get_by_role("link", name="Connect your own provider"))
    expect(admin.get_by_label("Provider", exact=True)).to_have_value("openai")
    key, address = admin.get_by_role("textbox", name="Key"), admin.get_by_label("Base URL")
    hand.fill(address, openai.url)  # not for the real OpenAI
    # A slip: the open page keeps what was typed, and says what is wrong.
    hand.fill(key, KEY[:-1])
    hand.click(admin.get_by_role("button", name="Test the key and continue"))
    expect(admin.get_by_role("alert")).to_contain_text("OpenAI refuses this key.")
    expect(key).to_have_value(KEY[:-1])
    expect(address).to_have_value(openai.url)
    hand.fill(key, KEY)
    hand.follow(admin.get_by_role("button", name="Test the key and continue"))
    expect(admin.get_by_label("gpt-4o-mini")).to_be_checked()
    hand.follow(admin.get_by_role("button", name="Try them and continue"))
    expect(admin.get_by_label("Name", exact=True)).to_have_value("my-chat")
    hand.follow(admin.get_by_role("button", name="Save group and continue"))
    hand.follow(admin.get_by_role("button", name="Create the key"))
    curl = admin.get_by_label("The curl command", exact=True)
    expect(curl).to_contain_text(re.compile(r"Bearer sk-rc-\S+"))
    expect(curl).to_contain_text('"model": "my-chat"')
    hand.click(admin.get_by_role("button", name="Send a first request from here"))
    expect(admin.locator("#called .verdict")).to_contain_text("Answered by OpenAI")
    expect(admin.locator("#called .answer")).to_contain_text("Hello.")
    assert hand.count <= MOST_INTERACTIONS
    assert faults(admin, themes=("dark", "light"), widths=(PHONE, DESK)) == []
