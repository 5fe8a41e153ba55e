"""Two configurations are compared in a real browser, from the Live Tester on."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.e2e.looks import faults
from tests.e2e.stage import LIMIT_S, follow


def test_a_group_is_compared_with_another_one(admin: Page) -> None:
    admin.goto("/groups")
    follow(admin.get_by_role("link", name="demo-ordered", exact=True))
    follow(admin.get_by_role("link", name="Live Tester"))
    follow(admin.get_by_role("link", name="Compare", exact=True))
    expect(admin.get_by_text("Nothing compared yet")).to_be_visible()
    admin.get_by_label("Against").select_option(label="demo-weighted")
    admin.get_by_label("Scenario").select_option("primary-outage")
    admin.get_by_label("Number of requests").fill("60")
    admin.get_by_label("Seeds").fill("2")
    admin.get_by_label("First seed").fill("7")
    admin.get_by_role("button", name="Compare", exact=True).click()
    expect(admin.get_by_role("heading", name="Differences")).to_be_visible(timeout=LIMIT_S * 1000)
    rows = admin.get_by_role("row")
    expect(rows.filter(has_text="Success")).to_have_count(1)
    assert faults(admin) == []
