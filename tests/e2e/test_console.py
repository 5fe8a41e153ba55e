"""A person at the console, in a real browser, on a real server with the demo."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.conftest import sign_in
from tests.e2e.looks import DESK, PHONE, TABLET, THEMES, faults, violations
from tests.e2e.stage import follow, set_demo
from tests.servers import MASTER_KEY, Console


def open_group(page: Page, name: str = "demo-ordered") -> None:
    page.goto("/groups")
    follow(page.get_by_role("link", name=name, exact=True))
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()


def send_test(page: Page) -> None:
    page.get_by_role("button", name="Send test").click()
    expect(page.locator("#group-test .verdict")).to_be_visible()


def test_a_newcomer_signs_in_and_sees_a_request_routed(page: Page) -> None:
    sign_in(page)
    open_group(page)
    send_test(page)
    expect(page.locator(".attempt")).to_have_count(1)
    expect(page.locator(".verdict")).to_contain_text("Answered")
    expect(page.locator(".attempt")).to_contain_text("Nebius")
    expect(page.locator(".answer")).not_to_be_empty()


def test_a_fallback_shows_both_attempts_and_why(admin: Page, server: Console) -> None:
    set_demo(server, "nebius", failure_rate=1.0, failure_status=503)
    open_group(admin)
    send_test(admin)
    attempts = admin.locator(".attempt")
    expect(attempts.first).to_contain_text("Nebius")
    expect(attempts.first.locator(".moved")).to_be_visible()
    expect(attempts.last).to_contain_text("Fireworks")
    expect(attempts.last).to_have_class(re.compile(r"\bok\b"))


def test_the_list_is_searched_as_you_type_and_the_address_follows(admin: Page) -> None:
    admin.goto("/groups")
    admin.get_by_role("searchbox", name="Search", exact=True).press_sequentially("demo-weigh")
    expect(admin.locator("tbody tr")).to_have_count(1)
    expect(admin).to_have_url(re.compile(r"/groups\?q=demo-weigh$"))
    admin.get_by_label("Status").select_option("inactive")
    expect(admin.get_by_role("heading", name="No group matches")).to_be_visible()
    expect(admin).to_have_url(re.compile("status=inactive"))
    admin.go_back()
    expect(admin.get_by_role("searchbox", name="Search", exact=True)).to_have_value("demo-weigh")
    expect(admin.get_by_role("heading", level=1)).to_be_visible()


def test_three_themes_switch_at_once_and_follow_the_person(admin: Page) -> None:
    admin.goto("/groups")
    for theme, name in (("unicorn", "Magic Unicorn"), ("light", "light"), ("dark", "dark")):
        button = admin.get_by_role("button", name=f"Switch to the {name} theme")
        with admin.expect_response("**/theme"):
            button.click()
        expect(admin.locator("html")).to_have_attribute("data-theme", theme)
        expect(button).to_have_attribute("aria-pressed", "true")
        admin.context.clear_cookies(name="theme")
        admin.reload()
        expect(admin.locator("html")).to_have_attribute("data-theme", theme)


def test_the_keyboard_is_enough(page: Page) -> None:
    page.goto("/groups")
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type("admin")
    page.keyboard.press("Tab")
    page.keyboard.type(MASTER_KEY)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Groups", exact=True)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    _tab_to(page, "demo-ordered")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="demo-ordered")).to_be_visible()
    _tab_to(page, "Send test")
    page.keyboard.press("Enter")
    expect(page.locator("#group-test .verdict h3")).to_be_focused()


def _tab_to(page: Page, text: str, patience: int = 150) -> None:
    for _ in range(patience):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == text:
            return
    raise AssertionError(f"{text!r} was not reached by {patience} presses of Tab")


def test_everything_works_without_javascript(plain: Page) -> None:
    page = plain
    sign_in(page)
    page.get_by_label("Strategy").select_option("priority-failover")
    follow(page.get_by_role("button", name="Search", exact=True))
    expect(page.get_by_role("link", name="demo-weighted")).to_have_count(0)
    for theme in ("light", "dark"):
        follow(page.get_by_role("button", name=f"Switch to the {theme} theme"))
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        expect(page).to_have_url(re.compile("strategy=priority-failover"))
    open_group(page)
    send_test(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("demo-ordered")
    expect(page.locator(".attempt")).to_have_count(1)
    page.get_by_role("button", name="Your menu: admin").click()
    follow(page.get_by_role("button", name="Sign out"))
    expect(page.get_by_text("You are signed out.")).to_be_visible()


def test_a_lost_session_leads_back_to_the_same_page(admin: Page) -> None:
    open_group(admin)
    address = admin.url
    admin.context.clear_cookies(name="sessionid")
    follow(admin.get_by_role("button", name="Send test"))
    expect(admin.get_by_role("heading", name="Sign in")).to_be_visible()
    assert address.rsplit("/", 1)[1] in admin.url


def test_the_menu_opens_on_a_phone(admin: Page) -> None:
    admin.set_viewport_size({"width": PHONE, "height": 844})
    admin.goto("/groups")
    smart = admin.get_by_role("link", name="Smart routing")
    expect(smart).to_be_hidden()
    admin.get_by_role("button", name="Menu", exact=True).click()
    expect(smart).to_be_visible()
    admin.get_by_role("button", name="Your menu: admin").click()
    expect(admin.get_by_role("link", name="API reference")).to_be_in_viewport(ratio=1)
    assert violations(admin) == []
    admin.keyboard.press("Escape")
    expect(admin.get_by_role("link", name="API reference")).to_be_hidden()
    admin.keyboard.press("Escape")
    expect(smart).to_be_hidden()


def test_the_reference_is_in_our_frame_and_theme(admin: Page) -> None:
    admin.goto("/groups")
    admin.get_by_role("button", name="Your menu: admin").click()
    follow(admin.get_by_role("link", name="API reference"))
    expect(admin.locator(".opblock").first).to_be_visible()
    expect(admin.locator("html")).to_have_class("dark-mode")
    admin.get_by_role("button", name="Switch to the light theme").click()
    expect(admin.locator("html")).not_to_have_class("dark-mode")
    admin.get_by_role("button", name="Switch to the dark theme").click()
    follow(admin.get_by_role("link", name="Groups", exact=True))


def test_the_shortcuts_open_from_the_menu_and_by_a_key(admin: Page) -> None:
    admin.goto("/groups")
    admin.get_by_role("button", name="Your menu").click()
    admin.get_by_role("button", name="Keyboard shortcuts").click()
    shortcuts = admin.get_by_role("dialog", name="Keyboard shortcuts")
    expect(shortcuts).to_contain_text("Search or jump to")
    assert violations(admin) == []
    admin.keyboard.press("Escape")
    expect(shortcuts).to_be_hidden()
    admin.locator("h1").click()
    admin.keyboard.press("?")
    expect(shortcuts).to_be_visible()


def test_between_phone_and_desk_the_entries_are_icons_with_names(admin: Page) -> None:
    admin.set_viewport_size({"width": 960, "height": 900})
    admin.goto("/groups")
    entry = admin.get_by_role("link", name="Smart routing")
    box = entry.bounding_box()
    assert box is not None
    assert box["width"] < 60
    follow(entry)
    expect(admin.get_by_role("navigation", name="Smart routing").get_by_role("link")).to_have_text(
        ["Virtual models", "Playground", "Rules"]
    )


def test_axe_finds_nothing_and_no_page_is_wider_than_the_screen(page: Page, signed_in: Any) -> None:
    page.goto("/sign-in")
    assert faults(page, widths=(PHONE, DESK)) == []
    page.context.add_cookies(signed_in["cookies"])
    for address in ("/groups", "/groups?q=nothing-like-it", "/nowhere"):
        page.goto(address)
        assert faults(page, widths=(PHONE, DESK), fits=(TABLET,)) == [], address
    for name in ("demo-weighted", "demo-ordered"):
        open_group(page, name)
        assert faults(page, widths=(PHONE, DESK), fits=(TABLET,)) == [], name
    send_test(page)
    assert faults(page, widths=(PHONE, DESK), fits=(TABLET,)) == []


def test_axe_finds_nothing_when_things_go_wrong(admin: Page, server: Console) -> None:
    models = {m["provider_name"]: m["id"] for m in server.call("GET", "/api/v1/llm/models")["models"]}
    # Longer than the checks take, on however busy a machine.
    cold = {"allowed_fails": 0, "cooldown_time_s": 300, "last_deployment_s": 300}
    server.add_group("in-trouble", [models["Nebius"], models["Azure"]], cooldown_config=cold)
    for slug in ("nebius", "azure"):
        set_demo(server, slug, failure_rate=1.0, failure_status=429, retry_after_s=60)
    open_group(admin, "in-trouble")
    for outcome in ("No deployment answered", "No deployment was called"):
        send_test(admin)
        expect(admin.locator("#group-test .alert")).to_contain_text(outcome)
        assert violations(admin, themes=THEMES) == []


def test_axe_finds_nothing_on_the_way_to_a_lock_out(page: Page) -> None:
    page.goto("/sign-in")
    for _ in range(5):
        assert violations(page) == []
        page.get_by_label("Username").fill("mallory")
        page.get_by_label("Password").fill("wrong")
        follow(page.get_by_role("button", name="Sign in"))
    expect(page.get_by_role("heading", name="Too many tries")).to_be_visible()
    assert violations(page) == []
