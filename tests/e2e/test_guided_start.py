"""The guided start with a real browser: break the demo and see a request fall back."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.looks import DESK, PHONE, faults
from tests.e2e.stage import end_cooldowns
from tests.servers import Console

BREAK, REPAIR = "Break Nebius for 60 s", "Repair Nebius now"


def heal(server: Console) -> None:
    """As if the minute were over."""
    Path(server.env["ROUTING_CONSOLE_DATA"], "demo", "nebius.broken").unlink(missing_ok=True)


def test_a_demo_provider_is_broken_and_a_request_of_the_page_falls_back(admin: Page, server: Console) -> None:
    admin.goto("/")
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
