"""Teams, people and API keys in a real browser: made, shown once, ended; and what a screen reader makes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.looks import DESK, PHONE, faults
from tests.e2e.stage import LIMIT_S, follow
from tests.servers import Console, eventually

TOP, BOTTOM = (f"box => box.getBoundingClientRect().{edge}" for edge in ("top", "bottom"))


@pytest.fixture
def team(server: Console) -> Iterator[str]:
    """A team that the admin is in; its id."""
    made = server.call("POST", "/api/v1/llm/teams", {"name": "E2E Research", "description": "Reads papers"})
    server.call("POST", f"/api/v1/llm/teams/{made['id']}/members", {"user": "admin"})
    yield made["id"]
    server.call("DELETE", f"/api/v1/llm/teams/{made['id']}")


def issue(page: Page, name: str) -> str:
    """Issues a key on its page; the key as it was shown."""
    page.goto("/keys/new")
    page.get_by_label("Name").fill(name)
    follow(page.get_by_role("button", name="Issue key"))
    expect(page.get_by_role("heading", name="Copy the key now")).to_be_visible()
    return page.get_by_label("The key", exact=True).inner_text().strip()


def opens(server: Console, key: str) -> int:
    """What the gateway answers to this key."""
    return httpx.get(f"{server.url}/v1/models", headers={"Authorization": f"Bearer {key}"}, timeout=LIMIT_S).status_code


def test_a_key_is_issued_copied_works_and_is_revoked(admin: Page, server: Console) -> None:
    admin.context.grant_permissions(["clipboard-read", "clipboard-write"])
    key = issue(admin, "e2e ours")
    copy = admin.get_by_role("button", name="Copy the key")
    copy.click()
    expect(copy).to_have_class(re.compile(r"\bdone\b"))
    assert admin.evaluate("navigator.clipboard.readText()").strip() == key
    _until(server, key, 200)
    follow(admin.get_by_role("link", name="I have copied it"))
    expect(admin.get_by_role("heading", level=1, name="e2e ours")).to_be_visible()
    assert key not in admin.content()
    admin.get_by_role("button", name="Revoke key").click()
    dialog = admin.get_by_role("dialog", name="Revoke e2e ours?")
    dialog.get_by_role("button", name="Revoke key").click()
    expect(admin.locator(".head .pill")).to_have_text("Revoked")
    _until(server, key, 401)


def test_a_rotation_leaves_both_keys_working(admin: Page, server: Console) -> None:
    old = issue(admin, "e2e turned")
    follow(admin.get_by_role("link", name="I have copied it"))
    admin.get_by_label("The old key ends").select_option(label="In an hour")
    follow(admin.get_by_role("button", name="Rotate"))
    expect(admin.get_by_role("heading", name="Copy the key now")).to_be_visible()
    new = admin.get_by_label("The key", exact=True).inner_text().strip()
    assert new != old
    _until(server, new, 200)
    assert opens(server, old) == 200


def test_members_come_and_go_in_place(admin: Page, team: str) -> None:
    admin.goto(f"/teams/{team}")
    members = admin.locator("#team-members")
    admin.get_by_label("Add a person").fill("nobody-like-it")
    admin.get_by_role("button", name="Add", exact=True).click()
    expect(members.get_by_text("No active person is called")).to_be_visible()
    expect(admin.get_by_label("Add a person")).to_have_value("nobody-like-it")
    admin.get_by_label("Role of admin in the team").select_option("manager")
    expect(admin.locator(".toast")).to_contain_text("admin is a manager now.")
    admin.get_by_role("button", name="Take admin out of the team").click()
    admin.get_by_role("dialog").get_by_role("button", name="Take out").click()
    expect(members).to_contain_text("Nobody yet.")


def test_people_without_a_role_find_their_own_pages_only(page: Page, server: Console) -> None:
    dora = {"username": "e2e-dora", "password": "nobody-knows-her-yet", "role": ""}
    server.call("POST", "/api/v1/llm/users", dora)
    page.goto("/account")
    page.get_by_label("Username").fill("e2e-dora")
    page.get_by_label("Password").fill("nobody-knows-her-yet")
    follow(page.get_by_role("button", name="Sign in"))
    expect(page.get_by_text("You have no role yet")).to_be_visible()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog").get_by_role("option")).to_have_text(
        [re.compile(name) for name in ("Requests", "Your usage", "Account", "Change password", "API reference")]
    )


def test_the_last_day_is_asked_for_when_it_is_chosen(admin: Page) -> None:
    admin.goto("/keys/new")
    expect(admin.get_by_label("Last day, UTC")).to_be_hidden()
    admin.get_by_label("Expires").select_option("date")
    expect(admin.get_by_label("Last day, UTC")).to_be_visible()


def test_a_group_is_assigned_to_a_team_in_the_builder(admin: Page, team: str) -> None:
    admin.goto("/groups")
    follow(admin.get_by_role("link", name="Edit demo-weighted"))
    fold = admin.locator(".access-fold")
    expect(fold.locator(".for-all")).to_be_visible()
    fold.locator("summary").click()
    for is_assigned in (True, False):
        fold.get_by_label("E2E Research").set_checked(is_assigned)
        expect(fold.locator(".for-some")).to_be_visible(visible=is_assigned)
        follow(admin.get_by_role("button", name="Save group").last)
        expect(admin.get_by_role("heading", level=1, name="demo-weighted")).to_be_visible()
        admin.goto(f"/teams/{team}")
        expect(admin.locator("#team-groups")).to_contain_text("demo-weighted" if is_assigned else "None.")
        admin.goto("/groups")
        follow(admin.get_by_role("link", name="Edit demo-weighted"))


def test_it_works_without_javascript(plain_admin: Page, team: str) -> None:
    page = plain_admin
    page.goto(f"/teams/{team}")
    follow(page.get_by_role("button", name="Set"))
    expect(page.locator(".toast")).to_contain_text("admin is a")
    assert page.locator(".toast").evaluate(BOTTOM) <= page.locator("#main").evaluate(TOP)
    follow(page.get_by_role("link", name="Routing groups that this team may call"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Groups of E2E Research")
    assert re.fullmatch(r"sk-rc-\S+", issue(page, "e2e plain"))
    page.goto("/keys?status=usable&q=e2e+plain")
    follow(page.get_by_role("link", name="e2e plain"))
    follow(page.get_by_role("button", name="Revoke key"))
    follow(page.get_by_role("button", name="Revoke key"))
    expect(page.locator(".head .pill")).to_have_text("Revoked")


def test_axe_finds_nothing_and_no_page_is_too_wide(admin: Page, team: str) -> None:
    issue(admin, "e2e seen")
    assert faults(admin, widths=(PHONE, DESK)) == []
    follow(admin.get_by_role("link", name="I have copied it"))
    expect(admin.get_by_role("heading", name="Rotate")).to_be_visible()
    assert faults(admin, widths=(PHONE, DESK)) == []
    for address in ("/teams", "/teams/new", f"/teams/{team}", f"/teams/{team}/groups", "/people", "/people/new"):
        admin.goto(address)
        assert faults(admin, widths=(PHONE, DESK)) == [], address
    for address in ("/keys", "/keys?q=nothing-like-it", "/keys/new", "/account"):
        admin.goto(address)
        assert faults(admin, widths=(PHONE, DESK)) == [], address
    admin.goto("/keys/new")
    follow(admin.get_by_role("button", name="Issue key"))
    expect(admin.get_by_text("Say what the key is for.")).to_be_visible()
    assert faults(admin, widths=(PHONE, DESK)) == []


def _until(server: Console, key: str, status: int) -> None:
    """Asks until the gateway has followed."""
    assert eventually(lambda: opens(server, key) == status, LIMIT_S), f"The gateway never answered {status} to the key."
