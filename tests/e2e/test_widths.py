"""Nothing is cut off where there is no scroll bar to reach it, at any width between a phone and a desk."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.looks import overflow
from tests.e2e.stage import ask, follow, set_demo
from tests.servers import Console

LONG = "searchandrecommendationsplatformteamofthenorthernregionsandislan"
CUT = "[...document.querySelectorAll('.card.flush')].filter(card => card.scrollWidth > card.clientWidth).length"


@pytest.fixture(scope="module")
def long_names(server: Console) -> None:
    """A team, its key and a group in trouble, with the longest names there can be."""
    team = server.call("POST", "/api/v1/llm/teams", {"name": LONG})
    server.call("POST", f"/api/v1/llm/teams/{team['id']}/members", {"user": "admin"})
    server.call("POST", "/api/v1/llm/keys", {"name": LONG, "owner": "admin", "team": LONG})
    server.call("POST", "/api/v1/llm/credits/movements", {"team": LONG, "kind": "top_up", "amount_usd": 5})
    server.add_group("a" * 128, [model["id"] for model in server.call("GET", "/api/v1/llm/models")["models"]])
    set_demo(server, "nebius", failure_rate=1.0)
    ask(server, "a" * 128)
    set_demo(server, "nebius")


@pytest.mark.parametrize("path", ["/groups", "/teams", "/people", "/keys", "/credits", "/requests", "/models"])
def test_no_table_is_wider_than_its_card(admin: Page, long_names: None, path: str) -> None:
    admin.goto(path, wait_until="networkidle")
    for width in (1541, 1440, 1401, 1361, 1301, 1261, 1200, 1024, 901, 390):
        admin.set_viewport_size({"width": width, "height": 900})
        assert (admin.evaluate(CUT), overflow(admin) <= 0) == (0, True), width


@pytest.mark.parametrize("height", [900, 768])
def test_signing_out_needs_no_scrolling(admin: Page, height: int) -> None:
    admin.set_viewport_size({"width": 1440, "height": height})
    admin.goto("/groups")
    admin.get_by_role("button", name="Your menu: admin").click()
    expect(admin.get_by_role("button", name="Sign out")).to_be_in_viewport(ratio=1)


def test_a_question_about_a_long_name_fits_a_phone(admin: Page, long_names: None) -> None:
    admin.set_viewport_size({"width": 390, "height": 844})
    admin.goto("/teams")
    follow(admin.get_by_role("link", name=LONG))
    admin.get_by_role("button", name="Delete").click()
    dialog = admin.get_by_role("dialog")
    expect(dialog.get_by_role("link", name="Cancel")).to_be_in_viewport()
    assert dialog.evaluate("box => box.scrollWidth <= box.clientWidth")
