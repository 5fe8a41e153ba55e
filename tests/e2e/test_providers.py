"""Providers and models with a real mouse and a real keyboard: dialogs, tests in place, news over the socket."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from providers.demo.behaviour import DEMO_KEY
from providers.secrets import mask
from tests.e2e.looks import faults, overflow
from tests.e2e.stage import LIMIT_S, follow, set_demo
from tests.servers import Console


@pytest.fixture
def providers(admin: Page, server: Console) -> Iterator[Page]:
    """The page of providers; what a test adds (its name begins with `E2E`) is taken away."""
    admin.goto("/providers")
    yield admin
    for provider in server.call("GET", "/api/v1/llm/providers?q=E2E")["providers"]:
        server.call("DELETE", f"/api/v1/llm/providers/{provider['id']}")


def card(page: Page, name: str) -> Locator:
    return page.locator(".provider").filter(has=page.get_by_role("heading", name=name, exact=True))


def upstream(server: Console) -> str:
    return f"{server.url}/demo/upstream/nebius/v1"


def open_add(page: Page) -> Locator:
    page.get_by_role("link", name="Add provider").click()
    dialog = page.get_by_role("dialog", name="Add provider")
    expect(dialog).to_be_visible()
    return dialog


def test_a_provider_is_added_tested_configured_and_deleted_in_dialogs(providers: Page, server: Console) -> None:
    dialog = open_add(providers)
    dialog.get_by_label("Type").select_option("custom")
    expect(dialog.get_by_text("Needed for this type.")).to_be_visible()
    dialog.get_by_label("Name", exact=True).fill("E2E ours")
    key = dialog.get_by_role("textbox", name="API key, if it has one")
    key.fill(DEMO_KEY)
    dialog.get_by_role("button", name="Show API key").click()
    expect(key).to_have_attribute("type", "text")
    dialog.get_by_label("Base URL").fill(upstream(server))
    dialog.get_by_role("button", name="Test connection").click()
    expect(dialog.locator(".tested")).to_contain_text("Answered:")
    expect(key).to_have_value(DEMO_KEY)
    dialog.get_by_label("Llama-3.3-70B-Instruct").check()
    dialog.get_by_role("button", name="Add provider").click()
    expect(dialog).to_be_hidden()
    expect(providers.locator(".toast")).to_contain_text("E2E ours is saved.")
    expect(card(providers, "E2E ours").locator(".facts-grid")).to_contain_text("1")

    card(providers, "E2E ours").get_by_role("link", name="Configure").click()
    dialog = providers.get_by_role("dialog", name="Configure E2E ours")
    expect(dialog.get_by_text(mask(DEMO_KEY))).to_be_visible()
    expect(dialog.get_by_label("Llama-3.3-70B-Instruct")).to_be_checked()
    dialog.get_by_label("Priority").fill("3")
    dialog.get_by_label("Enabled").uncheck()
    dialog.get_by_role("button", name="Save", exact=True).last.click()
    expect(card(providers, "E2E ours").locator(".pill")).to_have_text("Disabled")
    (saved,) = server.call("GET", "/api/v1/llm/providers?q=E2E")["providers"]
    assert (saved["priority"], saved["enabled"], saved["api_key"]) == (3, False, mask(DEMO_KEY))

    providers.get_by_role("button", name="Delete E2E ours").click()
    dialog = providers.get_by_role("dialog", name="Delete E2E ours?")
    expect(dialog).to_contain_text("Llama-3.3-70B-Instruct")
    dialog.get_by_role("button", name="Delete provider").click()
    expect(card(providers, "E2E ours")).to_have_count(0)


def test_a_mistake_stays_in_the_dialog_and_nothing_but_the_key_is_lost(providers: Page) -> None:
    dialog = open_add(providers)
    dialog.get_by_role("textbox", name="API key").fill(DEMO_KEY)
    dialog.get_by_label("Name", exact=True).fill("E2E wrong")
    dialog.get_by_label("Priority").fill("101")
    dialog.get_by_label("Search models").fill("gpt-4o-mini")
    expect(dialog.locator(".offer-name").first).to_contain_text("gpt-4o-mini")
    dialog.get_by_label("openai/gpt-4o-mini", exact=False).first.check()
    dialog.get_by_role("button", name="Add provider").click()
    expect(dialog.locator("#id_priority_error")).to_contain_text("100")
    expect(dialog.get_by_label("Name", exact=True)).to_have_value("E2E wrong")
    expect(dialog.get_by_label("openai/gpt-4o-mini", exact=False).first).to_be_checked()
    expect(dialog.get_by_role("textbox", name="API key")).to_have_value("")


def test_the_keyboard_opens_and_leaves_a_dialog_and_enter_in_the_search_saves_nothing(providers: Page) -> None:
    link = providers.get_by_role("link", name="Add provider")
    link.focus()
    providers.keyboard.press("Enter")
    dialog = providers.get_by_role("dialog", name="Add provider")
    dialog.get_by_label("Search models").fill("claude")
    providers.keyboard.press("Enter")
    expect(dialog.locator(".offers p")).to_contain_text("known to LiteLLM's price map")
    expect(dialog.locator(".offer-name").first).to_contain_text("claude")
    expect(dialog.get_by_role("alert")).to_have_count(0)
    dialog.get_by_label("Name", exact=True).focus()
    providers.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(link).to_be_focused()


def test_a_card_is_tested_in_place_and_keeps_its_result(providers: Page, server: Console) -> None:
    nebius = card(providers, "Nebius")
    button = nebius.get_by_role("button", name="Test Nebius")
    button.click()
    expect(nebius.locator(".tested.good")).to_contain_text("Answered:")
    expect(nebius.locator(".facts-grid")).to_contain_text(re.compile(r"\d+\sms"))
    expect(nebius.locator(".tested")).to_be_visible()
    expect(button).to_be_focused()


def test_what_changes_elsewhere_shows_within_seconds(providers: Page, server: Console) -> None:
    row = {"name": "E2E elsewhere", "type": "custom", "api_base": upstream(server), "api_key": DEMO_KEY}
    provider = server.call("POST", "/api/v1/llm/providers", row)["provider"]
    expect(card(providers, "E2E elsewhere")).to_be_visible(timeout=LIMIT_S * 1000)
    server.call("PATCH", f"/api/v1/llm/providers/{provider['id']}", {"api_base": "http://127.0.0.1:9/v1"})
    server.call("POST", f"/api/v1/llm/providers/{provider['id']}/test")
    expect(card(providers, "E2E elsewhere").locator(".trouble")).to_contain_text(
        "connection refused", timeout=LIMIT_S * 1000
    )


def test_one_provider_shows_its_history(providers: Page, server: Console) -> None:
    follow(providers.get_by_role("link", name="Fireworks", exact=True))
    providers.get_by_role("button", name="Test").click()
    expect(providers.locator("#tested .tested")).to_be_visible()
    expect(providers.get_by_role("img", name=re.compile("Latency of the last"))).to_be_visible()
    expect(providers.locator("#provider-state tbody tr").first).to_contain_text("ms")


def test_a_model_is_switched_edited_and_found(providers: Page) -> None:
    follow(providers.get_by_role("navigation", name="Providers", exact=True).get_by_role("link", name="Models"))
    providers.get_by_role("searchbox", name="Search", exact=True).press_sequentially("bge")
    expect(providers.locator("tbody tr")).to_have_count(1)
    expect(providers).to_have_url(re.compile(r"/models\?q=bge$"))
    switch = providers.get_by_role("switch")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true")
    providers.get_by_role("link", name="Edit BAAI/bge-en-icl").click()
    dialog = providers.get_by_role("dialog", name="Edit BAAI/bge-en-icl")
    dialog.get_by_label("Quality").fill("101")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.locator("#id_quality_error")).to_be_visible()
    dialog.get_by_label("Quality").fill("61")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    expect(providers).to_have_url(re.compile(r"/models\?q=bge$"))
    expect(providers.locator("tbody tr")).to_contain_text("61")


def test_a_model_is_added_from_what_the_provider_lists(providers: Page, server: Console) -> None:
    row = {"name": "E2E lists", "type": "custom", "api_base": upstream(server), "api_key": DEMO_KEY}
    provider = server.call("POST", "/api/v1/llm/providers", row)["provider"]
    providers.goto(f"/providers/{provider['id']}")
    providers.get_by_role("link", name="Add models").click()
    dialog = providers.get_by_role("dialog", name="Add models to E2E lists")
    dialog.get_by_role("button", name="Ask E2E lists what it serves").click()
    dialog.get_by_label("BAAI/bge-en-icl").check()
    dialog.get_by_role("button", name="Add the selected models").click()
    expect(providers.locator(".toast")).to_contain_text("1 model is added")
    expect(providers.get_by_role("link", name="BAAI/bge-en-icl")).to_be_visible()


def test_a_cooldown_shows_and_is_reset(providers: Page, server: Console) -> None:
    set_demo(server, "nebius", failure_rate=1.0, failure_status=503)
    providers.goto("/providers/cooldowns")
    expect(providers.get_by_role("heading", name="Nothing cools down")).to_be_visible()
    for _ in range(3):
        body = {"model": "demo-ordered", "messages": [{"role": "user", "content": "hi"}]}
        server.call("POST", "/v1/chat/completions", body)
    # One row for the deployment, with all groups that have it.
    row = providers.get_by_role("row", name=re.compile("demo-ordered"))
    expect(row).to_contain_text("Nebius")
    for width in (390, 1440):
        providers.set_viewport_size({"width": width, "height": 900})
        assert overflow(providers) <= 0
    row.get_by_role("button", name="Use again").click()
    expect(providers.get_by_role("heading", name="Nothing cools down")).to_be_visible()


def test_all_of_it_works_without_javascript(plain_admin: Page, providers: Page, server: Console) -> None:
    page = plain_admin
    page.goto("/")
    follow(page.get_by_role("link", name="Providers", exact=True))
    follow(page.get_by_role("link", name="Add provider"))
    page.get_by_label("Type").select_option("custom")
    follow(page.get_by_role("button", name="Show its fields"))
    page.get_by_label("Name", exact=True).fill("E2E plain")
    page.get_by_label("Base URL").fill(upstream(server))
    page.get_by_label("API key, if it has one").fill(DEMO_KEY)
    follow(page.get_by_role("button", name="Test connection"))
    expect(page.locator(".tested")).to_contain_text("Answered:")
    page.get_by_label("API key, if it has one").fill(DEMO_KEY)
    page.get_by_label("BAAI/bge-en-icl").check()
    follow(page.get_by_role("button", name="Add provider").last)
    expect(card(page, "E2E plain")).to_be_visible()
    follow(page.get_by_role("button", name="Test E2E plain"))
    expect(page.locator(".toast")).to_contain_text("E2E plain: answers in")
    follow(page.get_by_role("link", name="Calls and cost of the last 30 days"))
    expect(page.get_by_role("heading", level=1, name="Calls and cost")).to_be_visible()
    page.goto("/models?q=bge")
    for is_on in ("false", "true"):
        follow(page.get_by_role("switch").first)
        expect(page.get_by_role("switch").first).to_have_attribute("aria-checked", is_on)
    page.goto("/providers")
    follow(page.get_by_role("button", name="Delete E2E plain"))
    follow(page.get_by_role("button", name="Delete provider"))
    expect(card(page, "E2E plain")).to_have_count(0)


def test_axe_and_the_screen_are_content_in_every_state(providers: Page) -> None:
    assert faults(providers) == []
    providers.get_by_role("button", name="Test Nebius").click()
    expect(card(providers, "Nebius").locator(".tested")).to_be_visible()
    assert faults(providers) == []
    dialog = open_add(providers)
    dialog.get_by_label("Priority").fill("101")
    dialog.get_by_role("button", name="Add provider").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    assert faults(providers) == []
    providers.goto("/providers")
    follow(providers.get_by_role("link", name="Nebius", exact=True))
    assert faults(providers) == []
    for address in ("/models", "/models?q=zebra", "/models/news", "/models/new", "/providers/cooldowns"):
        providers.goto(address)
        assert faults(providers) == [], address
