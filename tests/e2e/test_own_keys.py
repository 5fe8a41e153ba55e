"""Own keys in a browser: stored, tested, replaced and deleted by keyboard and mouse, in every theme."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.e2e.looks import faults
from tests.e2e.stage import follow


def store(page: Page, provider: str, key: str) -> None:
    page.get_by_label("Provider", exact=True).select_option(label=provider)
    page.get_by_label("Your key", exact=True).fill(key)
    page.get_by_label("Your key", exact=True).press("Enter")


def test_a_key_is_stored_tested_replaced_and_deleted(admin: Page) -> None:
    admin.goto("/account")
    store(admin, "Azure", "sk-of-a-browser-test-1234")
    section = admin.locator("#own-keys")
    expect(section.get_by_text("sk-…****1234")).to_be_visible()
    section.get_by_role("button", name="Test the key for Azure").click()
    expect(section.get_by_text("Failed")).to_be_visible()
    section.get_by_role("switch", name="For Azure").click()
    expect(section.get_by_role("switch", name="For Azure")).to_have_attribute("aria-checked", "true")
    section.get_by_role("link", name="Replace the key for Azure").click()
    expect(admin.get_by_label("Your key", exact=True)).to_be_focused()
    admin.keyboard.type("sk-of-a-browser-test-5678")
    admin.keyboard.press("Enter")
    expect(section.get_by_text("sk-…****5678")).to_be_visible()
    expect(section.get_by_text("Not tested")).to_be_visible()
    section.get_by_role("button", name="Delete the key for Azure").click()
    admin.get_by_role("dialog").get_by_role("button", name="Delete key").click()
    expect(admin).to_have_url("/account")
    expect(section.get_by_text("Add your first")).to_be_visible()


def test_axe_and_the_screen_are_content_in_every_state(admin: Page) -> None:
    admin.goto("/byok")
    assert faults(admin) == []
    admin.goto("/account/own-keys")
    store(admin, "Azure", "")
    expect(admin.locator("#own-keys .error")).to_be_visible()
    assert faults(admin) == []
    store(admin, "Nebius", "sk-of-a-browser-test-1234")
    expect(admin.get_by_text("sk-…****1234")).to_be_visible()
    admin.get_by_role("button", name="Test the key for Nebius").click()
    expect(admin.locator(".own-key-error")).to_be_visible()
    assert faults(admin) == []
    admin.goto("/byok")
    assert faults(admin) == []
    follow(admin.locator("#bringers").get_by_role("link", name="admin", exact=True))
    expect(admin.get_by_role("heading", name="BYOK keys of admin")).to_be_visible()
    assert faults(admin) == []
    admin.get_by_role("button", name="Delete the key of admin for Nebius").click()
    admin.get_by_role("dialog").get_by_role("button", name="Delete key").click()
    expect(admin.get_by_role("heading", name="No BYOK keys")).to_be_visible()
